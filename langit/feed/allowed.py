"""Which clips have been taken down since a stage began: asked before every batch, answered from what the ledger got.

An allow-list is read once, when a stage begins. Whatever the ledger gets afterwards is compared by its size, which
costs next to nothing; only where it has grown is the list read again, and what was allowed and is no longer is the
difference of the two. Knows no batches.
"""

from __future__ import annotations

from collections.abc import Iterable

from langit.ledger.policy import Policy
from langit.ledger.store import Ledger


class TakenDown:
    """The clips that may not be used any more, of those that could when this was made."""

    def __init__(self, ledger: Ledger, clips: Iterable[str], policy: Policy | None = None) -> None:
        self.ledger, self.policy = ledger, policy or Policy()
        self.allowed_once = frozenset(clips)
        self.size = ledger.size
        self.barred: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """Digests of the clips that were taken down until now.

        Raises:
            ValueError: the ledger's tables do not hold what its log says.
        """
        size = self.ledger.size
        if size != self.size:
            allowed = {clip.digest for clip in self.ledger.allowed_clips(self.policy).clips}
            self.size, self.barred = size, self.allowed_once - allowed
        return self.barred
