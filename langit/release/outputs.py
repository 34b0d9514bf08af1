"""Released files in the ledger: entered by the hash of their bytes, and found again by hash, watermark or looks.

The prompt lies beside the log, where it can be erased; the log holds a salted commitment to it. This module does not
know how a watermark is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int64, UInt8, UInt64

from langit.fingerprint import BITS, fingerprint
from langit.ledger.derived import Output
from langit.ledger.lookup import find_records
from langit.ledger.store import Ledger
from langit.release.facts import Facts

Frame = UInt8[np.ndarray, "H W 3"]

MAX_FINGERPRINTS: Final = 8
"""Fingerprints kept of a video."""
MAX_GIVEN: Final = 64
"""Fingerprints kept of the given frames of a video, in constant memory."""
MAX_DISTANCE: Final = 72
"""Bits of 256 by which two fingerprints of one picture may differ; docs/curate.md has the measurement."""
TOO_NEAR: Final = MAX_DISTANCE + 12
"""Bits within which a generated frame counts as given. A re-encoded copy of the given file moves by a few bits and must
stay out of reach too; the nearest frames of unrelated footage differ by 92 and more (six films, 40 frames of each)."""
MIN_QUALITY: Final = 30
"""PDQ quality below which a fingerprint's bits are chance."""
LUMA: Final = np.array([0.299, 0.587, 0.114])  # BT.601
SHARE: Final = 0.5
"""The share of an output's fingerprints that must be found before a file is said to look like it."""


class FingerprintSampler:
    """PDQ fingerprints of generated frames spread evenly over a video of any length, in constant memory.

    Every ``stride``-th frame is kept; when there are too many, every other one is dropped and the stride doubles.
    Fingerprints that are near those of given frames are left out: a person's own footage must not be taken for ours.
    """

    def __init__(self) -> None:
        self._generated, self._given = _Spread(MAX_FINGERPRINTS), _Spread(MAX_GIVEN)
        self._excluded: set[str] = set()

    def take(self, frame: Frame, given: bool = False) -> None:
        """Sample the next frame of the video, which a person gave or the model generated."""
        (self._given if given else self._generated).take(frame)

    def exclude(self, frames: Iterable[Frame]) -> None:
        """Leave out whatever looks like one of these frames."""
        self._excluded |= {text for text in map(fingerprint_text, frames) if text}

    @property
    def kept(self) -> tuple[str, ...]:
        """Fingerprints in hexadecimal digits, without those of frames with too little detail or of given frames."""
        texts = self._generated.fingerprints
        nearest = _nearest(_words(texts), _words([*self._given.fingerprints, *self._excluded]))
        return tuple(text for text, bits in zip(texts, nearest, strict=True) if bits > TOO_NEAR)


class _Spread:
    """Up to ``most`` fingerprints, at equal distances in the sequence of frames."""

    def __init__(self, most: int) -> None:
        self._most, self._stride, self._count = most, 1, 0
        self._kept: list[str] = []

    def take(self, frame: Frame) -> None:
        if self._count % self._stride == 0:
            if len(self._kept) == self._most:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
            if self._count % self._stride == 0:
                self._kept.append(fingerprint_text(frame))
        self._count += 1

    @property
    def fingerprints(self) -> list[str]:
        return list(dict.fromkeys(text for text in self._kept if text))


def fingerprint_text(frame: Frame) -> str:
    """The fingerprint of a frame in hexadecimal digits; empty if the frame has too little detail for one."""
    luma = np.rint(frame @ LUMA).astype(np.uint8)
    found = fingerprint(luma, full_range=True)
    return found.bits.hex() if found.quality >= MIN_QUALITY else ""


@dataclass(frozen=True)
class SimilarOutput:
    """An output that looks like a file: the share of its fingerprints that were found, and the least bits apart."""

    output: Output
    share: float
    bits: int


