"""What the ledger says of some clips, read without the rest of a large ledger.

The clips and their captions are looked up, and each row is compared with the log. What could forbid them (sources,
rights, signals, consents, revocations, released files) is read whole, as a row that was changed could otherwise hide
itself by naming another source. Knows nothing of what the clips are for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from langit.ledger.derived import Caption
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Source
from langit.ledger.selection import Selection, judge, select
from langit.ledger.store import Ledger

HARMLESS: Final = frozenset({"clip", "caption", "drop", "manifest", "exposure", "request", "answer", "likeness"})
"""Kinds of records that forbid nothing that was allowed before."""
AT_ONCE: Final = 5_000
"""Rows that one query names."""
MOST: Final = 0.25
"""Share of a table from which on it is read whole."""


@dataclass(frozen=True)
class ClipsOnRecord:
    """Which of some clips are allowed, in order of entry, all sources, and the captions entered after the clips."""

    selection: Selection
    sources: tuple[Source, ...]
    captions: tuple[Caption, ...]


def forbids_since(ledger: Ledger, size: int) -> bool:
    """Whether anything was entered after the first ``size`` entries that could forbid what was allowed."""
    return not HARMLESS.issuperset(kind for _, kind in ledger.log_rows(size))


def read_clips(ledger: Ledger, wanted: Collection[str], policy: Policy, on: str | None = None) -> ClipsOnRecord:
    """What is on record of the clips of these digests; digests that are no clips of the ledger are left out.

    Args:
        ledger: where they are.
        wanted: their digests.
        policy: what may be learnt from.
        on: the day (ISO 8601) on which consent has to be in force; today in UTC if left out.

    Raises:
        ValueError: the tables do not hold what the log says, or the log was cut back.
    """
    ledger.check_tables()
    ledger.check_history()
    size, log = ledger.size, ledger.log_rows()
    rows = sum(kind == Clip.record for _, kind in log)
    entries = [entry for entry, (digest, kind) in enumerate(log) if kind == Clip.record and digest in wanted]
    clips = _read_entries(ledger, entries, rows)
    sources, revocations = ledger.sources(), ledger.revocations()
    outputs = (output.content_sha256 for output in ledger.outputs())
    decisions = judge(policy, sources, ledger.rights(), ledger.signals(), revocations, outputs)
    chosen = select(policy, sources, clips, decisions, ledger.consents(), revocations, on, ledger.identify)
    captions = _read_captions(ledger, {clip.digest for clip in clips}, size, len(clips) > MOST * rows)
    return ClipsOnRecord(chosen, sources, captions)


def _read_entries(ledger: Ledger, entries: Sequence[int], rows: int) -> tuple[Clip, ...]:
    """The clips at these entries of the log, in order; ``rows`` is how many there are."""
    if len(entries) > MOST * rows:
        chosen = {*entries}
        every = ledger.read_rows(Clip, f"entry < {ledger.size}")[0]
        found = {entry: record for entry, record in every.items() if entry in chosen}
    else:
        found = {}
        for part in _parts([str(entry) for entry in entries]):
            found |= ledger.read_rows(Clip, f"entry IN ({', '.join(part)})")[0]
    missing = next((entry for entry in entries if entry not in found), None)
    if missing is not None:
        raise ValueError(f"entry {missing} of {ledger.name}, a clip, is missing or was changed: restore the ledger")
    return tuple(found[entry] for entry in entries)


def _read_captions(ledger: Ledger, clips: Collection[str], size: int, whole: bool) -> tuple[Caption, ...]:
    if whole:
        return tuple(caption for caption in ledger.captions() if caption.clip in clips)
    found: dict[int, Caption] = {}
    for part in _parts([f"'{clip}'" for clip in sorted(clips)]):
        rows, strange = ledger.read_rows(Caption, f"entry < {size} AND clip IN ({', '.join(part)})")
        if strange:
            raise ValueError(
                f"entry {min(strange)} of {ledger.name}, a caption, is missing or was changed: restore the ledger"
            )
        found |= rows
    return tuple(found[entry] for entry in sorted(found))


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), AT_ONCE):
        yield texts[start : start + AT_ONCE]
