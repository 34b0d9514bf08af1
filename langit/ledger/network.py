"""Connections to public addresses alone: a URL from a stranger must not reach into this machine or its network.

A host name is resolved once, every address is judged, and the connection goes to an address that was judged, so that a
name that resolves differently the second time gains nothing. Proxies of the environment are not used: they would
resolve the name again, out of sight. Knows nothing of what is fetched.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNICAST = ipaddress.ip_network("2000::/3")
SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "5f00::/16")))
"""Of protocols, relays, documentation and routing: nobody has footage there, and Python counts them as global."""
HEADERS = {"Accept-Encoding": "identity"}  # bytes are hashed as they are at the source


def why_not_public(address: Address) -> str | None:
    """Why an address is not to be connected to, or ``None`` if it is a public one."""
    inner = _embedded(address)
    if inner is not None:
        return why_not_public(inner)
    # Of IPv6 only global unicast is in use; site-local addresses, though abandoned, count as global in Python.
    unicast = isinstance(address, ipaddress.IPv4Address) or address in UNICAST
    special = any(address in network for network in SPECIAL if network.version == address.version)
    if address.is_global and unicast and not (special or address.is_multicast or address.is_reserved):
        return None
    return f"{address} is not a public address"


def _embedded(address: Address) -> Address | None:
    """The IPv4 address inside an IPv6 one: mapped, 6to4, Teredo, or translated by NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def resolve(host: str, port: int, networks: Sequence[str] = ()) -> list[tuple[int, tuple[object, ...]]]:
    """Address families and socket addresses of a host, all of which may be connected to.

    Args:
        host: a name, or an address in any notation that the system's resolver takes (``127.1``, ``0x7f000001`` ...).
        port: the port.
        networks: private networks that are permitted, in CIDR notation.

    Raises:
        OSError: the name does not resolve, or one of its addresses is not public.
    """
    permitted = [ipaddress.ip_network(network) for network in networks]
    found: list[tuple[int, tuple[object, ...]]] = []
    for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        inside = any(item in network for network in permitted for item in (address, _embedded(address)) if item)
        why = None if inside else why_not_public(address)
        if why is not None:
            # One bad address is enough: which of several a client picks is the name's owner's choice.
            raise OSError(f"{host} is at {address}, not a public address: --allow-network permits a network")
        found.append((family, tuple(place)))
    if not found:
        raise OSError(f"{host} has no address")
    return found


def _connect(host: str, port: int, seconds: float, networks: Sequence[str], end: float) -> socket.socket:
    """A socket to the first address of a host that answers, before the clock says ``end``."""
    problem: OSError | None = None
    for family, place in resolve(host, port, networks):
        left = end - time.monotonic()
        if left <= 0:  # a name may have hundreds of addresses at which nobody answers
            raise TimeoutError(f"{host} has many addresses, and none of those that were tried answers")
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.settimeout(min(seconds, left))
        try:
            opened.connect(place)
            return opened
        except OSError as error:
            opened.close()
            problem = error
    assert problem is not None
    raise problem


def post_url(
    url: str,
    agent: str,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    total: float,
    networks: Sequence[str] = (),
) -> int:
    """POST to a URL once, without following redirects; returns the status of the answer, whose body is not read.

    Raises:
        OSError, http.client.HTTPException: see :func:`open_url`, which explains the arguments as well.
    """
    with open_url(url, agent, seconds, total, networks, headers=headers, body=body) as answer:
        return answer.status


@contextmanager
def open_url(
    url: str,
    agent: str,
    seconds: float,
    total: float,
    networks: Sequence[str] = (),
    headers: Mapping[str, str] = {},
    body: bytes | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """GET a URL once, or POST to it, without following redirects; the answer may have any status.

    Args:
        url: of http or https.
        agent: the User-Agent.
        seconds: of silence after which the connection is given up.
        total: seconds in all, from the connection to the last byte read; a server that drips headers gains nothing.
        networks: private networks that are permitted, in CIDR notation.
        headers: sent besides those that are always sent.
        body: to POST; None to GET.

    Raises:
        OSError: nothing answered, the address is not public, or time ran out.
        http.client.HTTPException: what answered does not speak HTTP.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    end = time.monotonic() + total
    raw = _connect(host, port, seconds, networks, end)
    raw.settimeout(seconds)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        with suppress(OSError):  # it may be closed by now
            socket.socket.shutdown(raw, socket.SHUT_RDWR)  # wakes a read that is waiting; closing would not

    timer = threading.Timer(max(end - time.monotonic(), 0), give_up)
    timer.daemon = True
    timer.start()
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        if secure:
            # The handshake comes after the assignment, so that a handshake that drips is woken as well.
            tls = ssl.create_default_context().wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
            raw = tls
            tls.do_handshake()
        connection.sock = raw
        target = parts.path or "/"
        name = f"[{host}]" if ":" in host else host
        default = port == (443 if secure else 80)
        target += f"?{parts.query}" if parts.query else ""
        connection.putrequest("GET" if body is None else "POST", target, skip_host=True)
        connection.putheader("Host", name if default else f"{name}:{port}")
        length = {} if body is None else {"Content-Length": str(len(body))}
        for key, value in (HEADERS | {"User-Agent": agent, "Connection": "close"} | dict(headers) | length).items():
            connection.putheader(key, value)
        connection.endheaders(body)
        with connection.getresponse() as answer:
            yield answer
        if late.is_set():
            raise TimeoutError(f"it took longer than {total:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise TimeoutError(f"it took longer than {total:g} s") from error
        raise
    finally:
        timer.cancel()
        connection.close()
        raw.close()
