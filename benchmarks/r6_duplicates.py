"""R6, duplicates: one clip's fingerprint among a million, and whether copies of clips find their originals.

    python -m benchmarks.r6_duplicates FILM [--lance]

The million are random bits, beside the fingerprints of the film's own shots: random bits are an easy background, since
no two lie within 80 bits. Copies are encoded anew from the film's shots: smaller and at a low rate, cropped by a tenth
in the middle and off it, a quarter faster, or all of these. A copy counts as found if the nearest clip, by the rule of
`curate.duplicates`, is its original. Time is CPU time of one thread for all of a clip's fingerprints, and for one of
them; with --lance also that of Lance's IVF index over Hamming distance, with its recall.
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

import cv2
import numpy as np

from langit import video
from langit.curate.duplicates import ClipFingerprints, DuplicateIndex, as_rows, distances
from langit.curate.settings import DuplicateSettings
from langit.curate.survey import Segment, SurveySettings, survey

MANY = 1_000_000
EACH = 8  # fingerprints of a made-up clip
SIDE = 480  # pixels, of the longer side of what copies are made of
Change = Callable[[np.ndarray], np.ndarray]


def shots(path: Path) -> list[Segment]:
    """The film's shots of 24 frames or more."""
    found = survey(path, SurveySettings(picture=0), video.probe(path).fps)
    return [one for one in found if one.frames >= 24]


def prints(one: Segment, name: str) -> ClipFingerprints:
    """A stretch's fingerprints, as curation compares them."""
    good = [look for look in one.samples if look.fingerprint.quality >= DuplicateSettings().quality]
    return ClipFingerprints(
        name, tuple(look.fingerprint.bits for look in good), tuple(look.inner.bits for look in good)
    )


def smaller(frames: np.ndarray) -> np.ndarray:
    """Half the size."""
    half = (frames.shape[2] // 4 * 2, frames.shape[1] // 4 * 2)
    return np.stack([cv2.resize(frame, half, interpolation=cv2.INTER_AREA) for frame in frames])


def cropped(frames: np.ndarray, down: float, right: float) -> np.ndarray:
    """A tenth of each side cut off, so much of it above and on the left."""
    high, wide = (int(side * 0.9) // 2 * 2 for side in frames.shape[1:3])
    top, left = int((frames.shape[1] - high) * down), int((frames.shape[2] - wide) * right)
    return np.ascontiguousarray(frames[:, top : top + high, left : left + wide])


def faster(frames: np.ndarray) -> np.ndarray:
    """Every fifth frame left out, and the first three."""
    return frames[[number for number in range(3, len(frames)) if number % 5]]


COPIES: dict[str, Change] = {
    "encoded again, half the size": smaller,
    "a tenth cropped, middle": lambda frames: cropped(frames, 0.5, 0.5),
    "a tenth cropped, off the middle": lambda frames: cropped(frames, 0.3, 0.7),
    "a tenth cropped, in a corner": lambda frames: cropped(frames, 0.0, 0.0),
    "a quarter faster": faster,
    "cropped in the middle, faster, half the size": lambda frames: smaller(cropped(faster(frames), 0.5, 0.5)),
}


def lance_search(stored: np.ndarray, queries: list[np.ndarray], originals: np.ndarray) -> None:
    """Print what Lance's index takes and finds."""
    import lance
    import pyarrow as pa

    with tempfile.TemporaryDirectory() as folder:
        column = pa.FixedSizeListArray.from_arrays(pa.array(stored.ravel()), 32)
        table = lance.write_dataset(pa.table({"bits": column, "row": np.arange(len(stored))}), f"{folder}/prints.lance")
        start = time.process_time()
        table = table.create_index("bits", "IVF_FLAT", metric="hamming", num_partitions=256)
        print(f"  Lance IVF_FLAT, 256 parts: built in {time.process_time() - start:.1f} CPU s")
        for probes in (8, 32):
            times, hits = [], 0
            for query, original in zip(queries, originals, strict=True):
                start = time.process_time()
                asked = {"column": "bits", "q": query, "k": 1, "nprobes": probes, "metric": "hamming"}
                found = table.to_table(nearest=asked, columns=["row", "_distance"])
                times.append(time.process_time() - start)
                hits += found["row"][0].as_py() == original
            print(
                f"  Lance, {probes} probes: {statistics.median(times) * 1e3:.2f} CPU ms a fingerprint,"
                f" agrees with the exact nearest {hits / len(queries):.3f}"
            )


def main() -> None:
    """Search time, then recall."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--lance", action="store_true", help="Lance's index, too")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    settings = DuplicateSettings()
    originals = shots(given.film)
    seen = DuplicateIndex(settings)
    noise = rng.bytes(32 * MANY)
    for number in range(0, MANY, EACH):
        part = tuple(noise[32 * at : 32 * at + 32] for at in range(number, number + EACH))
        seen.add(ClipFingerprints(f"noise {number}", part, part))
    for one in originals:
        seen.add(prints(one, f"shot {one.start}"))
    print(f"{given.film.name}: {len(originals)} shots among {MANY} fingerprints; load {os.getloadavg()[0]:.1f}")
    times, singles, queries = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, change in COPIES.items():
            right = asked = 0
            for one in originals:
                frames = video.read(given.film, one.start, min(one.frames, 120))
                path = Path(folder) / "copy.mp4"
                video.write(path, change(frames), 24, overwrite=True)
                (first, *_) = survey(path, SurveySettings(picture=0), 24.0)
                copy = prints(first, "copy")
                if not copy.whole:
                    continue
                start = time.process_time()
                found = seen.find(copy)
                times.append(time.process_time() - start)
                singles.append(times[-1] / len(copy.whole))
                queries.append(as_rows(copy.whole)[0])
                asked += 1
                right += found is not None and found[0] == f"shot {one.start}"
            print(f"  {name:46} recall@1 {right / asked:.3f} of {asked}")
    clip, single = (statistics.median(each) * 1e3 for each in (times, singles))
    print(f"  exact: {clip:.1f} CPU ms a clip, {single:.1f} a fingerprint; each is compared with three million")
    if given.lance:
        stored = seen.whole
        nearest = np.array([int(distances(query[None], stored)[0].argmin()) for query in queries])
        lance_search(stored, queries, nearest)


if __name__ == "__main__":
    main()
