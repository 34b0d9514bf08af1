"""Records' lines without what can be worked out: digests of records before them, and hashes that lie in another file.

Hashes do not compress, and in hexadecimal they take more than they hold. In packed lines each is one of these, where
canonical JSON has no control characters of its own:

    \\x01        the next 32 bytes of the part with the hashes
    \\x02 N      the digest of the line N lines above
    \\x03 N      32 bytes of a known file, N bytes after the beginning of those before (N may be negative)

What comes out is checked by whoever reads it: a line's SHA-256 is its record's digest. Knows nothing of records.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

NEW, ABOVE, KNOWN = b"\x01", b"\x02", b"\x03"
HASH: Final = re.compile(rb'(?<=")[0-9a-f]{64}(?=")')
MARK: Final = re.compile(rb'(?<=")(?:\x01|([\x02\x03])(-?[0-9]{1,10}))(?=")')
SIZE: Final = 32


def pack_lines(lines: Sequence[bytes], known: bytes = b"") -> tuple[bytes, bytes]:
    """Pack canonical lines.

    Args:
        lines: without their newlines.
        known: a file that the reader has as well, in which many of the hashes lie.

    Returns:
        The packed lines, each ended by a newline, and the hashes that were new.
    """
    above: dict[bytes, int] = {}
    wanted = {bytes.fromhex(value.decode()) for line in lines for value in HASH.findall(line)}
    windows = ((known[place : place + SIZE], place) for place in range(len(known) - SIZE + 1))
    places = {value: place for value, place in windows if value in wanted}
    fresh: list[bytes] = []
    last = 0

    def pack(match: re.Match[bytes]) -> bytes:
        nonlocal last
        value = bytes.fromhex(match[0].decode())
        if value in above:
            return ABOVE + b"%d" % (number - above[value])
        place = places.get(value)
        if place is not None:
            step, last = place - last, place
            return KNOWN + b"%d" % step
        fresh.append(value)
        return NEW

    packed = []
    for number, line in enumerate(lines):
        packed.append(HASH.sub(pack, line))
        above[hashlib.sha256(line).digest()] = number
    return b"".join(line + b"\n" for line in packed), b"".join(fresh)


def unpack_lines(packed: bytes, hashes: bytes, known: bytes, largest: int) -> list[bytes]:
    """The lines that :func:`pack_lines` packed.

    Raises:
        ValueError: they refer to what is not there, or are larger than ``largest`` bytes.
    """
    digests: list[bytes] = []
    if packed and not packed.endswith(b"\n"):
        raise ValueError("the last record is cut off")
    used = last = 0

    def unpack(match: re.Match[bytes]) -> bytes:
        nonlocal used, last
        if match[1] is None:
            value, used = hashes[used : used + SIZE], used + SIZE
        elif match[1] == ABOVE:
            distance = int(match[2])
            if not 0 < distance <= len(digests):
                raise ValueError(f"line {len(digests)} refers to the line {distance} above it")
            value = digests[-distance]
        else:
            last += int(match[2])
            value = known[last : last + SIZE] if last >= 0 else b""
        if len(value) != SIZE:
            raise ValueError(f"line {len(digests)} refers to a hash that is not there")
        return value.hex().encode()

    lines: list[bytes] = []
    size = 0
    for line in packed.split(b"\n")[:-1]:
        whole = MARK.sub(unpack, line)
        size += len(whole) + 1
        if size > largest:
            raise ValueError(f"the records are larger than {largest} bytes")
        lines.append(whole)
        digests.append(hashlib.sha256(whole).digest())
    if used != len(hashes):
        raise ValueError(f"{len(hashes) - used} bytes of hashes belong to no line")
    return lines
