"""One run by 1, 2 and 4 processes: are the losses the same, and what do the processes cost beside the work itself?

    python -m benchmarks.processes [--width 256] [--steps 8] [--counts 1 2 4] [--shardings none full]

Work is CPU time, summed over processes, so that a busy machine counts little. The ideal is the CPU time of one process,
divided by their number; overhead is what each takes beyond it: exchanges, and what all do alike (norms, averages). Time
of the clock is that of the median step, and means something only where each process has a core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def train(folder: Path, count: int, options: list[str]) -> list[dict[str, Any]]:
    """Train with so many processes; what each wrote."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += ["-m", "benchmarks.many", str(folder), *options]
    subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--shardings", nargs="+", default=["none", "full"])
    given = parser.parse_args()
    options = [f"--{name}={getattr(given, name)}" for name in ("width", "layers", "tokens", "steps")]
    options += ["--lanes=4", "--checkpoint-every=1000"]
    alone: tuple[list[float], float] | None = None
    print("processes  sharding  largest difference of a loss  s a step  CPU s a process and step  overhead")
    for count in given.counts:
        for sharding in given.shardings if count > 1 else ["none"]:
            with tempfile.TemporaryDirectory() as folder:
                rows = train(Path(folder) / "run", count, [*options, f"--sharding={sharding}"])
            losses = [loss for _, loss in rows[0]["losses"]]
            cpu = sum(row["cpu_seconds"] for row in rows) / given.steps
            alone = alone or (losses, cpu)
            worst = max(abs(a - b) for a, b in zip(losses, alone[0], strict=True))
            wall = statistics.median(rows[0]["seconds"])
            overhead = cpu / alone[1] - 1
            print(f"{count:9}  {sharding:8}  {worst:28.1e}  {wall:8.3f}  {cpu / count:24.3f}  {overhead:+8.1%}")


if __name__ == "__main__":
    main()
