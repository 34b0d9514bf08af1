"""The training clips of a model as one small file: a vector and two fingerprints for each window of two seconds.

Eight-bit vectors, 160 bytes a window: the films of the model that ships fit into two megabytes and travel with its
weights. A clip is a film, by seed and size, or the digest of a clip in the ledger. Searched exactly, in memory:
see ``table`` for the ledger's index, which takes many models and real footage.
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
from safetensors import safe_open
from safetensors.numpy import save_file

from langit.autoencoder.model import Autoencoder
from langit.release.nearest.embedding import Half, Projection, Vectors, features
from langit.release.nearest.prints import ASKED, Stored
from langit.release.nearest.scale import Scale, by_content, by_motion
from langit.release.nearest.windows import Window

FORMAT: Final = "langit-nearest-1"
_STEPS: Final = 127.0
_FILM: Final = ("world", "seed", "size")
COPY_BITS: Final = 31
"""Bits within which two PDQ fingerprints are of one picture, as its authors advise."""


@dataclass(frozen=True)
class Match:
    """A stored clip that a window is similar to.

    ``clip`` counts the index's clips and ``start`` is where in it, in seconds. ``score`` and ``share`` are calibrated,
    see ``scale``; ``content`` and ``motion`` are cosines (no motion where the window was too short); ``mirrored`` says
    that its mirror image is what is similar. ``copied`` is the share of the fingerprints kept of two seconds of the
    clip that are found in the window, and ``bits`` how many of 256 differ at the least.
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
    """A rendered film: it can be rendered again."""

    world: str
    seed: int
    size: str

    def __str__(self) -> str:
        return f"film {self.seed} of {self.world} ({self.size})"


