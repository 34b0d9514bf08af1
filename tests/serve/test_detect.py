"""The detector: any file from anybody, examined in a confined process, and nothing of it left behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from release.leaving import FACTS
from serve.conftest import Local, Start

from langit import video
from langit.inquiry.public import public_verdict
from langit.ledger.record import Source
from langit.ledger.store import Ledger
from langit.release.credentials.identity import identity
from langit.release.credentials.sign import sign
from langit.release.outputs import Outputs
from langit.release.verdict import FileVerdict, KnownOutput, KnownSource, VerifyFinding
from langit.serve.settings import Limits

SECRET = "a prompt that only the ledger keeps"


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files would be, if there were any."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of nobody."""
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    video.write(path, np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8), 8)
    return path.read_bytes()


def released(home: Path, plain: bytes, folder: Path) -> bytes:
    """A video as it leaves by the door of a home: signed and entered. Its frames carry no watermark."""
    unsigned, signed = folder / "unsigned.mp4", folder / "signed.mp4"
    unsigned.write_bytes(plain)
    sign(unsigned, signed, FACTS, identity(home / "keys"))
    Outputs.of(home).enter(_sha256(signed.read_bytes()), FACTS)
    return signed.read_bytes()


def trace(*folders: Path) -> list[str]:
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))


def test_what_a_model_made_is_told(client: Local, plain: bytes, tmp_path: Path, uploads: Path) -> None:
    home = client.services.settings.home
    film = released(home, plain, tmp_path)
    before = trace(home, uploads)
    answer = client.post("/v1/detect", content=film)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["finding"], found["made_by_machine"], found["edited"]) == ("trusted", "yes", "no")
    assert found["claims"]["model"] == "tiny" and found["claims"]["prompt"] == FACTS.prompt
    assert found["signer"]["this_server"] and found["known_here"]["how"] == "file"
    changed = bytearray(film)
    changed[film.rindex(b"mdat") + 40] ^= 1
    edited = client.post("/v1/detect", content=bytes(changed)).json()
    assert (edited["finding"], edited["made_by_machine"], edited["edited"]) == ("changed", "yes", "yes")
    assert trace(home, uploads) == before


def test_nothing_is_known_of_a_strangers_film(client: Local, plain: bytes, uploads: Path) -> None:
    found = client.post("/v1/detect", files={"file": ("x.mp4", plain, "video/mp4")}).json()
    assert (found["finding"], found["made_by_machine"], found["edited"]) == ("nothing", "unknown", "unknown")
    assert "does not mean" in found["summary"]
    text = client.post("/v1/detect", content=b"#EXTM3U\n/etc/passwd\n").json()
    assert text["finding"] == "no-pictures"
    assert trace(uploads) == []


def test_the_ledger_tells_a_stranger_nothing_of_others(tmp_path: Path) -> None:
    known = KnownOutput("watermark", "e" * 64, "c" * 64, "2026-01-01", "m" * 64, "generate", SECRET, ("p" * 64,))
    marked = FileVerdict("x", "a" * 64, VerifyFinding.KNOWN_MARK, known=(known,), mark="holds the id 00")
    shown = json.dumps(public_verdict(marked))
    assert SECRET not in shown and "p" * 64 not in shown and "c" * 64 not in shown
    given = KnownSource(None, given_to=("b" * 64,))
    parent = public_verdict(FileVerdict("x", "a" * 64, VerifyFinding.KNOWN_PARENT, source=given))
    nothing = public_verdict(FileVerdict("x", "a" * 64, VerifyFinding.NOTHING))
    assert parent["finding"] == "nothing" and "b" * 64 not in json.dumps(parent)
    assert {**parent, "detail": ""} == {**nothing, "detail": ""}
    source = KnownSource("e" * 64, "the title", "the creator", "CC0-1.0", ("b" * 64,))
    learnt = json.dumps(public_verdict(FileVerdict("x", "a" * 64, VerifyFinding.KNOWN_SOURCE, source=source)))
    assert "the title" not in learnt and "b" * 64 not in learnt


def test_a_given_file_is_not_given_away(client: Local, plain: bytes, tmp_path: Path) -> None:
    home = client.services.settings.home
    Ledger(home / "ledger").add([Source(kind="file", title="hidden", content_sha256=_sha256(plain))])
    found = client.post("/v1/detect", content=plain)
    assert found.json()["finding"] == "nothing" and "hidden" not in found.text


