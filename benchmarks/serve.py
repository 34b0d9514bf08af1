"""Figures of the server: python -m benchmarks.serve [--quick] [--kills N] [--jobs N] [--model NAME].

Starts servers of its own in temporary folders and prints: requests a second and their times with 64 clients while a job
runs; the time from POST to completed beside generation alone; the first preview; memory over many jobs; and random
kills of the whole server. Everything runs on this machine, clients too: on a busy one the figures are those of a busy
one, so each is given with its range.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

CLIENTS = 64
PROMPT = "a red ball bounces on snow at sunset"


@dataclass
class Served:
    """A server in processes of its own, and one kept connection to it: opening one takes longer than most calls."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    key: str = "none"
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, verify=False, timeout=60, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def create(self, **fields: Any) -> str:
        answer = self.client.post("/v1/videos", json={"prompt": PROMPT, **fields})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def finish(self, name: str, every: float = 0.02) -> dict[str, Any]:
        while (found := self.get(f"/v1/videos/{name}"))["status"] in ("queued", "in_progress"):
            time.sleep(every)
        return found

    def times(self, name: str) -> tuple[float, float]:
        """When a job was begun and completed, as the database has it."""
        with sqlite3.connect(self.home / "serve" / "jobs.sqlite3") as database:
            query = "select started_at, completed_at from langit_jobs where id = ?"
            started, completed = database.execute(query, (name,)).fetchone()
        return started, completed

    def worker(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])


def launch(home: Path, model: str, *options: str, key: str = "none") -> Served:
    """Start a server, and wait until its worker is ready."""
    environment = os.environ | {"LANGIT_HOME": str(home)}
    command = [sys.executable, "-m", "langit", "serve", "--port", "0", "--model", model, *options]
    log = (home / "server.log").open("a")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    if " serves " not in line:
        raise SystemExit((home / "server.log").read_text())
    served = Served(process, line.split(" ", 1)[0], home, key)
    while served.client.get("/readyz").status_code != 200:
        time.sleep(0.1)
    return served


@contextmanager
def serving(model: str, *options: str, limits: tuple[str, ...] = ()) -> Iterator[Served]:
    """A server in a new folder; with ``limits``, it asks for a key that has them."""
    with tempfile.TemporaryDirectory() as folder:
        key = "none"
        if limits:
            command = [sys.executable, "-m", "langit", "serve", "keys", "add", "bench"]
            command += [part for limit in limits for part in ("--limit", limit)]
            environment = os.environ | {"LANGIT_HOME": folder}
            made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            key = made.stdout.split()[0]
        served = launch(Path(folder), model, *options, key=key)
        try:
            yield served
        finally:
            if served.process.poll() is None:
                served.process.terminate()
                served.process.wait(60)


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def measure_requests(model: str, seconds: float) -> None:
    """Create, retrieve and list with 64 clients while a job runs. All requests succeed, or this fails."""
    many = 10**9
    limits = tuple(f"{name}={many}" for name in ("waiting", "jobs_per_day", "requests_per_minute"))
    with serving(model, "--grace", "0", limits=limits) as served:
        running = served.create(x_steps=1000)
        known = [served.create() for _ in range(20)]
        body = json.dumps({"prompt": PROMPT})

        def ask(client: http.client.HTTPConnection, method: str, path: str, body: str | None = None) -> None:
            client.request(method, path, body, served.headers)
            answer = client.getresponse()
            text = answer.read()
            assert answer.status == 200, text

        calls: dict[str, Callable[[http.client.HTTPConnection], None]] = {
            "retrieve": lambda client: ask(client, "GET", f"/v1/videos/{random.choice(known)}"),
            "list": lambda client: ask(client, "GET", "/v1/videos?limit=20"),
            "create": lambda client: ask(client, "POST", "/v1/videos", body),
        }
        print(f"requests with {CLIENTS} clients while a job runs:")
        for name, call in calls.items():
            times: list[float] = []
            ready = threading.Barrier(CLIENTS + 1)

            def work(
                call: Callable[[http.client.HTTPConnection], None] = call,
                times: list[float] = times,
                ready: threading.Barrier = ready,
            ) -> None:
                client = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=60)
                client.connect()
                ready.wait()
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    begun = time.monotonic()
                    call(client)
                    times.append(time.monotonic() - begun)
                client.close()

            threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
            for thread in threads:
                thread.start()
            ready.wait()
            begun = time.monotonic()
            for thread in threads:
                thread.join()
            rate = len(times) / (time.monotonic() - begun)
            print(
                f"  {name:8} {rate:7.0f} a second, p50 {percentile(times, 0.5) * 1e3:.0f} ms,"
                f" p99 {percentile(times, 0.99) * 1e3:.0f} ms ({len(times)} requests)"
            )
        state = served.get(f"/v1/videos/{running}")
        print(f"  meanwhile the job was {state['status']} at step {state['x_step']}")


ALONE = """
import sys, time, json, tempfile
from pathlib import Path
from langit import Studio
from langit.studio.text_requests import GenerateRequest
studio = Studio(sys.argv[1])
times = []
for seed in range(int(sys.argv[2]) + 1):
    begun = time.monotonic()
    (job,) = studio.prepare(GenerateRequest(prompt=sys.argv[3]), seeds=[seed])
    with tempfile.TemporaryDirectory() as folder:
        job.run(Path(folder) / "video.mp4", on_preview=lambda frames: None)
    times.append(time.monotonic() - begun)
print(json.dumps(times[1:]))
"""


