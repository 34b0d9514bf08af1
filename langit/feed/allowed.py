"""Which clips have been taken down since a stage began: asked before every batch, answered from what the ledger got.

An allow-list is read once, when a stage begins. Whatever the ledger gets afterwards is compared by its size, which
costs next to nothing. Where it has grown, the kinds of the new entries say whether any could forbid something; only
then, or when a new day has begun on which a consent may have ended, is the list read again, of the stage's own clips
alone, and what was allowed and is no longer is the difference of the two. What was allowed may be a list on disk
(`ledger.exposure_columns.Roster`): then nothing of it stays in memory but the difference. Knows no batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from langit.ledger.exposure_columns import Roster
from langit.ledger.part import forbids_since, read_clips
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger


class TakenDown:
    """The clips that may not be used any more, of those that could when this was made."""

    def __init__(self, ledger: Ledger, clips: Iterable[str], policy: Policy | None = None) -> None:
        self.ledger, self.policy = ledger, policy or Policy()
        self.allowed_once = clips if isinstance(clips, Roster) else frozenset(clips)
        self.read_at = (ledger.size, _today())
        self.barred: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """Digests of the clips that were taken down until now.

        Raises:
            ValueError: the ledger's tables do not hold what its log says.
        """
        now = (self.ledger.size, _today())
        if now == self.read_at:
            return self.barred
        if now[1] != self.read_at[1] or forbids_since(self.ledger, self.read_at[0]):
            own = frozenset(self.allowed_once)
            found = read_clips(self.ledger, own, self.policy, now[1])
            self.barred = own - {clip.digest for clip in found.selection.clips}
        self.read_at = now
        return self.barred


def _today() -> str:
    """The day in UTC by which consents begin and end."""
    return datetime.now(UTC).date().isoformat()
