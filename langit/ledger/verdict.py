"""The three answers to whether footage may be learnt from. Knows nothing of how they are decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class RightsVerdict(Enum):
    """Only the first permits use."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Decision:
    """An answer and the rule that gave it, in words."""

    verdict: RightsVerdict
    rule: str

    @property
    def allowed(self) -> bool:
        """Whether the footage may be used."""
        return self.verdict is RightsVerdict.ALLOWED
