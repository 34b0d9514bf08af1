"""A server in processes of its own, and what tests ask of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai

from langit.ledger.derived import Output
from langit.release.outputs import Outputs

READY = 300.0


@dataclass
class RunningServer:
    """A server that was started by ``langit serve``."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    log: Path
    key: str = "none"

    @classmethod
    @contextmanager
    def start(cls, model: Path, home: Path, *options: str, key: str = "none") -> Iterator[RunningServer]:
        """Start a server on a free port, and wait until its worker has loaded the model."""
        running = cls.launch(model, home, *options, key=key)
        try:
            if "--workers=0" not in options:
                running.wait_ready()
            yield running
        finally:
            running.end()

    @classmethod
    def launch(cls, model: Path, home: Path, *options: str, key: str = "none") -> RunningServer:
        """Start a server, and wait until it listens."""
        home.mkdir(parents=True, exist_ok=True)
        log = home / "server.log"
        command = [sys.executable, "-m", "langit", "serve", "--port", "0", "--model", str(model), *options]
        with log.open("a") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(home))
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " serves " in line, log.read_text()
        return cls(process, line.split(" ", 1)[0], home, log, key)

    def wait_ready(self) -> None:
        """Wait until a worker has loaded the model."""
        self.until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)

    def until(self, holds: Any, seconds: float = READY) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    @property
    def openai(self) -> openai.OpenAI:
        """OpenAI's client of it."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.key, max_retries=0)

    def finish(self, name: str, seconds: float = READY) -> dict[str, Any]:
        """A video when it is over."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.get(name))
            return found["status"] in ("completed", "failed")

        self.until(over, seconds)
        return found

    def get(self, name: str) -> dict[str, Any]:
        """A video as it stands."""
        answer = httpx.get(f"{self.url}/v1/videos/{name}", headers={"Authorization": f"Bearer {self.key}"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def create(self, **fields: Any) -> str:
        """Create a video, and return its id."""
        answer = httpx.post(
            f"{self.url}/v1/videos",
            json={"prompt": "a red ball on snow", **fields},
            headers={"Authorization": f"Bearer {self.key}"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def entries(self) -> tuple[Output, ...]:
        """The outputs in the server's ledger."""
        return outputs_of(self.home)

    def kill(self) -> None:
        """Kill the server; its workers end with it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


def outputs_of(home: Path) -> tuple[Output, ...]:
    """The outputs in the ledger of a home."""
    return Outputs.of(home).ledger.outputs() if (home / "ledger").exists() else ()


def environment(home: Path) -> dict[str, str]:
    """The environment of a process with a home of its own."""
    return os.environ | {"LANGIT_HOME": str(home), "OMP_NUM_THREADS": "1"}
