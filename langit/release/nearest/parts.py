"""Parts of an index, by shards of films: made by worker processes while a model still trains, joined at its end.

What takes long of an index (windows, fingerprints, pooled latents, altered copies) follows from a shard and the frozen
encoder alone, so it can be done as soon as there are both. A part is one file; `build.build_index` reads it in place of
encoding the shard's films.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from langit.autoencoder.protocol import VideoAutoencoder
from langit.feed.catalogue import FilmClip, FrameReader, StoredClip
from langit.files import atomic_write
from langit.release.nearest.alterations import ALTERATIONS
from langit.release.nearest.embedding import Features, features
from langit.release.nearest.fingerprints import KEPT, fingerprints_of
from langit.release.nearest.windows import STORED_STEP, windows

COPIES: Final = 3
"""Altered copies of a window from which the projection is learnt."""
BATCH: Final = 20
_FIELDS: Final = ("features", "prints", "clips", "starts", "copies", "mirrors", "originals")


@dataclass(frozen=True, eq=False)
class IndexPart:
    """The windows of some films. ``clips`` are their numbers among the films, ``originals`` rows of altered windows.

    Each original has ``COPIES`` altered copies, in order, and one mirror image.
    """

    features: Features
    prints: UInt8[np.ndarray, "n p 32"]
    clips: np.ndarray
    starts: np.ndarray
    copies: Features
    mirrors: Features
    originals: np.ndarray


def encode_part(
    films: Sequence[FilmClip],
    chosen: Sequence[int],
    reader: FrameReader,
    autoencoder: VideoAutoencoder,
    fps: float,
    random: np.random.Generator,
) -> IndexPart:
    """Encode every window of films of one size.

    Args:
        films: not mirrored.
        chosen: numbers of those of which altered copies are made.
        reader: reads them.
        autoencoder: whose latents.
        fps: frames per second of the films.
        random: decides the alterations.
    """
    found: list[Features] = []
    copies: list[Features] = []
    mirrors: list[Features] = []
    prints: list[np.ndarray] = []
    clips: list[int] = []
    starts: list[float] = []
    originals: list[int] = []
    wanted = set(chosen)
    for first in range(0, len(films), BATCH):
        frames: list[np.ndarray] = []
        for number in range(first, min(first + BATCH, len(films))):
            for order, window in enumerate(windows(reader.frames(films[number]).numpy(), fps, STORED_STEP)):
                if order == 0 and number in wanted:
                    kinds = random.choice(len(ALTERATIONS), COPIES, replace=False)
                    changed = [list(ALTERATIONS.values())[kind](window.frames, random) for kind in kinds]
                    encoded = features(autoencoder, np.stack([*changed, window.frames[:, :, ::-1]]))
                    copies.append(encoded[:-1])
                    mirrors.append(encoded[-1:])
                    originals.append(len(clips))
                frames.append(window.frames)
                prints.append(fingerprints_of(window.frames[list(KEPT)]))
                clips.append(number)
                starts.append(window.start)
        found.append(features(autoencoder, np.stack(frames)))
    whole = np.concatenate(found)
    nothing = whole[:0]
    return IndexPart(
        features=whole,
        prints=np.stack(prints),
        clips=np.array(clips, np.int32),
        starts=np.array(starts, np.float32),
        copies=np.concatenate(copies) if copies else nothing,
        mirrors=np.concatenate(mirrors) if mirrors else nothing,
        originals=np.array(originals, np.int32),
    )


@dataclass(frozen=True)
class PartsFolder:
    """The parts of one encoder's index, by shard."""

    folder: Path
    encoder: str  # its hash

    def file(self, shard: Path, rows: Sequence[int]) -> Path:
        """Where the part of these rows of a shard is, or would be."""
        name = f"{shard.stem}-{hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()[:12]}.safetensors"
        return self.folder / self.encoder[:16] / shard.parent.parent.name / shard.parent.name / name

    def write(self, shard: Path, rows: Sequence[int], part: IndexPart) -> None:
        """Keep a part, whole or not at all; ``rows`` are its films' in the shard."""
        path = self.file(shard, rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: np.ascontiguousarray(getattr(part, name)) for name in _FIELDS}
        with atomic_write(path) as unfinished:
            save_file(tensors, unfinished)

    def read(self, clips: Sequence[StoredClip]) -> IndexPart | None:
        """The part of these films, which are of one shard; None where there is none."""
        path = self.file(clips[0].shard, [clip.row for clip in clips])
        try:
            with safe_open(path, "numpy") as stored:
                return IndexPart(**{name: stored.get_tensor(name) for name in _FIELDS})
        except (FileNotFoundError, SafetensorError):  # damaged, or of other code: encoded again
            return None