@dataclass(frozen=True, eq=False)
class ClipIndex:
    """Vectors and fingerprints of windows; which clip each is of; how vectors are made and what scores mean."""

    projection: Projection
    scale: Scale
    vectors: Int8[np.ndarray, "n d"]
    prints: UInt8[np.ndarray, "n p 32"]
    clips: Int32[np.ndarray, " n"]
    starts: Float32[np.ndarray, " n"]
    films: tuple[FilmName, ...]
    """The first clips."""
    footage: tuple[str, ...] = ()
    """Digests of clips in the ledger: the clips after those."""

    def name(self, clip: int) -> str:
        """What a clip is called: a film by its seed and size, real footage by the digest of its record."""
        return str(self.films[clip]) if clip < len(self.films) else f"clip {self.footage[clip - len(self.films)]}"

    @cached_property
    def _vectors(self) -> Vectors:
        return restored(self.vectors)

    @cached_property
    def _content(self) -> Vectors:
        return by_content(self._vectors)

    @cached_property
    def _motion(self) -> Vectors:
        return by_motion(self._vectors)

    @cached_property
    def _prints(self) -> Stored:
        return Stored(self.prints)

    def embed(self, autoencoder: Autoencoder, window: Window) -> Float32[np.ndarray, "2 d"]:
        """The vectors of a window and of its mirror image."""
        found = features(autoencoder, window.frames[None])
        return np.concatenate([self.projection(found), self.projection(self.projection.mirrored(found))])

    def look(self, autoencoder: Autoencoder, window: Window, count: int = 1) -> list[Match]:
        """The clips that a window is most similar to, the nearest first; and those of which it has fingerprints."""
        return self.search(window, self.embed(autoencoder, window), count)

    def search(
        self,
        window: Window,
        vectors: Float32[np.ndarray, "2 d"],
        count: int = 1,
        rows: Int64[np.ndarray, " m"] | None = None,
    ) -> list[Match]:
        """As :meth:`look`, for vectors that are there already and, where they are given, among some rows only."""
        part: slice | Int64[np.ndarray, " m"] = slice(None) if rows is None else rows
        if window.whole:
            scores = self.scale.scores(vectors, self._vectors[part])  # (2, m): as it is, and mirrored
        else:
            scores = self.scale.scores(by_content(vectors), self._content[part])
        best, places = scores.max(axis=0), np.arange(len(self.vectors))[part]
        copies = self._copies(window)
        chosen: dict[int, tuple[int, Float32[np.ndarray, " two"]]] = {}
        for place in self._order(best, count):
            row = int(places[place])
            chosen.setdefault(int(self.clips[row]), (row, scores[:, place]))
            if len(chosen) == count:
                break
        for clip in copies.keys() - chosen.keys():
            row = int(np.flatnonzero(self.clips == clip)[0])
            asked, stored = (vectors, self._vectors) if window.whole else (by_content(vectors), self._content)
            chosen[clip] = row, self.scale.scores(asked, stored[row : row + 1])[:, 0]
        return [
            self._match(clip, row, vectors, own, window.whole, copies.get(clip, (0.0, 256)))
            for clip, (row, own) in chosen.items()
        ]

    def _order(self, best: Float32[np.ndarray, " n"], count: int) -> np.ndarray:
        """Places from the best on, as many as surely hold ``count`` clips."""
        each = int(np.bincount(self.clips).max())
        many = min(len(best), count * each)
        first = np.argpartition(-best, many - 1)[:many]
        return first[np.argsort(-best[first], kind="stable")]

    def _copies(self, window: Window) -> dict[int, tuple[float, int]]:
        """For each clip with a fingerprint near one of the window's: the share of a stored window's, the least bits."""
        found: dict[int, tuple[float, int]] = {}
        for row, (share, bits) in self._prints.copied(window.frames[: window.seen][ASKED], COPY_BITS).items():
            clip = int(self.clips[row])
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
    ) -> Match:
        side = int(scores.argmax())
        score, (copied, bits) = float(scores[side]), copy
        moves = float(by_motion(vectors)[side] @ self._motion[row])
        return Match(
            clip=clip,
            start=float(self.starts[row]),
            score=score,
            share=self.scale.share(score, whole),
            content=float(by_content(vectors)[side] @ self._content[row]),
            motion=moves if whole else None,
            mirrored=bool(side),
            bits=bits,
            copied=copied,
        )

    def save(self, path: Path) -> None:
        """Write the file."""
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
            metadata={"about": json.dumps(about, sort_keys=True)},
        )

    @classmethod
    def load(cls, path: Path) -> ClipIndex:
        """Read :meth:`save`'s file.

        Raises:
            ValueError: the file is of another format.
        """
        with safe_open(path, "numpy") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            if about.get("format") != FORMAT:
                raise ValueError(f"{path} is of format {about.get('format')!r}, not {FORMAT!r}: build the index again")
            tensors: dict[str, np.ndarray] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        content, motion = (
            Half(tensors[f"{name}.mean"], tensors[f"{name}.matrix"].astype(np.float32), about[f"{name}.quiet"])
            for name in ("content", "motion")
        )
        return cls(
            projection=Projection(content, motion, tensors["mirror"], about["time"]),
            scale=Scale(tensors["background"], tensors["held.both"], tensors["held.content"]),
            vectors=tensors["vectors"],
            prints=tensors["prints"],
            clips=tensors["clips"],
            starts=tensors["starts"],
            films=tuple(
                FilmName(about["worlds"][world], int(seed), about["sizes"][size])
                for world, seed, size in zip(*(tensors[f"films.{each}"] for each in _FILM), strict=True)
            ),
            footage=tuple(row.tobytes().hex() for row in tensors["footage"]),
        )


def rounded(vectors: Vectors) -> Int8[np.ndarray, "n d"]:
    """Vectors of length one in eight bits a number."""
    return np.asarray(np.clip(np.round(vectors * _STEPS), -_STEPS, _STEPS), np.int8)


def restored(vectors: Int8[np.ndarray, "n d"]) -> Vectors:
    """Eight-bit vectors as numbers, of length one again."""
    plain = vectors.astype(np.float32)
    return np.asarray(plain / np.maximum(np.linalg.norm(plain, axis=1, keepdims=True), 1e-9), np.float32)


def best(matches: Sequence[Match], count: int) -> list[Match]:
    """The best match of each clip, over the windows of a video; copies first, then the nearest."""
    found: dict[int, Match] = {}
    for match in matches:
        known = found.get(match.clip)
        if known is None or (match.copied, match.score) > (known.copied, known.score):
            found[match.clip] = match
    return sorted(found.values(), key=lambda match: (match.copied < 1, -match.score))[:count]
