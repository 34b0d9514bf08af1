"""What the web process loads: models are the workers' business, and a server that starts should answer at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from serve.running import environment

FORBIDDEN = (
    *("torch", "transformers", "diffusers", "safetensors.torch", "onnxruntime", "mujoco", "scipy", "daft", "cv2"),
    *("langit.generate", "langit.transformer", "langit.autoencoder", "langit.families", "langit.train"),
)
"""Modules that the web process must not import: those that models run on, and our rooms that run them."""
SCRIPT = """
import json, sys
import langit.cli
from langit.cli.serve import serve
from langit.serve.server import VideoServer
begun = [name for name in sys.argv[1:] if name in sys.modules]
from pathlib import Path
from fastapi.testclient import TestClient
from langit.serve.app import create_app
from langit.serve.models import ModelCard
from langit.serve.settings import ServeSettings
from langit.serve.app import Services
settings = ServeSettings()
services = Services.open(settings)
services.cards.put(ModelCard("pocket", "sha256:" + "0" * 64, ((32, 32),), 8.0, 9, 1, 9, fast=False))
client = TestClient(create_app(settings, services), base_url="http://127.0.0.1:8000")
made = client.post("/v1/videos", json={"prompt": "a red ball", "x_seed": 1})
answers = [
    made,
    client.post("/v1/prompts/coverage", json={"prompt": "a red bal on snow"}),
    *(client.get(path) for path in (
        "/", "/v1/training/pocket", "/v1/models", "/v1/videos", "/v1/videos/" + made.json()["id"], "/openapi.json",
        "/metrics", "/v1/webhook_endpoints", "/healthz",
    )),
    client.delete("/v1/videos/" + made.json()["id"]),
]
used = [name for name in sys.argv[1:] if name in sys.modules]
print(json.dumps([begun, used, [[str(answer.url), answer.status_code] for answer in answers]]))
"""


def test_the_web_process_loads_nothing_that_models_run_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *FORBIDDEN], capture_output=True, text=True, env=environment(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    begun, used, answers = json.loads(done.stdout)
    assert begun == [] and used == []
    assert all(status == 200 for _, status in answers), answers