@dataclass(frozen=True)
class Outputs:
    """The released files in the ledger of a home."""

    ledger: Ledger

    @classmethod
    def of(cls, home: Path) -> Outputs:
        """The outputs in the ledger under ``home``, which is created when the first output is entered."""
        return cls(Ledger(home / "ledger"))

    def enter(self, digest: str, facts: Facts, looks: Collection[str] = (), flags: Collection[str] = ()) -> Output:
        """Enter a file by the SHA-256 of its bytes. When this returns, the entry is on disk."""
        output = self.describe(digest, facts, looks, flags)
        self.ledger.add([output])
        return output

    def describe(self, digest: str, facts: Facts, looks: Collection[str] = (), flags: Collection[str] = ()) -> Output:
        """The entry of a file by the SHA-256 of its bytes. Its prompt is stored; the entry is not in the log yet."""
        prompt = self.ledger.personal.put_facts(prompt=facts.prompt, asked=facts.asked or facts.prompt)
        return Output(
            content_sha256=digest,
            model=facts.weights,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            parents=tuple(dict.fromkeys(parent.sha256 for parent in facts.parents)),
            prompt=prompt,
            ability=facts.ability,
            mark=facts.mark.hex(),
            looks=tuple(looks),
            flags=tuple(flags),
            tuned=facts.tuned,
        )

    def by_hash(self, digest: str) -> Output | None:
        """The entry of a file with exactly these bytes."""
        return next(iter(find_records(self.ledger, Output, "content_sha256", bytes.fromhex(digest))), None)

    def by_mark(self, mark: bytes) -> tuple[Output, ...]:
        """Entries with this id in their watermarks; several if the same facts were released several times."""
        return find_records(self.ledger, Output, "mark", mark)

    def by_parent(self, digest: str) -> tuple[Output, ...]:
        """Entries that were made from a file with exactly these bytes."""
        return tuple(output for output in self.ledger.outputs() if digest in output.parents)

    def marks(self) -> tuple[bytes, ...]:
        """The watermark ids of all entries, each once."""
        return tuple(dict.fromkeys(bytes.fromhex(output.mark) for output in self.ledger.outputs() if output.mark))

    def by_looks(self, frames: Iterable[Frame]) -> list[SimilarOutput]:
        """Entries that look like these frames, the most alike first. Looks alone do not show where a file came from."""
        shown = _words(sorted({text for text in map(fingerprint_text, frames) if text}))
        outputs = self.ledger.outputs()
        texts = [text for output in outputs for text in output.looks]
        nearest = _nearest(_words(texts), shown)
        found, first = [], 0
        for output in outputs:
            bits, first = nearest[first : first + len(output.looks)], first + len(output.looks)
            near = bits[bits <= MAX_DISTANCE]
            if len(near) and len(near) >= SHARE * len(bits):
                found.append(SimilarOutput(output, len(near) / len(bits), int(near.min())))
        return sorted(found, key=lambda similar: (-similar.share, similar.bits))

    def prompt(self, output: Output) -> dict[str, str] | None:
        """``prompt`` as the model read it and ``asked`` as it was written; None once it has been erased."""
        if output.prompt is None:
            return None
        kept = self.ledger.personal.get(output.prompt)
        return None if kept is None else dict(json.loads(kept))


def _words(texts: Collection[str]) -> UInt64[np.ndarray, "n 4"]:
    """Fingerprints as rows of four 64-bit words."""
    return np.frombuffer(bytes.fromhex("".join(texts)), np.uint64).reshape(-1, 4)


def _nearest(some: UInt64[np.ndarray, "n 4"], others: UInt64[np.ndarray, "m 4"]) -> Int64[np.ndarray, " n"]:
    """Of each fingerprint the Hamming distance to the nearest of the others; BITS if there are none."""
    nearest = np.full(len(some), BITS, np.int64)
    for other in others:
        np.minimum(nearest, np.bitwise_count(some ^ other).sum(axis=1, dtype=np.int64), out=nearest)
    return nearest
