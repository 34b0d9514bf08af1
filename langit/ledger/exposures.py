"""The rows of an exposure log: which clip was trained on at which step, 36 bytes each.

A row is 4 bytes of step (big-endian) and the 32 bytes of the clip's digest. Knows nothing of who writes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from langit.ledger.log import leaf_hash, root

ROW = struct.Struct(">I32s")


@dataclass(frozen=True)
class ClipExposure:
    """How often a run saw a clip, and at which steps first and last."""

    times: int
    first: int
    last: int


def parse_rows(data: bytes) -> Iterator[tuple[int, str]]:
    """Every (step, clip digest), in order.

    Raises:
        ValueError: the last row is cut off.
    """
    _check_whole(data)
    for step, clip in ROW.iter_unpack(data):
        yield step, clip.hex()


def rows_root(data: bytes) -> str:
    """RFC 6962 root (hex) over all rows.

    Raises:
        ValueError: the last row is cut off.
    """
    _check_whole(data)
    return root(leaf_hash(data[at : at + ROW.size]) for at in range(0, len(data), ROW.size)).hex()


def count_exposures(data: bytes) -> dict[str, ClipExposure]:
    """How often each clip was seen, in the order in which clips first appear.

    Raises:
        ValueError: the last row is cut off.
    """
    found: dict[str, list[int]] = {}
    for step, clip in parse_rows(data):
        found.setdefault(clip, []).append(step)
    return {clip: ClipExposure(len(steps), min(steps), max(steps)) for clip, steps in found.items()}


def _check_whole(data: bytes) -> None:
    if len(data) % ROW.size:
        raise ValueError(f"an exposure log of {len(data)} bytes is not a whole number of rows: it was cut")
