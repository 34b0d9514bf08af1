"""Build an index from clips and an autoencoder: encode, learn what to ignore, calibrate on held-out clips.

It takes about twenty milliseconds a clip on one core, minutes for the films of the shipped model. The clips are read as
the trainer reads them; the transformer's weights are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from jaxtyping import Float32, UInt8

from langit.autoencoder.protocol import VideoAutoencoder
from langit.feed.catalogue import FilmClip, FootageClip, FrameReader, StoredClip
from langit.release.nearest.alterations import ALTERATIONS
from langit.release.nearest.embedding import Features, HalfProjection, Projection, Vectors, features, learn_projection
from langit.release.nearest.fingerprints import KEPT, fingerprints_of
from langit.release.nearest.index import ClipIndex, FilmName, dequantize, quantize
from langit.release.nearest.parts import COPIES, IndexPart, PartsFolder
from langit.release.nearest.scale import ScoreScale, content_half
from langit.release.nearest.windows import STORED_STEP, windows

LEARN_FROM: Final = 2000
"""Windows of which altered copies are made to learn the projection."""
BACKGROUND: Final = 512
"""Held-out windows whose nearness is subtracted from scores."""
_BATCH: Final = 20
_QUERIES: Final = 256
Report = Callable[[str, int, int, str], None]


@dataclass(frozen=True, eq=False)
class _EncodedWindows:
    """What is kept of windows: pooled latents, fingerprints, the clip, the place in it."""

    features: Features
    prints: UInt8[np.ndarray, "n p 32"]
    clips: list[int]
    starts: list[float]
    copies: list[Features]
    mirrors: list[Features]
    originals: list[int]


def build_index(
    entries: Sequence[FilmClip],
    held_out: Sequence[StoredClip],
    films: FrameReader,
    autoencoder: VideoAutoencoder,
    fps: float,
    report: Report,
    footage: Sequence[FootageClip] = (),
    parts: PartsFolder | None = None,
) -> ClipIndex:
    """Build the index of clips.

    Args:
        entries: rendered films that a model was trained on. Mirror images are skipped, since the search covers them.
        held_out: clips of the same kind that it was not trained on: they show how near real clips are.
        films: reads the clips.
        autoencoder: the model's, whose latents are compared.
        fps: frames per second of the entries.
        report: called with the stage, the number of clips done and their total.
        footage: clips of real footage that it was trained on.
        parts: what was encoded before, by shard; used where it is of the same films.

    Raises:
        ValueError: no clips, or no held-out clips.
    """
    rendered = [entry for entry in entries if not entry.mirrored]
    plain: list[StoredClip] = [*rendered, *(entry for entry in footage if not entry.mirrored)]
    held = [entry for entry in held_out if not entry.mirrored]
    if not plain or not held:
        missing = "clips" if not plain else "held-out clips"
        raise ValueError(f"an index of training clips needs {missing}, and there are none")
    random = np.random.default_rng(0)  # the same clips give the same index
    chosen = set(range(0, len(plain), -(-len(plain) // LEARN_FROM)))
    copies: list[Features] = []
    mirrors: list[Features] = []
    originals: list[int] = []

    def alter(window: UInt8[np.ndarray, "T H W 3"], number: int, row: int) -> None:
        if number not in chosen:
            return
        kinds = random.choice(len(ALTERATIONS), COPIES, replace=False)
        changed = [list(ALTERATIONS.values())[kind](window, random) for kind in kinds]
        encoded = features(autoencoder, np.stack([*changed, window[:, :, ::-1]]))
        copies.append(encoded[:-1])
        mirrors.append(encoded[-1:])
        originals.extend([row] * len(changed))

    stored = _encode_windows(plain, films, autoencoder, fps, report, "nearest: clips", alter, parts)
    copies, mirrors, originals = copies + stored.copies, mirrors + stored.mirrors, originals + stored.originals
    if not copies:  # parts of few films may have none
        raise ValueError("an index needs altered copies of some of its clips: remove its parts and build it again")
    projection = learn_projection(
        stored.features,
        np.concatenate(copies),
        originals,
        (stored.features[originals[::COPIES]], np.concatenate(mirrors)),
        autoencoder.compression.time,
    )
    projection = _round_matrices(projection)
    vectors = quantize(projection(stored.features))
    others = _encode_windows(held, films, autoencoder, fps, report, "nearest: held out", parts=parts).features
    return ClipIndex(
        projection=projection,
        scale=calibrate(dequantize(vectors), projection(others), projection(projection.mirror_features(others))),
        vectors=vectors,
        prints=stored.prints,
        clips=np.array(stored.clips, np.int32),
        starts=np.array(stored.starts, np.float32),
        films=tuple(FilmName(entry.world, entry.seed, str(entry.pixels)) for entry in rendered),
        footage=tuple(entry.digest for entry in plain[len(rendered) :]),
    )


def calibrate(stored: Vectors, held: Vectors, mirrored: Vectors) -> ScoreScale:
    """Calibrate scores: every second held-out window is background, the others show how near real clips are.

    ``mirrored`` are the mirror images of the held-out windows, which a search covers as well.
    """
    many = len(held) >= 4
    background = held[::2][:BACKGROUND] if many else held
    scale = ScoreScale(background, *(np.zeros(0, np.float32),) * 2)
    sides = [vectors[1::2] if many else vectors for vectors in (held, mirrored)]
    # A search takes the better of a window and its mirror image, and so does its calibration.
    both = np.maximum(*(_best_scores(scale, side, stored) for side in sides))
    content = np.maximum(*(_best_scores(scale, content_half(side), content_half(stored)) for side in sides))
    return ScoreScale(background, np.sort(both), np.sort(content))


def _best_scores(scale: ScoreScale, queries: Vectors, stored: Vectors) -> Float32[np.ndarray, " q"]:
    """The best score of each query."""
    parts = [queries[start : start + _QUERIES] for start in range(0, len(queries), _QUERIES)]
    return np.concatenate([scale.scores(part, stored).max(axis=1) for part in parts])


def _round_matrices(projection: Projection) -> Projection:
    """Round the matrices as a file stores them, so that vectors are the same now and after loading."""
    content, motion = (
        HalfProjection(half.mean, half.matrix.astype(np.float16).astype(np.float32), half.quiet)
        for half in (projection.content, projection.motion)
    )
    return Projection(content, motion, projection.mirror, projection.time)


Alter = Callable[[UInt8[np.ndarray, "T H W 3"], int, int], None]


def _encode_windows(
    entries: Sequence[StoredClip],
    films: FrameReader,
    autoencoder: VideoAutoencoder,
    fps: float,
    report: Report,
    stage: str,
    alter: Alter | None = None,
    parts: PartsFolder | None = None,
) -> _EncodedWindows:
    """Encode every window of every entry; ``alter`` gets a clip's first window, its number and the window's row.

    Entries of a shard that ``parts`` has are taken from there, with the altered copies that it has.
    """
    found: list[Features] = []
    prints: list[np.ndarray] = []
    clips: list[int] = []
    starts: list[float] = []
    copies: list[Features] = []
    mirrors: list[Features] = []
    originals: list[int] = []
    known: dict[int, IndexPart] = {} if parts is None else _known_parts(entries, parts)
    within = {number for first, each in known.items() for number in range(first, first + int(each.clips.max()) + 1)}
    for first, each in known.items():
        row = len(clips)
        found.append(each.features)
        prints += list(each.prints)
        clips += [first + int(number) for number in each.clips]
        starts += [float(start) for start in each.starts]
        copies.append(each.copies)
        mirrors.append(each.mirrors)
        originals.extend(row + int(number) for number in np.repeat(each.originals, COPIES))
        report(stage, int(each.clips.max()) + first + 1, len(entries), "")
    for part in _batches(entries, within):
        frames: list[np.ndarray] = []
        for number in part:
            pixels = films.frames(entries[number]).numpy()
            for order, window in enumerate(windows(pixels, fps, STORED_STEP)):
                if order == 0 and alter is not None:  # one window of a clip is enough to learn from
                    alter(window.frames, number, len(clips))
                frames.append(window.frames)
                prints.append(fingerprints_of(window.frames[list(KEPT)]))
                clips.append(number)
                # Of a piece of a clip, from the clip's beginning.
                starts.append(window.start + getattr(entries[number], "starts", 0.0))
        found.append(features(autoencoder, np.stack(frames)))
        report(stage, part[-1] + 1, len(entries), "")
    return _EncodedWindows(np.concatenate(found), np.stack(prints), clips, starts, copies, mirrors, originals)


def _known_parts(entries: Sequence[StoredClip], parts: PartsFolder) -> dict[int, IndexPart]:
    """The parts of those shards of which the entries are what they were made of, by the first entry's number."""
    known: dict[int, IndexPart] = {}
    for _, group in groupby(range(len(entries)), key=lambda number: entries[number].shard):
        numbers = list(group)
        part = parts.read([entries[number] for number in numbers])
        if part is not None:
            known[numbers[0]] = part
    return known


def _batches(entries: Sequence[StoredClip], without: set[int]) -> Iterator[list[int]]:
    """Numbers of neighbouring entries of one size, a few at a time; some are left out."""
    # One size per batch, because the autoencoder encodes arrays.
    left = (number for number in range(len(entries)) if number not in without)
    for _, group in groupby(left, key=lambda number: entries[number].pixels):
        numbers = list(group)
        for start in range(0, len(numbers), _BATCH):
            yield numbers[start : start + _BATCH]
