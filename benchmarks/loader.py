"""Memory and start of a process that reads latents, at 1k, 100k and 1M clips; the exposure log's size and rate.

    python -m benchmarks.loader [--clips 1000,100000,1000000] [--batches 300]

Rows are simulated: the table has as many as asked for, with digests and captions of their own, and their latents lie in
64 real files of 32 clips that are used again and again. Each figure is of a process of its own. ``start`` is from its
first line to its first batch, ``memory`` is what it holds for itself (RssAnon) after the batches. ``in memory`` is
the feed that keeps all latents, as recipes without ``flow.stream`` do, up to 100k clips.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SHARDS, ROWS, FRAMES, GRID = 64, 32, 3, (2, 2)
BUDGET = 1_120  # tokens of a batch, as `small-trial` has
LARGEST_IN_MEMORY = 100_000


def _digest(number: int) -> str:
    return hashlib.sha256(f"clip {number}".encode()).hexdigest()


def _shards(folder: Path) -> list[Path]:
    import torch
    from safetensors.torch import save_file

    paths = []
    for shard in range(SHARDS):
        latents = torch.randn(ROWS, 24, FRAMES, 2 * GRID[0], 2 * GRID[1]).half()
        shares = torch.zeros(ROWS, FRAMES * GRID[0] * GRID[1]).half()
        paths.append(folder / f"shard{shard}.safetensors")
        save_file({"latents": latents, "shares": shares}, paths[-1])
    return paths


def make_table(folder: Path, count: int) -> float:
    """Write a table and a roster of simulated rows; returns the seconds that it took."""
    from langit.feed.clip_table import ClipTable, ShardShapes, TableClip
    from langit.ledger.exposure_columns import ROSTER, Roster

    files = _shards(folder)
    shapes = [ShardShapes((str(path),), (FRAMES,), GRID) for path in files]

    def rows() -> Iterator[TableClip]:
        for number in range(count):
            shard = shapes[number // ROWS % SHARDS]
            yield TableClip(_digest(number), (f"clip {number} of simulated footage",), shard, number % ROWS)

    begun = time.perf_counter()
    table = ClipTable.write(folder / "clips", rows())
    Roster.write(folder / ROSTER, table.digests())
    return time.perf_counter() - begun


def measure_stream(folder: Path, batches: int, first: int) -> dict[str, float]:
    """Open the table, read batches from a step on, log what was seen."""
    begun = time.perf_counter()
    from langit.feed.clip_table import ClipTable
    from langit.feed.exposure import open_exposure_log
    from langit.feed.stream import StreamFeed

    imported = time.perf_counter()
    feed = StreamFeed(ClipTable(folder / "clips"), BUDGET, 0, positions=folder / "positions.bin")
    feed.batch(first)
    started = time.perf_counter()
    log = open_exposure_log(folder / "exposure.log")
    clips = 0
    for step in range(batches):
        batch = feed.batch(first + step)
        # a new log is of columns, which its type does not say
        log.append(log.columns.whole_steps, batch.clips)  # type: ignore[attr-defined]
        clips += len(batch.clips)
    seconds = time.perf_counter() - started
    return {
        "imports": imported - begun,
        "start": started - imported,
        "clips_per_second": clips / seconds,
        "memory": _memory(),
        "rows": log.rows,
    }


def measure_in_memory(folder: Path, batches: int, count: int) -> dict[str, float]:
    """The same with all latents in memory."""
    import torch

    from langit.feed.clip_table import ClipTable
    from langit.feed.latents import LatentClip, LatentView
    from langit.feed.loader import LatentFeed

    table, begun = ClipTable(folder / "clips"), time.perf_counter()
    shares = torch.zeros(FRAMES, *GRID)
    clips = [
        LatentClip(
            clip.digest,
            clip.captions,
            (LatentView(torch.zeros(24, FRAMES, 2 * GRID[0], 2 * GRID[1]).half(), shares),),
        )
        for first in range(0, count, 1024)
        for clip in table.rows(first, 1024)
    ]
    feed = LatentFeed(clips, BUDGET, 0)
    feed.batch(0)
    started, seen = time.perf_counter(), 0
    for step in range(batches):
        seen += len(feed.batch(step).clips)
    seconds = time.perf_counter() - started
    return {"start": started - begun, "clips_per_second": seen / seconds, "memory": _memory()}


def _memory() -> float:
    """MiB that this process holds for itself."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def _child(kind: str, *arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.loader", "--child", kind, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    plain: dict[str, float] = json.loads(done.stdout)
    return plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", default="1000,100000,1000000")
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        kind, folder, *rest = given.child
        numbers = list(map(int, rest))
        if kind == "table":
            print(json.dumps({"seconds": make_table(Path(folder), *numbers)}))
        else:
            measure = measure_stream if kind == "stream" else measure_in_memory
            print(json.dumps(measure(Path(folder), *numbers)))
        return
    head = (
        "clips",
        "feed",
        "table s",
        "imports s",
        "start s",
        "resumed s",
        "lost s",
        "clips/s",
        "memory MiB",
        "log B/row",
    )
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for count in map(int, given.clips.split(",")):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            table = _child("table", folder, count)["seconds"]
            fresh = _child("stream", folder, given.batches, 0)
            size = sum((folder / name).stat().st_size for name in ("exposure.log", "exposure.steps"))
            late = count * FRAMES * GRID[0] * GRID[1] // BUDGET // 2  # the middle of the first epoch
            lost = _child("stream", folder, 1, late)  # the positions up to there are not known yet
            resumed = _child("stream", folder, 1, late)
            row = (
                f"{count:,}",
                "stream",
                f"{table:.1f}",
                f"{fresh['imports']:.1f}",
                f"{fresh['start']:.2f}",
                f"{resumed['start']:.2f}",
                f"{lost['start']:.2f}",
                f"{fresh['clips_per_second']:,.0f}",
                f"{fresh['memory']:.0f}",
                f"{size / fresh['rows']:.2f}",
            )
            print("| " + " | ".join(row) + " |", flush=True)
            if count <= LARGEST_IN_MEMORY:
                kept = _child("memory", folder, given.batches, count)
                cells = (
                    f"{kept['start']:.2f}",
                    "–",
                    "–",
                    f"{kept['clips_per_second']:,.0f}",
                    f"{kept['memory']:.0f}",
                    "36",
                )
                print(f"| {count:,} | in memory | – | – | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
