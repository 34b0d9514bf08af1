"""From clips and an autoencoder to an index, in one call: encode, learn what to ignore, calibrate on held-out clips.

About twenty milliseconds a clip on one core: minutes for the films of the model that ships. All that it needs is clips
that may be read as the trainer reads them; the weights of the transformer do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from jaxtyping import Float32, UInt8

from langit.autoencoder.model import Autoencoder
from langit.feed.catalogue import Entry, Films
from langit.release.nearest.altered import CHANGES
from langit.release.nearest.embedding import Features, Half, Projection, Vectors, features, learn
from langit.release.nearest.index import ClipIndex, FilmName, restored, rounded
from langit.release.nearest.prints import KEPT, prints_of
from langit.release.nearest.scale import Scale, by_content
from langit.release.nearest.windows import STORED_STEP, windows

LEARNT_FROM: Final = 2000
"""Windows of which altered copies are made to learn from."""
COPIES: Final = 3
"""Altered copies of each of these."""
BACKGROUND: Final = 512
_AT_ONCE: Final = 20
_QUERIES: Final = 256
Report = Callable[[str, int, int, str], None]


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of windows: pooled latents, fingerprints, which clip, where in it."""

    features: Features
    prints: UInt8[np.ndarray, "n p 32"]
    clips: list[int]
    starts: list[float]


def build_index(
    entries: Sequence[Entry],
    held_out: Sequence[Entry],
    films: Films,
    autoencoder: Autoencoder,
    fps: float,
    report: Report,
    footage: Sequence[Entry] = (),
) -> ClipIndex:
    """The index of clips.

    Args:
        entries: rendered films that a model was trained on. Mirror images are passed over: the index knows each
            clip's own.
        held_out: clips that it was not trained on, of the same kind: they say how near real clips are.
        films: reads them.
        autoencoder: the model's, whose latents are compared.
        fps: frames a second of the entries.
        report: told of what is done, of how much.
        footage: clips of real footage that it was trained on.

    Raises:
        ValueError: no clips, or none that were held out.
    """
    rendered = [entry for entry in entries if not entry.mirrored]
    plain = [*rendered, *(entry for entry in footage if not entry.mirrored)]
    held = [entry for entry in held_out if not entry.mirrored]
    if not plain or not held:
        missing = "clips" if not plain else "held-out clips"
        raise ValueError(f"an index of nearness needs {missing}: there are none")
    dice = np.random.default_rng(0)
    chosen = set(range(0, len(plain), -(-len(plain) // LEARNT_FROM)))
    copies: list[Features] = []
    mirrors: list[Features] = []
    originals: list[int] = []

    def alter(window: UInt8[np.ndarray, "T H W 3"], number: int, row: int) -> None:
        if number not in chosen:
            return
        kinds = dice.choice(len(CHANGES), min(COPIES, len(CHANGES)), replace=False)
        changed = [list(CHANGES.values())[kind](window, dice) for kind in kinds]
        found = features(autoencoder, np.stack([*changed, window[:, :, ::-1]]))
        copies.append(found[:-1])
        mirrors.append(found[-1:])
        originals.extend([row] * len(changed))

    seen = _see(plain, films, autoencoder, fps, report, "nearest: clips", alter)
    projection = learn(
        seen.features,
        np.concatenate(copies),
        originals,
        (seen.features[originals[:: min(COPIES, len(CHANGES))]], np.concatenate(mirrors)),
        autoencoder.config.time,
    )
    projection = _as_kept(projection)
    vectors = rounded(projection(seen.features))
    others = _see(held, films, autoencoder, fps, report, "nearest: held out").features
    return ClipIndex(
        projection=projection,
        scale=calibrate(restored(vectors), projection(others), projection(projection.mirrored(others))),
        vectors=vectors,
        prints=seen.prints,
        clips=np.array(seen.clips, np.int32),
        starts=np.array(seen.starts, np.float32),
        films=tuple(FilmName(entry.world, entry.seed, str(entry.pixels)) for entry in rendered),
        footage=tuple(entry.clip for entry in plain[len(rendered) :]),
    )


def calibrate(stored: Vectors, held: Vectors, mirrored: Vectors) -> Scale:
    """The scale of scores: every second held-out window is background, the others say how near real clips are.

    ``mirrored`` are the held-out windows' mirror images, which are looked for as well.
    """
    many = len(held) >= 4
    background = held[::2][:BACKGROUND] if many else held
    scale = Scale(background, *(np.zeros(0, np.float32),) * 2)
    sides = [each[1::2] if many else each for each in (held, mirrored)]
    both = np.maximum(*(_best(scale, side, stored) for side in sides))
    content = np.maximum(*(_best(scale, by_content(side), by_content(stored)) for side in sides))
    return Scale(background, np.sort(both), np.sort(content))


def _best(scale: Scale, queries: Vectors, stored: Vectors) -> Float32[np.ndarray, " q"]:
    """Of each query the best score."""
    parts = [queries[start : start + _QUERIES] for start in range(0, len(queries), _QUERIES)]
    return np.concatenate([scale.scores(part, stored).max(axis=1) for part in parts])


def _as_kept(projection: Projection) -> Projection:
    """With matrices as a file keeps them: what is embedded now and later is the same."""
    content, motion = (
        Half(half.mean, half.matrix.astype(np.float16).astype(np.float32), half.quiet)
        for half in (projection.content, projection.motion)
    )
    return Projection(content, motion, projection.mirror, projection.time)


Alter = Callable[[UInt8[np.ndarray, "T H W 3"], int, int], None]


def _see(
    entries: Sequence[Entry],
    films: Films,
    autoencoder: Autoencoder,
    fps: float,
    report: Report,
    stage: str,
    alter: Alter | None = None,
) -> _Seen:
    """Every window of every entry; ``alter`` is called with a clip's first window, its number and the window's row."""
    found: list[Features] = []
    prints: list[np.ndarray] = []
    clips: list[int] = []
    starts: list[float] = []
    for part in _batches(entries):
        frames: list[np.ndarray] = []
        for number in part:
            pixels = films.frames(entries[number]).numpy()
            for order, window in enumerate(windows(pixels, fps, STORED_STEP)):
                if order == 0 and alter is not None:
                    alter(window.frames, number, len(clips))
                frames.append(window.frames)
                prints.append(prints_of(window.frames[list(KEPT)]))
                clips.append(number)
                starts.append(window.start)
        found.append(features(autoencoder, np.stack(frames)))
        report(stage, part[-1] + 1, len(entries), "")
    return _Seen(np.concatenate(found), np.stack(prints), clips, starts)


def _batches(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """Numbers of neighbouring entries of one size, a few at once."""
    for _, group in groupby(range(len(entries)), key=lambda number: entries[number].pixels):
        numbers = list(group)
        for start in range(0, len(numbers), _AT_ONCE):
            yield numbers[start : start + _AT_ONCE]
