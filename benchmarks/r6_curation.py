"""R6: every signal of a film in one pass, against bare decoding and PySceneDetect's adaptive detector; F1 of cuts.

    python -m benchmarks.r6_curation FILM [--worlds]

Single thread, CPU seconds, contenders interleaved, ratios within a round. Bare decoding is demuxing and decoding, no
conversion. `signals` are cuts on every frame and, at each look (the fifth frame of a shot, one a second later, then
one every two seconds), sharpness, bars, lettering, motion and two PDQ fingerprints; `and pictures` adds the small JPEGs
that faces and captions need, `and faces` the cascades on those. PySceneDetect (pip install --no-deps scenedetect) reads
the film by OpenCV, which decodes with threads of its own: all their CPU time counts.

The cuts of `tears-of-steel.webm` were labelled by looking at sheets of all its frames; a cut is the first frame of the
new shot, and a detector has to name that frame. Thresholds were chosen on this film, so its F1 says what can be
reached; the 40 films of `worlds/`, each 17 frames of 128x128 there and back, were not used for choosing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import av
import cv2
import numpy as np

from langit import video
from langit.curate.faces import people
from langit.curate.settings import FaceSettings
from langit.curate.shots import CutFinder, CutSettings
from langit.curate.similarity import subsample
from langit.curate.survey import Segment, SurveySettings, survey

TEARS = (
    *(52, 122, 158, 221, 309, 715, 788, 872, 901, 987, 1127, 1157, 1203, 1234, 1246, 1284, 1345, 1378, 1430, 1472),
    *(1525, 1571, 1618, 1650, 1689),
)
"""tears-of-steel.webm of github.com/mdn/shared-assets, 1691 frames: the first frame of each shot but the first."""
ROUNDS = 9


def bare(path: Path) -> int:
    """Demux and decode, no more."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def cuts(path: Path) -> list[int]:
    """Our cuts, no other signals."""
    finder = CutFinder(CutSettings())
    for picture in video.decode(path):
        finder.step(subsample(picture.luma()))
    return finder.cuts


def signals(path: Path, picture: int = 0) -> list[Segment]:
    """Everything in one pass."""
    return list(survey(path, SurveySettings(picture=picture, longest=1e6), video.probe(path).fps))


def with_faces(path: Path) -> int:
    """Everything, and faces on the pictures that it leaves."""
    return sum(people([sample.picture for sample in one.samples], FaceSettings()) for one in signals(path, 640))


def peer(path: Path) -> list[int]:
    """PySceneDetect's adaptive detector as it comes."""
    from scenedetect import SceneManager, open_video
    from scenedetect.detectors import AdaptiveDetector

    manager = SceneManager()
    manager.add_detector(AdaptiveDetector())
    manager.detect_scenes(open_video(str(path)))
    return [start.frame_num for start, _ in manager.get_scene_list()][1:]


def score(found: list[int], true: tuple[int, ...]) -> str:
    """F1, precision and recall, to the frame."""
    hits = len(set(found) & set(true))
    precision, recall = hits / max(1, len(found)), hits / len(true)
    mean = 2 * precision * recall / max(1e-9, precision + recall)
    return f"F1 {mean:.3f}, precision {precision:.3f}, recall {recall:.3f} ({len(found)} found, {len(true)} true)"


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU seconds of this process, all threads."""
    start = time.process_time()
    run()
    return time.process_time() - start


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3f} [{min(values):.3f}-{max(values):.3f}]"


def speed(path: Path, rounds: int) -> None:
    """Print the ratios."""
    ours: dict[str, Callable[[], object]] = {
        "cuts alone": lambda: cuts(path),
        "signals": lambda: signals(path),
        "signals and pictures": lambda: signals(path, 640),
        "PySceneDetect adaptive": lambda: peer(path),
    }
    frames = bare(path)
    shares: dict[str, list[float]] = {name: [] for name in ours}
    times: dict[str, list[float]] = {name: [] for name in ("bare decoding", *ours)}
    for _ in range(rounds):
        before = cpu_seconds(lambda: bare(path))
        for name, run in ours.items():
            taken = cpu_seconds(run)
            after = cpu_seconds(lambda: bare(path))
            if max(before, after) <= 1.1 * min(before, after):
                shares[name].append((before + after) / 2 / taken)
                times[name].append(taken)
            times["bare decoding"].append(after)
            before = after
    faces = cpu_seconds(lambda: with_faces(path))
    print(f"{path.name}: {frames} frames, {rounds} rounds, kept where decoding before and after agreed to a tenth")
    print(f"  {'bare decoding':26}{frames / statistics.median(times['bare decoding']):8.0f} frames a CPU second")
    for name, values in shares.items():
        if values:
            rate = frames / statistics.median(times[name])
            print(f"  {name:26}{rate:8.0f}   of bare decoding {spread(values)}, {len(values)} kept")
    print(f"  {'signals, pictures, faces':26}{frames / faces:8.0f}   once")
    both = min(len(times["signals"]), len(times["PySceneDetect adaptive"]))
    if both:
        ratio = statistics.median(times["PySceneDetect adaptive"]) / statistics.median(times["signals"])
        print(f"  signals / PySceneDetect adaptive: {ratio:.2f} times as fast (medians)")


def accuracy(path: Path, true: tuple[int, ...]) -> None:
    """Print how well cuts are found."""
    print(f"{path.name}: cuts, to the frame")
    print(f"  ours                   {score(cuts(path), true)}")
    print(f"  PySceneDetect adaptive {score(peer(path), true)}")


def rendered(folder: Path, films: int = 40) -> tuple[Path, tuple[int, ...]]:
    """Films of the worlds cut together, 34 frames each (there and back), and where the cuts are."""
    from langit.shapes import PixelShape
    from langit.worlds.film import render
    from langit.worlds.scene import sample_scene

    shots = []
    for seed in range(9100, 9100 + films):
        frames = np.asarray(render(sample_scene(seed), PixelShape(frames=17, height=128, width=128)).frames)
        shots.append(np.concatenate([frames, frames[::-1]]))
    path = folder / "worlds.mp4"
    video.write(path, np.concatenate(shots), 24)
    return path, tuple(34 * number for number in range(1, films))


def main() -> None:
    """Speed and cuts of a film, and cuts of rendered ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--worlds", action="store_true", help="cut films of the worlds together, too")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"load {os.getloadavg()[0]:.1f}; av {av.__version__}, cv2 {cv2.__version__}; one thread, CPU seconds")
    if given.film.name == "tears-of-steel.webm":
        accuracy(given.film, TEARS)
    speed(given.film, given.rounds)
    if given.worlds:
        with tempfile.TemporaryDirectory() as folder:
            path, true = rendered(Path(folder))
            accuracy(path, true)


if __name__ == "__main__":
    main()
