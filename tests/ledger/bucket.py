"""A small S3-compatible server on loopback: objects in memory, conditional puts, ranges, lists; no signatures."""

import hashlib
import http.server
import re
import threading
from contextlib import contextmanager
from email.utils import formatdate
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _say(self, status, body=b"", **headers):
        self.send_response_only(status)
        headers = {"Content-Length": str(len(body)), "Date": formatdate(usegmt=True)} | headers
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fail(self, status, code):
        self._say(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    @property
    def _key(self):
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "chunked" in self.headers.get("x-amz-content-sha256", "").lower():
            raise AssertionError("signed chunks are not spoken here")
        with self.server.lock:
            before = self.server.objects.get(self._key)
            wanted = self.headers.get("If-Match")
            if (self.headers.get("If-None-Match") == "*" and before is not None) or (
                wanted is not None and (before is None or _tag(before) != wanted)
            ):
                return self._fail(412, "PreconditionFailed")
            self.server.objects[self._key] = body
        return self._say(200, ETag=_tag(body))

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._list(query)
        with self.server.lock:
            body = self.server.objects.get(self._key)
        if body is None:
            return self._fail(404, "NoSuchKey")
        about = {"ETag": _tag(body), "Last_Modified": formatdate(usegmt=True), "Accept_Ranges": "bytes"}
        ranged = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if ranged is None:
            return self._say(200, body, **about)
        first, last = ranged[1], ranged[2]
        start = int(first) if first else max(len(body) - int(last), 0)
        end = min(int(last) + 1, len(body)) if first and last else len(body)
        return self._say(206, body[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(body)}", **about)

    def do_HEAD(self):
        self.do_GET()

    def do_DELETE(self):
        with self.server.lock:
            self.server.objects.pop(self._key, None)
        self._say(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with self.server.lock:
            keys = [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", body)]
            for key in keys:
                self.server.objects.pop(key, None)
        gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._say(200, f"<DeleteResult>{gone}</DeleteResult>".encode(), Content_Type="application/xml")

    def _list(self, query):
        prefix, after = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        delimiter = query.get("delimiter", [""])[0]
        with self.server.lock:
            found = sorted(key for key in self.server.objects if key.startswith(prefix) and key > after)
            sizes = {key: (len(self.server.objects[key]), _tag(self.server.objects[key])) for key in found}
        folders = []
        if delimiter:
            under = {key: key[len(prefix) :].partition(delimiter) for key in found}
            folders = sorted({prefix + head + delimiter for head, cut, _ in under.values() if cut})
            found = [key for key in found if not under[key][1]]
        listed = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(sizes[key][1])}</ETag><Size>{sizes[key][0]}</Size></Contents>"
            for key in found
        ) + "".join(f"<CommonPrefixes><Prefix>{escape(quote(name))}</Prefix></CommonPrefixes>" for name in folders)
        head = f"<Name>films</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount>"
        said = f"<ListBucketResult>{head}<IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
        self._say(200, said.encode(), Content_Type="application/xml")

    def log_message(self, *_):
        return


def _tag(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


@contextmanager
def serving():
    """Gives the options that a ledger needs to reach a fresh server; any bucket is there."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.objects, server.lock = True, {}, threading.Lock()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {
            "endpoint": f"http://127.0.0.1:{server.server_address[1]}",
            "region": "us-east-1",
            "access_key_id": "nobody",
            "secret_access_key": "nothing",
            "allow_http": "true",
            "virtual_hosted_style_request": "false",
        }
    finally:
        server.shutdown()
        server.server_close()
