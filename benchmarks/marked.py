"""What looking for the watermark costs when footage is entered, and how often unmarked footage is flagged.

    python -m benchmarks.marked FILE...

For each file: CPU seconds of what ``ledger add`` does, and whether it finds a mark; then, over pieces of 17 frames from
the whole file, at full size and at 64 lines, how many were flagged and the lowest p-value.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from langit import video
from langit.release import watermark
from langit.release.marked import MarkedOutputs
from langit.release.watermark import MAX_CHANCE

FRAMES, STEP, LINES = 17, 48, 64
IDS = 1000


def pieces(path: Path) -> Iterator[np.ndarray]:
    """Seventeen frames of every forty-eight."""
    frames = video.stream(path)
    while len(piece := list(islice(frames, STEP))) >= FRAMES:
        yield np.stack([np.asarray(frame) for frame in piece[:FRAMES]])


def smaller(frames: np.ndarray) -> np.ndarray:
    """The piece at 64 lines."""
    width = round(frames.shape[2] * LINES / frames.shape[1])
    return np.stack([np.asarray(Image.fromarray(frame).resize((width, LINES))) for frame in frames])


def main() -> None:
    """Print a line for each file, then the sums."""
    random = np.random.default_rng(0)
    ids = [random.bytes(8) for _ in range(IDS)]
    outputs = MarkedOutputs(dict.fromkeys(ids))  # type: ignore[dict-item]  # none of them is looked up
    count = flagged = 0
    lowest = 1.0
    print("| file | CPU s | mark found | pieces | flagged | lowest p |\n| --- | --- | --- | --- | --- | --- |")
    for path in map(Path, sys.argv[1:]):
        start = time.process_time()
        found = outputs.find(path)
        seconds = time.process_time() - start
        readings = [watermark.read(shown) for piece in pieces(path) for shown in (piece, smaller(piece))]
        flags = sum(reading.find(ids) is not None for reading in readings)
        least = min((reading.p_value for reading in readings), default=1.0)
        count, flagged, lowest = count + len(readings), flagged + flags, min(lowest, least)
        print(f"| {path.name} | {seconds:.1f} | {found is not None} | {len(readings)} | {flags} | {least:.2g} |")
    print(f"\n{flagged} of {count} pieces flagged (the bound is {MAX_CHANCE:g} each); lowest p {lowest:.2g}")


if __name__ == "__main__":
    main()