def test_limits_come_before_decoding(client: Local, tmp_path: Path) -> None:
    from langit.inquiry.limits import InquiryLimits
    from langit.serve.examiners import Examiners

    def post(frames: int, side: int, fps: float = 8) -> tuple[int, str]:
        path = tmp_path / f"{frames}-{side}.mp4"
        video.write(path, np.zeros((frames, side, side, 3), np.uint8), fps)
        answer = client.post("/v1/detect", content=path.read_bytes())
        return answer.status_code, answer.text

    client.app.state.examiners = Examiners(InquiryLimits(bytes=20_000, seconds=4.0, pixels=96 * 96))
    status, text = post(8, 128)
    assert status == 413 and "128x128" in text
    status, text = post(48, 64)
    assert status == 413 and "seconds" in text
    large = client.post("/v1/detect", content=bytes(20_001))
    assert large.status_code == 413 and "20,000 bytes" in large.text
    form = client.post("/v1/detect", files={"file": bytes(120_000)})
    assert form.status_code == 413

    def endless() -> Any:
        for _ in range(1000):
            yield bytes(1000)

    assert client.post("/v1/detect", content=endless()).status_code == 413


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "application/octet-stream", "no file"),
        (b"{}", "application/json", "no file"),
        (b'{"prompt": "x"}', "application/json", "not a field here"),
        (b"{", "application/json", "not JSON"),
        (b"[1]", "application/json", "not an object"),
        (b"nonsense", "multipart/form-data; boundary=x", "form"),
        (b"nonsense", "multipart/form-data", "form"),
    ],
)
def test_bad_requests_are_named(client: Local, body: bytes, kind: str, words: str) -> None:
    answer = client.post("/v1/detect", content=body, headers={"content-type": kind})
    assert answer.status_code == 400 and words in answer.json()["error"]["message"]


def test_strangers_are_rate_limited_and_other_sites_refused(start: Start) -> None:
    client = start(limits=Limits(public_per_minute=2))
    refused = client.post("/v1/detect", content=b"x", headers={"Origin": "https://elsewhere.example"})
    assert refused.status_code == 403
    codes = [client.post("/v1/detect", content=b"").status_code for _ in range(3)]
    assert codes == [400, 400, 429]


def test_a_child_writes_nothing_and_ends(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    script = (
        "from pathlib import Path\nfrom langit.inquiry.child import confine\n"
        "from langit.inquiry.limits import InquiryLimits\nconfine(InquiryLimits(cpu_seconds=1))\n"
        f"try:\n    Path({str(kept)!r}).write_bytes(b'x')\nexcept OSError as error:\n    print(error, flush=True)\n"
        "while True: pass\n"
    )
    begun = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "File too large" in ended.stdout and ended.returncode < 0 and time.monotonic() - begun < 50
    assert not kept.exists() or kept.stat().st_size == 0


def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Another program in the place of the examiner."""
    path = tmp_path / "decoder"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr("langit.inquiry.examine.sys.executable", str(path))
    return path


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("head -c 100 >/dev/null; kill -SEGV $$", "SIGSEGV"),
        ("kill -KILL $$", "SIGKILL"),
        ("echo nonsense", "code 0"),
    ],
)
def test_a_crash_of_the_decoder_leaves_nothing(
    client: Local, plain: bytes, tmp_path: Path, uploads: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    decoder(tmp_path, monkeypatch, script)
    answer = client.post("/v1/detect", content=plain)
    assert answer.status_code == 422 and words in answer.json()["error"]["message"]
    assert trace(uploads) == [] and _open_uploads(uploads) == []


def test_a_decoder_that_hangs_is_ended(
    client: Local, plain: bytes, tmp_path: Path, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langit.inquiry.limits import InquiryLimits
    from langit.serve.examiners import Examiners

    program = decoder(tmp_path, monkeypatch, "sleep 77 & sleep 77")
    client.app.state.examiners = Examiners(InquiryLimits(wall_seconds=0.5))
    answer = client.post("/v1/detect", content=plain)
    assert answer.status_code == 422 and "within 0.5 seconds" in answer.text
    assert trace(uploads) == [] and not _running(program)


@pytest.mark.parametrize("whole", [False, True])
def test_a_stranger_who_hangs_up_leaves_nothing(
    client: Local, plain: bytes, tmp_path: Path, uploads: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    program = decoder(tmp_path, monkeypatch, "sleep 77")
    messages = [
        {"type": "http.request", "body": plain if whole else plain[: len(plain) // 2], "more_body": not whole},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(_: dict[str, Any]) -> None:
        pass

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/detect",
        "raw_path": b"/v1/detect",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"content-length", str(len(plain)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    begun = time.monotonic()
    asyncio.run(client.app(scope, receive, send))
    assert time.monotonic() - begun < 30
    assert trace(uploads) == [] and _open_uploads(uploads) == [] and not _running(program)


def _open_uploads(uploads: Path) -> list[str]:
    """Nameless files of the folder that this process still holds."""
    folder = Path("/proc/self/fd")
    links = [os.readlink(folder / name) for name in os.listdir(folder) if (folder / name).is_symlink()]  # noqa: PTH115, PTH208
    return [link for link in links if str(uploads) in link]


def _running(program: Path) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(program).encode() in words:
            found.append(int(folder.name))
    return found


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
