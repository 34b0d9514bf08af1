"""What tests of the wire share: requests, and refusals."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
from serve.conftest import Local


def url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def create(client: Local, **fields: object) -> dict[str, object]:
    answer = client.post("/v1/videos", json={"prompt": "a ball", **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def refused(answer: httpx.Response, status: int = 400) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    error: dict[str, str] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "/tmp" not in error["message"] and "Traceback" not in error["message"]
    return error


def folders(client: Local) -> list[Path]:
    return [path for path in client.services.settings.videos.iterdir() if path.is_dir()]
