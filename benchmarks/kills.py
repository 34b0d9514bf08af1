"""Random processes of a run are killed at random moments: what is lost, what is seen twice, whether losses are equal.

    python -m benchmarks.kills [--kills 20] [--processes 2] [--sharding none|full] [--seed 0]

A small run (`benchmarks.many`) is trained undisturbed by one process, then by several under torchrun. When 1 to 12
steps have been taken since the last kill (checkpoints are 5 apart), one process gets SIGKILL after a random pause.
Compared are the exposure logs, row by row and by their roots, and the loss of every step. Exits with 1 if anything
differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from langit.feed.exposure import ExposureLog

PAUSE = 0.5  # seconds at most between a step and the kill after it
MOST_STEPS = 12  # between two kills, at most


def workers(agent: int) -> list[int]:
    """The processes that torchrun started."""
    children = Path(f"/proc/{agent}/task/{agent}/children")
    try:
        pids = [int(word) for word in children.read_text().split()]
        return [pid for pid in pids if b"benchmarks.many" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    except OSError:  # one ended meanwhile
        return []


def rows(folder: Path) -> list[tuple[int, str]]:
    return list(ExposureLog(folder / "exposure.log").read())


def losses(folder: Path) -> dict[int, float]:
    """The loss of each step; of a step that was taken again, the last."""
    return dict(map(json.loads, (folder / "losses.jsonl").read_text().splitlines()))


def _steps(folder: Path) -> int:
    """Steps that all starts have taken so far."""
    file = folder / "losses.jsonl"
    return len(file.read_bytes().splitlines()) if file.exists() else 0


def train_with_kills(folder: Path, kills: int, processes: int, options: list[str], seed: int) -> int:
    """Train under torchrun and kill; returns how often a process was killed."""
    rng, done = random.Random(seed), 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += [f"--max-restarts={kills + 1}", "-m", "benchmarks.many", str(folder), *options]
    log = folder.with_suffix(".log")
    with log.open("wb") as file:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        agent = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        seen, wanted = 0, rng.randint(1, MOST_STEPS)
        while agent.poll() is None:
            time.sleep(0.05)
            if done == kills or _steps(folder) < seen + wanted:
                continue
            time.sleep(rng.uniform(0, PAUSE))
            pids = workers(agent.pid)
            if len(pids) == processes:
                os.kill(rng.choice(pids), signal.SIGKILL)
                done += 1
                # The others end by themselves, and all start again: their first step is the next to be waited for.
                while agent.poll() is None and set(pids) & set(workers(agent.pid)):
                    time.sleep(0.05)
            seen, wanted = _steps(folder), rng.randint(1, MOST_STEPS)
    if agent.returncode:
        sys.exit(f"torchrun ended with {agent.returncode}: {log.read_text()[-2000:]}")
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--sharding", default="none", choices=["none", "full"])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    options = ["--steps", str(given.steps), "--lanes", str(given.processes)]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        subprocess.run([sys.executable, "-m", "benchmarks.many", str(home / "whole"), *options], check=True)
        options += ["--sharding", given.sharding]
        start = time.monotonic()
        (home / "killed").mkdir()
        killed = train_with_kills(home / "killed", given.kills, given.processes, options, given.seed)
        seconds = time.monotonic() - start
        whole, found = rows(home / "whole"), rows(home / "killed")
        lost, doubled = Counter(whole) - Counter(found), Counter(found) - Counter(whole)
        roots = {ExposureLog(home / run / "exposure.log").root() for run in ("whole", "killed")}
        expected, taken = losses(home / "whole"), losses(home / "killed")
        worst = max(abs(taken.get(step, float("inf")) - loss) for step, loss in expected.items())
        steps = len((home / "killed" / "losses.jsonl").read_text().splitlines())
        print(f"{killed} kills of {given.processes} processes, sharding {given.sharding}, {seconds:.0f} s")
        print(f"steps: {len(expected)} of the run, {steps} taken with those that were done again")
        print(f"rows: {len(whole)}; lost {lost.total()}, doubled {doubled.total()}, order equal: {whole == found}")
        print(f"roots equal: {len(roots) == 1}; largest difference of a loss: {worst:.1e}")
    if killed < given.kills:
        sys.exit(f"the run was over after {killed} kills: give it more --steps")
    if lost or doubled or len(roots) > 1 or worst > 1e-5:
        sys.exit(1)


if __name__ == "__main__":
    main()