def measure_overhead(model: str, repeats: int) -> None:
    """From POST to completed, beside the same studio in a process of its own; the two take turns."""
    pairs: list[tuple[float, float]] = []
    parts: list[tuple[float, float, float]] = []
    with serving(model) as served, tempfile.TemporaryDirectory() as home:
        served.finish(served.create(x_seed=0, x_nearest=0))  # opens the door's parts
        environment = os.environ | {"LANGIT_HOME": home}
        for _ in range(repeats):
            done = subprocess.run(
                [sys.executable, "-c", ALONE, model, "1", PROMPT], env=environment, capture_output=True, text=True
            )
            (alone,) = json.loads(done.stdout)
            begun, posted = time.monotonic(), time.time()
            name = served.create(x_seed=1, x_nearest=0)
            served.finish(name)
            pairs.append((alone, time.monotonic() - begun))
            seen = time.time()
            started, completed = served.times(name)
            parts.append((started - posted, completed - started, seen - completed))
    alone_times, served_times = zip(*pairs, strict=True)
    more = statistics.median(served_times) / statistics.median(alone_times) - 1
    print(
        f"POST to completed: median {statistics.median(served_times):.2f} s"
        f" ({min(served_times):.2f} to {max(served_times):.2f}), generation alone"
        f" {statistics.median(alone_times):.2f} s ({min(alone_times):.2f} to {max(alone_times):.2f}):"
        f" {more:+.1%} of the medians, {statistics.median(one - other for other, one in pairs) * 1e3:+.0f} ms"
    )
    waited, made, seen = (1e3 * statistics.median(part) for part in zip(*parts, strict=True))
    print(
        f"  medians: {waited:.0f} ms from POST to the worker, {made:.0f} ms there, {seen:.0f} ms until a client saw it"
    )


def measure_preview(model: str, repeats: int) -> None:
    """From POST to the first preview event."""
    times = []
    with serving(model) as served:
        served.finish(served.create(x_nearest=0))
        for _ in range(repeats):
            begun = time.monotonic()
            name = served.create(x_nearest=0)
            with httpx.stream("GET", f"{served.url}/v1/videos/{name}/events", timeout=120) as answer:
                for line in answer.iter_lines():
                    if line == "event: preview":
                        times.append(time.monotonic() - begun)
                        break
                    if line == "event: done":
                        break
            served.finish(name)
    shown = f"median {statistics.median(times):.2f} s, {min(times):.2f} to {max(times):.2f}" if times else "none"
    print(f"first preview after POST: {shown} ({len(times)} of {repeats} jobs)")


def memory_of(process: int) -> int:
    text = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) // 1024


def measure_memory(model: str, jobs: int) -> None:
    """Resident memory of both processes over many jobs."""
    with serving(model) as served:
        seen: list[tuple[int, int]] = []
        for number in range(jobs):
            served.finish(served.create(x_seed=number, x_steps=2, x_nearest=0), 0.01)
            if number in (9, jobs // 4, jobs // 2, 3 * jobs // 4, jobs - 1):
                seen.append((memory_of(served.process.pid), memory_of(served.worker())))
        shown = ", then ".join(f"{web} and {worker} MB" for web, worker in seen)
        print(f"memory of web and worker after 10 jobs, three times on the way, and after {jobs}: {shown}")


def measure_kills(model: str, kills: int, minutes: float) -> None:
    """Kill the whole server at random moments while it has jobs; count what was lost or made twice.

    Ends early after so many minutes, and says how many kills there were.
    """
    from langit.files import sha256
    from langit.release.outputs import Outputs

    dice = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        home, names = Path(folder), []
        options = ("--save-every", "0")
        done, until = 0, time.monotonic() + 60 * minutes
        while done < kills and time.monotonic() < until:
            served = launch(home, model, *options)
            done += 1
            names += [served.create(x_seed=len(names), x_steps=30, x_nearest=0) for _ in range(dice.randint(0, 2))]
            time.sleep(dice.uniform(0.0, 4.0))
            served.process.send_signal(signal.SIGKILL)
            served.process.wait()
        served = launch(home, model, *options)
        states = [served.finish(name)["status"] for name in names]
        served.process.terminate()
        served.process.wait(60)
        entries = [output.content_sha256 for output in Outputs.of(home).ledger.outputs()]
        files = [sha256(home / "serve" / "videos" / name / "video.mp4") for name in names]
        lost = sum(state != "completed" for state in states) + sum(digest not in entries for digest in files)
        doubled = len(entries) - len(set(files))
        parts = [path for path in (home / "serve" / "videos").rglob("*") if ".part" in path.name]
        print(
            f"{done} kills of the server with {len(names)} jobs: lost {lost}, doubled {doubled},"
            f" {len(entries)} ledger entries, {len(parts)} files half-written"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--quick", action="store_true", help="shorter, with wider ranges")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60, help="for the kills")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--only", choices=["requests", "overhead", "preview", "memory", "kills"])
    chosen = parser.parse_args()
    short = chosen.quick
    steps: dict[str, Callable[[], None]] = {
        "requests": lambda: measure_requests(chosen.model, 4 if short else 15),
        "overhead": lambda: measure_overhead(chosen.model, 3 if short else 9),
        "preview": lambda: measure_preview(chosen.model, 3 if short else 10),
        "memory": lambda: measure_memory(chosen.model, 20 if short else chosen.jobs),
        "kills": lambda: measure_kills(chosen.model, 5 if short else chosen.kills, chosen.minutes),
    }
    for name, step in steps.items():
        if chosen.only in (None, name):
            step()


if __name__ == "__main__":
    main()
