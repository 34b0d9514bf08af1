"""A batch, as the trainer sees it: which clips, how many tokens, and what the task makes of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Batch:
    """``clips`` are ledger digests, for the exposure log; ``kind`` is its lengths or shape; ``items`` a task knows."""

    clips: tuple[str, ...]
    tokens: int
    kind: tuple[int, ...]
    items: Any
