"""What left by the door, in the ledger: entered by its bytes, found again by them, by its mark or by its looks.

The prompt lies beside the log and can be erased; the log holds a salted commitment to it. Knows nothing of how a mark
is read, nor of who asks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8

from langit.fingerprint import BITS, distance, fingerprint
from langit.ledger.made import Output
from langit.ledger.store import Ledger
from langit.release.facts import Facts

LOOKS: Final = 8
"""At most so many fingerprints are kept of a video."""
FAR: Final = 72
"""Bits of 256 by which two fingerprints of one picture may differ; docs/curate.md has what was measured."""
DETAIL: Final = 30
"""Quality of a fingerprint below which its bits are chance."""


class Looks:
    """PDQ fingerprints of frames that are spread over a video of any length, in constant memory.

    Every ``stride``-th frame is kept; when there are too many, every other one of them is let go.
    """

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._stride = 1
        self._seen = 0

    def take(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        """Look at the next frame."""
        if self._seen % self._stride == 0:
            if len(self._kept) == LOOKS:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
            if self._seen % self._stride == 0:
                self._kept.append(look(frame))
        self._seen += 1

    @property
    def kept(self) -> tuple[str, ...]:
        """The fingerprints in hexadecimal digits; those of frames without detail are left out."""
        return tuple(dict.fromkeys(each for each in self._kept if each))


def look(frame: UInt8[np.ndarray, "H W 3"]) -> str:
    """The fingerprint of a frame in hexadecimal digits; empty where the frame has too little detail for one."""
    luma = np.rint(frame @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    seen = fingerprint(luma, full_range=True)
    return seen.bits.hex() if seen.quality >= DETAIL else ""


@dataclass(frozen=True)
class Likeness:
    """An entry that looks like what was asked for: how many of its fingerprints were found, and how near."""

    output: Output
    share: float
    bits: int


@dataclass(frozen=True)
class Outputs:
    """The outputs in the ledger of a home."""

    ledger: Ledger

    @classmethod
    def of(cls, home: Path) -> Outputs:
        """Those of the ledger under ``home``, which is made when the first is entered."""
        return cls(Ledger(home / "ledger"))

    def enter(self, digest: str, facts: Facts, looks: Collection[str] = (), flags: Collection[str] = ()) -> Output:
        """Enter a file by the SHA-256 of its bytes. When this returns the entry is kept."""
        prompt = self.ledger.personal.put_facts(prompt=facts.prompt, asked=facts.asked or facts.prompt)
        output = Output(
            content_sha256=digest,
            model=facts.weights,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            parents=tuple(dict.fromkeys(parent.sha256 for parent in facts.parents)),
            prompt=prompt,
            ability=facts.ability,
            mark=facts.mark.hex(),
            looks=tuple(looks),
            flags=tuple(flags),
        )
        self.ledger.add([output])
        return output

    def by_hash(self, digest: str) -> Output | None:
        """The entry of these very bytes."""
        return next((each for each in self.ledger.outputs() if each.content_sha256 == digest), None)

    def by_mark(self, mark: bytes) -> tuple[Output, ...]:
        """Entries with this id in their watermarks: the same facts make the same id."""
        return tuple(each for each in self.ledger.outputs() if each.mark == mark.hex())

    def marks(self) -> tuple[bytes, ...]:
        """The ids of all entries, each once."""
        return tuple(dict.fromkeys(bytes.fromhex(each.mark) for each in self.ledger.outputs() if each.mark))

    def by_looks(self, frames: Iterable[UInt8[np.ndarray, "H W 3"]]) -> list[Likeness]:
        """Entries that look like these frames, the most alike first: that they are alike, and nothing of why."""
        asked = {bytes.fromhex(each) for each in map(look, frames) if each}
        found = []
        for output in self.ledger.outputs():
            nearest = [
                min((distance(bytes.fromhex(kept), each) for each in asked), default=BITS) for kept in output.looks
            ]
            near = [bits for bits in nearest if bits <= FAR]
            if near:
                found.append(Likeness(output, len(near) / len(nearest), min(near)))
        return sorted(found, key=lambda each: (-each.share, each.bits))

    def prompt(self, output: Output) -> dict[str, str] | None:
        """What was asked for, where it has not been erased: ``prompt`` as the model read it, ``asked`` as written."""
        if output.prompt is None:
            return None
        kept = self.ledger.personal.get(output.prompt)
        return None if kept is None else dict(json.loads(kept))
