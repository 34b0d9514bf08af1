"""The training clips of a model as one small file: a vector and two fingerprints for each window of two seconds.

Vectors have eight bits per component, 160 bytes a window: the index of the shipped model takes 3.7 MB and travels with
its weights. A clip is a rendered film, by seed and size, or the digest of a clip in the ledger. The search here is
exact and in memory; `table` holds the index beside the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float32, Int8, Int32, Int64, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from langit.autoencoder.protocol import VideoAutoencoder
from langit.release.nearest.embedding import HalfProjection, Projection, Vectors, features
from langit.release.nearest.fingerprints import QUERIED, StoredFingerprints
from langit.release.nearest.scale import ScoreScale, content_half, motion_half
from langit.release.nearest.windows import ClipWindow

FORMAT: Final = "langit-nearest-1"
_LEVELS: Final = 127.0  # of a signed byte, on each side of zero
_FILM: Final = ("world", "seed", "size")
COPY_BITS: Final = 31
"""Bits within which two PDQ fingerprints show one picture, as its authors advise."""


@dataclass(frozen=True)
class ClipMatch:
    """A stored clip that a window is similar to.

    ``clip`` is its number in the index, and ``start`` the place in it, in seconds. ``score`` and ``share`` are
    calibrated, see `scale`; ``content`` and ``motion`` are cosines (no motion if the window is too short);
    ``mirrored`` says that the window's mirror image is similar. ``copied`` is the share of the fingerprints of two
    seconds of the clip that were found in the window, and ``bits`` the least number of 256 bits that differ.
    """

    clip: int
    start: float
    score: float
    share: float
    content: float
    motion: float | None
    mirrored: bool
    bits: int
    copied: float


@dataclass(frozen=True)
class FilmName:
    """A rendered film, by what it takes to render it again."""

    world: str
    seed: int
    size: str

    def __str__(self) -> str:
        return f"film {self.seed} of {self.world} ({self.size})"


@dataclass(frozen=True, eq=False)
class ClipIndex:
    """Vectors and fingerprints of windows, their clips, and how vectors are made and scores are calibrated."""

    projection: Projection
    scale: ScoreScale
    vectors: Int8[np.ndarray, "n d"]
    prints: UInt8[np.ndarray, "n p 32"]
    clips: Int32[np.ndarray, " n"]
    starts: Float32[np.ndarray, " n"]
    films: tuple[FilmName, ...]
    """The clips with the lowest numbers."""
    footage: tuple[str, ...] = ()
    """Digests of clips in the ledger, which follow the films."""

    def name(self, clip: int) -> str:
        """The name of a clip: seed and size of a film, or the digest of the record of real footage."""
        return str(self.films[clip]) if clip < len(self.films) else f"clip {self.footage[clip - len(self.films)]}"

    @cached_property
    def _vectors(self) -> Vectors:
        return dequantize(self.vectors)

    @cached_property
    def _content(self) -> Vectors:
        return content_half(self._vectors)

    @cached_property
    def _motion(self) -> Vectors:
        return motion_half(self._vectors)

    @cached_property
    def _fingerprints(self) -> StoredFingerprints:
        return StoredFingerprints(self.prints)

    def embed(self, autoencoder: VideoAutoencoder, window: ClipWindow) -> Float32[np.ndarray, "2 d"]:
        """The vectors of a window and of its mirror image."""
        found = features(autoencoder, window.frames[None])
        return np.concatenate([self.projection(found), self.projection(self.projection.mirror_features(found))])

    def find(self, autoencoder: VideoAutoencoder, window: ClipWindow, count: int = 1) -> list[ClipMatch]:
        """The clips that a window is most similar to, the nearest first, and those of which it has fingerprints."""
        return self.search(window, self.embed(autoencoder, window), count)

    def search(
        self,
        window: ClipWindow,
        vectors: Float32[np.ndarray, "2 d"],
        count: int = 1,
        rows: Int64[np.ndarray, " m"] | None = None,
    ) -> list[ClipMatch]:
        """Find clips, as :meth:`find`, by the window's vectors; only among some ``rows`` if they are passed."""
        part: slice | Int64[np.ndarray, " m"] = slice(None) if rows is None else rows
        if window.whole:
            scores = self.scale.scores(vectors, self._vectors[part])  # (2, m): as it is, and mirrored
        else:
            scores = self.scale.scores(content_half(vectors), self._content[part])
        best, places = scores.max(axis=0), np.arange(len(self.vectors))[part]
        copies = self._copies(window)
        chosen: dict[int, tuple[int, Float32[np.ndarray, " two"]]] = {}
        for place in self._order(best, count):
            row = int(places[place])
            chosen.setdefault(int(self.clips[row]), (row, scores[:, place]))
            if len(chosen) == count:
                break
        # A copy may be far in content, for example cropped: clips with a matching fingerprint are added.
        for clip in copies.keys() - chosen.keys():
            row = int(np.flatnonzero(self.clips == clip)[0])
            queries, stored = (vectors, self._vectors) if window.whole else (content_half(vectors), self._content)
            chosen[clip] = row, self.scale.scores(queries, stored[row : row + 1])[:, 0]
        return [
            self._match(clip, row, vectors, own, window.whole, copies.get(clip, (0.0, 256)))
            for clip, (row, own) in chosen.items()
        ]

    def _order(self, best: Float32[np.ndarray, " n"], count: int) -> np.ndarray:
        """Places in descending order of score, as many as are certain to hold ``count`` clips."""
        most_windows = int(np.bincount(self.clips).max())
        many = min(len(best), count * most_windows)
        # Partition first: sorting all rows would cost more than comparing them.
        first = np.argpartition(-best, many - 1)[:many]
        return first[np.argsort(-best[first], kind="stable")]

    def _copies(self, window: ClipWindow) -> dict[int, tuple[float, int]]:
        """Clips with a fingerprint near one of the window's: the share of a stored window's, and the least bits."""
        found: dict[int, tuple[float, int]] = {}
        for row, (share, bits) in self._fingerprints.find(window.frames[: window.seen][QUERIED], COPY_BITS).items():
            clip = int(self.clips[row])
            # The largest share counts, then the fewest bits.
            found[clip] = max(found.get(clip, (0.0, -COPY_BITS)), (share, bits), key=lambda one: (one[0], -one[1]))
        return found

    def _match(
        self,
        clip: int,
        row: int,
        vectors: Float32[np.ndarray, "2 d"],
        scores: Float32[np.ndarray, " two"],
        whole: bool,
        copy: tuple[float, int],
    ) -> ClipMatch:
        side = int(scores.argmax())  # 0 for the window, 1 for its mirror image
        score, (copied, bits) = float(scores[side]), copy
        motion = float(motion_half(vectors)[side] @ self._motion[row])
        return ClipMatch(
            clip=clip,
            start=float(self.starts[row]),
            score=score,
            share=self.scale.share(score, whole),
            content=float(content_half(vectors)[side] @ self._content[row]),
            motion=motion if whole else None,
            mirrored=bool(side),
            bits=bits,
            copied=copied,
        )

    def save(self, path: Path) -> None:
        """Write the index as safetensors."""
        projection = self.projection
        sizes = sorted({film.size for film in self.films})
        worlds = sorted({film.world for film in self.films})
        tensors = {
            "vectors": self.vectors,
            "prints": self.prints,
            "clips": self.clips,
            "starts": self.starts,
            "films.seed": np.array([film.seed for film in self.films], np.uint32),
            "films.world": np.array([worlds.index(film.world) for film in self.films], np.uint8),
            "films.size": np.array([sizes.index(film.size) for film in self.films], np.uint8),
            "footage": np.frombuffer(bytes.fromhex("".join(self.footage)), np.uint8).reshape(-1, 32),
            "background": self.scale.background,
            "held.both": self.scale.both,
            "held.content": self.scale.content,
            "mirror": projection.mirror,
        }
        about: dict[str, Any] = {"format": FORMAT, "time": projection.time, "sizes": sizes, "worlds": worlds}
        for name, half in (("content", projection.content), ("motion", projection.motion)):
            tensors |= {f"{name}.mean": half.mean, f"{name}.matrix": half.matrix.astype(np.float16)}
            about[f"{name}.quiet"] = half.quiet
        save_file(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()},
            path,
            # One key, as safetensors writes several in random order: equal indexes are equal files.
            metadata={"about": json.dumps(about, sort_keys=True)},
        )

    @classmethod
    def load(cls, path: Path) -> ClipIndex:
        """Read a file of :meth:`save`.

        Raises:
            ValueError: the file has another format, or is damaged.
        """
        try:
            with safe_open(path, "numpy") as file:
                about = json.loads((file.metadata() or {}).get("about", "{}"))
                if about.get("format") != FORMAT:
                    raise ValueError(f"it has format {about.get('format')!r}, not {FORMAT!r}")
                tensors: dict[str, np.ndarray] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls._parse(about, tensors)
        except (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} is not an index of clips ({error}): build the index again") from error

    @classmethod
    def _parse(cls, about: dict[str, Any], tensors: dict[str, np.ndarray]) -> ClipIndex:
        content, motion = (
            HalfProjection(
                tensors[f"{name}.mean"], tensors[f"{name}.matrix"].astype(np.float32), about[f"{name}.quiet"]
            )
            for name in ("content", "motion")
        )
        return cls(
            projection=Projection(content, motion, tensors["mirror"], about["time"]),
            scale=ScoreScale(tensors["background"], tensors["held.both"], tensors["held.content"]),
            vectors=tensors["vectors"],
            prints=tensors["prints"],
            clips=tensors["clips"],
            starts=tensors["starts"],
            films=tuple(
                FilmName(about["worlds"][world], int(seed), about["sizes"][size])
                for world, seed, size in zip(*(tensors[f"films.{part}"] for part in _FILM), strict=True)
            ),
            footage=tuple(row.tobytes().hex() for row in tensors["footage"]),
        )


def quantize(vectors: Vectors) -> Int8[np.ndarray, "n d"]:
    """Store vectors of length one in eight bits per component."""
    return np.asarray(np.clip(np.round(vectors * _LEVELS), -_LEVELS, _LEVELS), np.int8)


def dequantize(vectors: Int8[np.ndarray, "n d"]) -> Vectors:
    """Turn eight-bit vectors into floating point, of length one again."""
    plain = vectors.astype(np.float32)
    return np.asarray(plain / np.maximum(np.linalg.norm(plain, axis=1, keepdims=True), 1e-9), np.float32)


def best_matches(matches: Sequence[ClipMatch], count: int) -> list[ClipMatch]:
    """The best match of each clip over the windows of a video; copies first, then the nearest."""
    found: dict[int, ClipMatch] = {}
    for match in matches:
        known = found.get(match.clip)
        if known is None or (match.copied, match.score) > (known.copied, known.score):
            found[match.clip] = match
    return sorted(found.values(), key=lambda match: (match.copied < 1, -match.score))[:count]
