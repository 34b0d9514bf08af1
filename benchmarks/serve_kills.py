"""Kills of workers at random moments: python -m benchmarks.serve_kills MODEL [--kills N] [--home FOLDER].

``benchmarks.serve --only kills`` kills whole servers and spends nearly all of its time on starting them. Here every
worker is a fork of one process that has opened the model, so that most kills hit a worker at work: while it takes a
job, denoises, saves, releases, enters, or notes the end. Prints how many jobs were lost, made twice or entered twice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NoReturn

from langit import Studio
from langit.files import sha256
from langit.release.outputs import Outputs
from langit.serve import worker
from langit.serve.database import Database
from langit.serve.jobs import Job, Jobs, NewJob
from langit.serve.settings import ServeSettings

OWNER = "local"
STEPS = 30
OPTIONS = ("guidance", "solver", "negative", "quality", "expand")
LONGEST = 600.0
"""Seconds for the jobs that are left at the end."""


def enter(settings: ServeSettings, model: str, seed: int) -> str:
    """Enter a job, as a server does for a request."""
    request = {
        "ability": "generate",
        "arguments": {"prompt": "a red ball on snow"},
        "options": {"steps": STEPS, "strict": False, **dict.fromkeys(OPTIONS)},
        "seed": seed,
        "nearest": 0,
    }
    database = Database.open(settings)
    try:
        return Jobs(database).create(OWNER, NewJob("video", model, request, {}), settings.limits)[0].id
    finally:
        database.close()


def read(settings: ServeSettings, names: list[str]) -> list[Job]:
    """The jobs as they stand."""
    database = Database.open(settings)
    try:
        found = [Jobs(database).find(name) for name in names]
    finally:
        database.close()
    return [job for job in found if job is not None]


def fork_worker(settings: ServeSettings, studio: Studio) -> int:
    """A worker that need not open the model; returns its process."""
    child = os.fork()
    if child:
        return child
    work(settings, studio)


def work(settings: ServeSettings, studio: Studio) -> NoReturn:
    log = os.open(settings.home / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    # a stand-in for the class: forked workers share one open model
    worker.Studio = lambda *_, **__: studio  # type: ignore[assignment,misc]
    worker.run_worker(settings)
    os._exit(0)


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--longest", type=float, default=4.0, help="seconds from a worker's start to its end, at most")
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args()
    home = Path(tempfile.mkdtemp()) if chosen.home is None else chosen.home
    os.environ["LANGIT_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    settings = ServeSettings(home=home, models=(chosen.model,), save_every=0.0)
    studio, name, dice = Studio(chosen.model), Path(chosen.model).name, random.Random(0)
    names: list[str] = []
    hit: Counter[str] = Counter()
    for _ in range(chosen.kills):
        names += [enter(settings, name, len(names) + number) for number in range(dice.randint(0, 2))]
        process = fork_worker(settings, studio)
        time.sleep(dice.uniform(0.0, chosen.longest))
        kill(process)
        begun = [job for job in read(settings, names) if job.status == "in_progress"]
        hit[f"{begun[0].stage} at step {min(begun[0].steps, 1)}+" if begun else "between jobs"] += 1
    process, until = fork_worker(settings, studio), time.monotonic() + LONGEST
    while not all(job.is_over for job in read(settings, names)) and time.monotonic() < until:
        time.sleep(1)
    os.kill(process, signal.SIGTERM)
    os.waitpid(process, 0)
    jobs = read(settings, names)
    entries = Counter(output.content_sha256 for output in Outputs.of(home).ledger.outputs())
    files = [path for job in jobs if (path := settings.videos / job.id / "video.mp4").exists()]
    digests = Counter(map(sha256, files))
    lost = sum(job.status != "completed" for job in jobs) + len(jobs) - len(files)
    unentered = sum(digest not in entries for digest in digests)
    doubled = sum(entries.values()) - len(digests)
    parts = [path for path in settings.videos.rglob("*") if ".part" in path.name]
    print(f"{chosen.kills} kills with {len(jobs)} jobs: " + ", ".join(f"{n} {what}" for what, n in hit.most_common()))
    print(f"attempts at a job: at most {max(job.attempt for job in jobs)}, {sum(job.attempt for job in jobs)} in all")
    print(
        f"lost {lost}, doubled {doubled}, without an entry {unentered},"
        f" {sum(entries.values())} ledger entries for {len(jobs)} jobs, {len(parts)} files half-written"
    )


if __name__ == "__main__":
    main()
