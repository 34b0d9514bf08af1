"""The cost of releasing a video (gates, watermark, credentials, ledger entry) beside that of making it.

Each round makes a video, writes it bare, and releases it through the door. The door's own cost is the third less the
second; its overhead is that cost relative to making and writing the video. One thread, CPU time, warm, same frames.

    python -m benchmarks.door [--model pocket] [--rounds 12]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.protocol import cpu_seconds, prepare, spread
from langit import video
from langit.bundle import load_bundle
from langit.generate import Model, generate
from langit.release import Door, Facts, release
from langit.release.credentials.sign import sign
from langit.release.gates.frames import frame_gates, watch_frames
from langit.release.nearest.bundled import open_index
from langit.release.nearest.gate import NearestGate
from langit.release.nearest.index import ClipIndex
from langit.release.outputs import FingerprintSampler
from langit.release.watermark import Watermark

PROMPT = "a red ball bounces on snow at sunset"


def main() -> None:
    """Print a line for each length, then the cost of each part."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="pocket")
    arguments.add_argument("--rounds", type=int, default=12)
    given = arguments.parse_args()
    prepare()
    bundle = load_bundle(given.model)
    model, provenance = Model.of(bundle), bundle.provenance
    print(f"{'frames':>6} {'make':>22} {'write bare':>22} {'door':>22} {'overhead':>22}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        door = Door.of(bundle, place / "home")
        settings = model.sampling.steps, model.sampling.guidance
        facts = Facts(provenance.model, PROMPT, 0, model.fps, *settings, provenance.digest, provenance.ledger)
        for count in (17, model.max_frames):
            pixels = replace(model.sizes[0], frames=count)
            frames = generate(PROMPT, model, pixels=pixels).frames.numpy()
            work: list[Callable[[], object]] = [
                lambda pixels=pixels: generate(PROMPT, model, pixels=pixels),
                lambda frames=frames: video.write(place / "a.mp4", frames, facts.fps, facts.metadata(), True),
                lambda frames=frames: release(frames, facts, place / "b.mp4", door, True),
            ]
            for each in work:
                each()
            rounds = [[cpu_seconds(each) for each in work] for _ in range(given.rounds)]
            made, wrote, left = ([1e3 * each for each in column] for column in zip(*rounds, strict=True))
            own = [a - b for a, b in zip(left, wrote, strict=True)]
            share = [100 * part / (a + b) for part, a, b in zip(own, made, wrote, strict=True)]
            columns = [*(spread(column, ".1f") + " ms" for column in (made, wrote, own)), spread(share, ".1f") + "%"]
            print(f"{count:6} " + " ".join(f"{column:>22}" for column in columns))
            parts(door, facts, frames, place, given.rounds)


def parts(door: Door, facts: Facts, frames: npt.NDArray[np.uint8], place: Path, rounds: int) -> None:
    """Print the cost of each part by itself."""
    index = open_index(door.model)
    shown = list(frames)
    height, width = shown[0].shape[:2]
    bare, signed = place / "a.mp4", place / "c.mp4"

    def look() -> None:
        looks = FingerprintSampler()
        for frame in shown:
            looks.take(frame)

    def nearest(index: ClipIndex) -> NearestGate:
        return NearestGate(index, door.model.autoencoder, facts.fps)

    def mark() -> None:
        made = Watermark(height, width, facts.mark)
        for number, frame in enumerate(shown):
            made.mark(frame, number / facts.fps)

    named: dict[str, Callable[[], object]] = {
        "prompt gate": lambda: door.ask(facts.asked, facts.prompt),
        "frame gate": lambda: list(watch_frames(shown, frame_gates()(facts.fps), [])),
        "nearest clip": lambda: nearest(index).compare(shown) if index else None,
        "fingerprints": look,
        "watermark": mark,
        "signature": lambda: sign(bare, signed, facts, door.identity),
        "ledger": lambda: door.outputs.enter(
            hashlib.sha256(str(len(door.outputs.marks())).encode()).hexdigest(), facts
        ),
    }
    for name, run in named.items():
        run()
        print(f"         {name:<14} {spread([1e3 * cpu_seconds(run) for _ in range(rounds)], '.1f')} ms")


if __name__ == "__main__":
    main()
