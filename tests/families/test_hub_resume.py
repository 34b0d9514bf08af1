"""A download that is cut off goes on where it ended: against a server of this machine that speaks as the hub does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

NAME = "someone/tiny-wan"
SHA = "1" * 40
LARGE = "transformer/diffusion_pytorch_model.safetensors"
FILES = {
    "model_index.json": b"{}",
    "transformer/config.json": b"{}",
    LARGE: bytes(range(256)) * 106_496,  # 27 MB: the library reads 10 MB at a time, and resumes after whole ones
    "model.bin": b"a pickle, which is not wanted",
}


class Hub:
    """A repository, what was asked of it, and how often large files break off."""

    def __init__(self) -> None:
        self.breaks = 0
        self.asked: list[tuple[str, str, str]] = []  # method, path, range
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, body: bool) -> None:
                span = self.headers.get("Range", "")
                outer.asked.append((self.command, self.path, span))
                if outer.status != 200:
                    self.send_response(outer.status)
                    self.send_header("X-Error-Code", "GatedRepo")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif "/tree/" in self.path:
                    tree = [
                        {"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in FILES.items()
                    ]
                    self.send(json.dumps(tree).encode(), {"Content-Type": "application/json"}, body)
                elif self.path.startswith("/api/models/"):
                    siblings = [{"rfilename": name, "size": len(data)} for name, data in FILES.items()]
                    info = {"id": NAME, "modelId": NAME, "sha": SHA, "siblings": siblings, "tags": [], "private": False}
                    self.send(json.dumps(info).encode(), {"Content-Type": "application/json"}, body)
                elif f"/resolve/{SHA}/" not in self.path:  # what else a library may ask of the hub
                    self.send(b"{}", {}, body, 404)
                else:
                    self.file(self.path.partition(f"/resolve/{SHA}/")[2], span, body)

            def file(self, name: str, span: str, body: bool) -> None:
                data = FILES[name]
                headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": SHA}
                first = int(span.removeprefix("bytes=").split("-")[0]) if span else 0
                if first:
                    headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
                cut = len(data) // 2 if body and name == LARGE and outer.breaks else None
                self.send(data[first:], headers, body, 206 if first else 200, cut)

            def send(
                self, data: bytes, headers: dict[str, str], body: bool, status: int = 200, cut: int | None = None
            ) -> None:
                self.send_response(status)
                for key, value in ({"Content-Length": str(len(data))} | headers).items():
                    self.send_header(key, value)
                self.end_headers()
                if body:
                    self.wfile.write(data[:cut])
                if cut is not None:
                    outer.breaks -= 1
                    self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.server.shutdown()


def fetch(hub: Hub, cache: Path) -> subprocess.CompletedProcess[str]:
    code = f"from langit.families.hub import fetch; print(fetch({NAME!r}, lambda folder: None))"
    plain = {"HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    plain |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_CACHE"} | plain
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


def test_a_download_goes_on_where_it_was_cut_off(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = 1
    run = fetch(hub, tmp_path)
    assert run.returncode == 0, run.stderr
    folder = Path(run.stdout.strip().splitlines()[-1])
    assert (folder / LARGE).read_bytes() == FILES[LARGE]
    spans = [span for method, path, span in hub.asked if method == "GET" and path.endswith(LARGE) and span]
    assert any(int(span.removeprefix("bytes=").split("-")[0]) > 0 for span in spans), (hub.asked, hub.breaks)
    assert not (folder / "model.bin").exists() and not any("model.bin" in path for _, path, _ in hub.asked)


def test_what_was_downloaded_is_not_downloaded_again(hub: Hub, tmp_path: Path) -> None:
    assert fetch(hub, tmp_path).returncode == 0
    hub.asked.clear()
    assert fetch(hub, tmp_path).returncode == 0
    assert not any(method == "GET" and "/resolve/" in path for method, path, _ in hub.asked)


def test_the_servers_own_refusal_of_a_gated_repository_is_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.status = 403
    run = fetch(hub, tmp_path)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith(f"ValueError: {NAME} is gated: accept its terms at")
