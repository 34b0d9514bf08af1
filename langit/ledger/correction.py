"""Which statements on licences were superseded by later ones. Knows nothing of where records are kept."""

from __future__ import annotations

from collections.abc import Iterable

from langit.ledger.record import Rights


def superseded_digests(statements: Iterable[Rights]) -> set[str]:
    """Digests of the sources and statements whose licences were superseded."""
    return {item.supersedes for item in statements if item.supersedes is not None}
