"""What the door takes for large videos: CPU seconds of each part, and the most memory, by number of frames.

    python -m benchmarks.door_sizes [--size 1280x720] [--frames 9 33 121 241] [--fps 24] [--without-nudity]

Each count runs in a process of its own, with one thread beside the encoder's own. Frames are made one by one, of 1/f
noise (the spectrum of natural pictures) that pans by three pixels a frame behind a moving disc, so that memory counts
what the door holds and not the video. The whole release is timed; parts are timed again, each by itself, in CPU
seconds of all threads. "Writing bare" is encoding the same frames without the door, which any generator does.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
PAN = 3  # pixels a frame
OWN = ("frame gates", "fingerprints", "watermark")


def panorama(height: int, width: int) -> Frame:
    """1/f noise in grey, (H, W)."""
    down, across = np.meshgrid(np.fft.fftfreq(height), np.fft.rfftfreq(width), indexing="ij")
    white = np.fft.rfft2(np.random.default_rng(0).standard_normal((height, width)))
    noise = np.fft.irfft2(white / np.maximum(np.hypot(down, across), 1 / width), s=(height, width))
    return np.clip(128 + 45 * noise / noise.std(), 0, 255).astype(np.uint8)


def moving(behind: Frame, width: int, count: int) -> Iterator[Frame]:
    """Frames, (H, W, 3) each: a view that pans over a panorama in three tints, and a disc that crosses it."""
    height = len(behind)
    rows, columns = np.ogrid[:height, :width]
    for number in range(count):
        grey = behind[:, PAN * number : PAN * number + width]
        frame = np.stack([grey, grey, grey // 2 + 60], axis=-1)
        inside = (rows - height // 2) ** 2 + (columns - 8 * number % width) ** 2 < (height // 6) ** 2
        frame[inside] = (200, 40, 30)
        yield frame


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(height: int, width: int, count: int, fps: float, nudity: bool) -> dict[str, float]:
    """Seconds of a release and of its parts, bytes of the file, and the growth of memory over a first small release."""
    from bundle.miniature import make_parts, make_provenance

    from langit import video
    from langit.bundle import load_bundle, save_bundle
    from langit.bundle.provenance import Undisclosed
    from langit.files import sha256
    from langit.release import Door, Facts, release
    from langit.release.credentials.sign import sign
    from langit.release.gates.frames import watch_frames
    from langit.release.outputs import FingerprintSampler
    from langit.release.watermark import Watermark

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        save_bundle(place / "model", make_parts(), make_provenance())
        door = Door.of(load_bundle(place / "model"), place / "home")
        if not nudity:
            door = replace(door, settings=replace(door.settings, frames=replace(door.settings.frames, nudity="off")))
        facts = Facts("tiny", "a red ball on snow", 1, fps, 12, 3.0, "sha256:" + "ab" * 32, Undisclosed("Makers"))
        wide = panorama(height, width + PAN * count)
        release(moving(wide[:64], 64, 2), facts, place / "warm.mp4", door)  # keys, models and libraries, once
        before = peak()
        seconds: dict[str, float] = {}

        def timed(name: str, run: Callable[[], object]) -> None:
            start = time.process_time()
            run()
            seconds[name] = time.process_time() - start

        def shown() -> Iterator[Frame]:
            return moving(wide, width, count)

        def consume(frames: Iterator[Frame]) -> None:
            for _ in frames:
                pass

        def look() -> None:
            looks = FingerprintSampler()
            for frame in shown():
                looks.take(frame, False)

        def mark() -> None:
            marked = Watermark(height, width, facts.mark)
            for number, frame in enumerate(shown()):
                marked.mark(frame, number / fps)

        start, bare = time.perf_counter(), place / "bare.mp4"
        timed("release", lambda: release(shown(), facts, place / "out.mp4", door))
        wall, grown = time.perf_counter() - start, peak() - before
        timed("making", lambda: consume(shown()))
        timed("writing bare", lambda: video.write(bare, shown(), fps))
        timed("frame gates", lambda: consume(watch_frames(shown(), door.gates(fps), [])))
        timed("fingerprints", look)
        timed("watermark", mark)
        for part in ("release", "writing bare", *OWN):
            seconds[part] -= seconds["making"]
        timed("signature", lambda: sign(bare, place / "signed.mp4", facts, door.identity))
        timed("ledger", lambda: door.outputs.enter(sha256(place / "signed.mp4"), facts))
        del seconds["making"]
        return {"wall": wall, **seconds, "bytes": (place / "out.mp4").stat().st_size, "memory": grown}


def main() -> None:
    """Print a row for each number of frames."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", default="1280x720")
    arguments.add_argument("--frames", type=int, nargs="+", default=[9, 33, 121, 241])
    arguments.add_argument("--fps", type=float, default=24.0)
    arguments.add_argument("--without-nudity", action="store_true")
    arguments.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    width, height = map(int, given.size.split("x"))
    if given.child:
        print(json.dumps(measure(height, width, given.frames[0], given.fps, not given.without_nudity)))
        return
    header = False
    for count in given.frames:
        command = [sys.executable, "-m", "benchmarks.door_sizes", "--child", "--size", given.size]
        command += ["--frames", str(count), "--fps", str(given.fps), *(["--without-nudity"] * given.without_nudity)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        size, memory = row.pop("bytes"), row.pop("memory")
        if not header:
            print("| frames | " + " | ".join(f"{name}, s" for name in row) + " | file, MB | memory, MB |")
            print("| --- " * (len(row) + 3) + "|")
            header = True
        figures = " | ".join(f"{seconds:.2f}" for seconds in row.values())
        print(f"| {count} | {figures} | {size / 1e6:.1f} | {memory / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
