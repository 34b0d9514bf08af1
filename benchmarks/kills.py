"""Random processes of a run are killed at random moments: what is lost, what is seen twice, whether losses are equal.

    python -m benchmarks.kills [--kills 20] [--processes 2] [--sharding none|full] [--seed 0]

A small run (`benchmarks.many`) is trained undisturbed by one process, then by several. When 1 to 12 steps have been
taken since the last kill (checkpoints are 5 apart), one process gets SIGKILL after a random pause, and all start again,
as torchrun and `--devices` have it. They are forked from a process that has imported everything, so that a start takes
a second (`tests/train/test_ranks.py` restarts by torchrun itself). Compared are the exposure logs, row by row and by
their roots, and the loss of every step. Exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from benchmarks import many
from langit.feed.exposure import ExposureLog
from langit.train.restarts import RESTARTS

PAUSE = 0.3  # seconds at most between a step and the kill after it
MOST_STEPS = 12  # between two kills, at most


def rows(folder: Path) -> list[tuple[int, str]]:
    return list(ExposureLog(folder / "exposure.log").read())


def losses(folder: Path) -> list[tuple[int, float]]:
    """The loss of each step that any start has taken, in the order of time."""
    file = folder / "losses.jsonl"
    # A kill may leave half a line.
    lines = file.read_text().splitlines() if file.exists() else []
    return [tuple(json.loads(line)) for line in lines if line.endswith("]")]


def start(folder: Path, processes: int, options: list[str], attempt: int) -> list[int]:
    """Fork the processes of a run; returns their numbers."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    found = []
    for rank in range(processes):
        pid = os.fork()
        if pid == 0:
            os.environ.update(
                {
                    "RANK": str(rank),
                    "WORLD_SIZE": str(processes),
                    "LOCAL_WORLD_SIZE": str(processes),
                    "MASTER_ADDR": "localhost",
                    "MASTER_PORT": str(port),
                    RESTARTS: str(attempt),
                }
            )
            code = 1
            try:
                many.main([str(folder), *options])
                code = 0
            finally:
                os._exit(code)
        found.append(pid)
    return found


def train_with_kills(folder: Path, kills: int, processes: int, options: list[str], seed: int) -> list[int]:
    """Train and kill; returns at how many steps of the run each kill came."""
    rng = random.Random(seed)
    killed: list[int] = []
    while True:
        running = start(folder, processes, options, len(killed))
        seen, wanted, statuses = len(losses(folder)), rng.randint(1, MOST_STEPS), list[int]()
        victim = rng.choice(running) if len(killed) < kills else None
        while running:
            time.sleep(0.02)
            if victim is not None and len(losses(folder)) >= seen + wanted:
                time.sleep(rng.uniform(0, PAUSE))
                killed.append(losses(folder)[-1][0])
                os.kill(victim, signal.SIGKILL)
                victim = None  # once: it stays in the list until it is waited for
            for pid in list(running):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    running.remove(pid)
                    statuses.append(status)
                    if status and running:  # the others have lost it
                        for other in running:
                            os.kill(other, signal.SIGKILL)
        if not any(statuses):
            return killed
        if signal.SIGKILL not in statuses:
            sys.exit(f"a process ended by itself, with {statuses}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--sharding", default="none", choices=["none", "full"])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.filterwarnings("ignore", message="lance is not fork-safe")  # which is imported, and not used here
    options = ["--steps", str(given.steps), "--lanes", str(given.processes)]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for pid in start(home / "whole", 1, options, 0):
            os.waitpid(pid, 0)
        options += ["--sharding", given.sharding]
        begin = time.monotonic()
        killed = train_with_kills(home / "killed", given.kills, given.processes, options, given.seed)
        seconds = time.monotonic() - begin
        whole, found = rows(home / "whole"), rows(home / "killed")
        lost, doubled = Counter(whole) - Counter(found), Counter(found) - Counter(whole)
        roots = {ExposureLog(home / run / "exposure.log").root() for run in ("whole", "killed")}
        expected = dict(losses(home / "whole"))
        worst = max(abs(loss - expected[step]) for step, loss in losses(home / "killed"))
        missing = expected.keys() - dict(losses(home / "killed")).keys()
        print(f"{len(killed)} kills of {given.processes} processes, sharding {given.sharding}, {seconds:.0f} s")
        print(f"killed at steps {' '.join(map(str, killed))}")
        print(f"steps: {len(expected)} of the run, {len(losses(home / 'killed'))} taken with those done again")
        print(f"rows: {len(whole)}; lost {lost.total()}, doubled {doubled.total()}, order equal: {whole == found}")
        print(f"roots equal: {len(roots) == 1}; largest difference of a loss: {worst:.1e}")
    if len(killed) < given.kills:
        sys.exit(f"the run was over after {len(killed)} kills: give it more --steps")
    if lost or doubled or missing or len(roots) > 1 or worst > 1e-5:
        sys.exit(1)


if __name__ == "__main__":
    main()
