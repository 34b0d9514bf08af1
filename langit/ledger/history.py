"""Was the log cut back or rewritten? Compares it with the checkpoints of it that were signed before.

A hash chain shows that a log is consistent with itself, not that it is the newest: cut the log and its tables back by
one entry, and the last revocation was never made. So the state is signed whenever something is withdrawn, and kept
twice: in the ledger, and beside its folder, where an old copy of the folder does not replace it. Someone who replaces
both files as well is caught only by a receipt or a checkpoint that another person keeps.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from langit.files import write_bytes
from langit.ledger import keys
from langit.ledger.checkpoint import LogCheckpoint
from langit.ledger.place import Folder, LedgerPlace
from langit.ledger.record import Record, Revocation, Rights, Signal
from langit.ledger.requests import RequestAnswer, TakedownRequest

if TYPE_CHECKING:
    from langit.ledger.reader import LedgerReader

NAME = "checkpoint"


def withdraws(record: Record) -> bool:
    """Whether a record takes a permission away, or asks for that, so that somebody may want it gone."""
    return (
        # every later statement of rights: of several licences each has to be allowed, so one more may bar a source
        isinstance(record, (Revocation, TakedownRequest, RequestAnswer, Rights))
        or (isinstance(record, Signal) and record.says in ("reserved", "unreadable"))
    )


def beside(folder: Path) -> Path:
    """Where the second copy of a folder's checkpoint is kept."""
    folder = folder.absolute()
    return folder.with_name(f".{folder.name}.{NAME}")


def kept_notes(place: LedgerPlace) -> tuple[str, ...]:
    """The signed checkpoints that are kept of a ledger, at most two."""
    notes = []
    with suppress(FileNotFoundError):  # nothing was ever signed, or this is an older copy
        notes.append(place.get(NAME).decode("utf-8", "replace"))
    if isinstance(place, Folder):
        with suppress(FileNotFoundError):
            notes.append(beside(place.path).read_text(encoding="utf-8", errors="replace"))
    return tuple(dict.fromkeys(notes))


def keep_note(place: LedgerPlace, note: str) -> None:
    """Keep a signed checkpoint in the ledger and, for a folder, beside it."""
    place.put(NAME, note.encode())
    if isinstance(place, Folder):
        write_bytes(beside(place.path), note.encode(), private=True)


def check_continues(ledger: LedgerReader, place: LedgerPlace, note: str) -> LogCheckpoint:
    """Check that a ledger continues a checkpoint of it; returns the state that was signed.

    Without the ledger's key, as in a copy that was published, the signature is not checked, but the state is.

    Raises:
        ValueError: the checkpoint was changed, or the log was cut back or rewritten since.
    """
    has_key = isinstance(place, Folder) and (place.path / keys.FILE).exists()
    state = (
        LogCheckpoint.parse(note, keys.signer(place.path).verifier)
        if has_key and isinstance(place, Folder)
        else LogCheckpoint.parse_unsigned(note)
    )
    check_state(ledger, state)
    return state


def check_state(ledger: LedgerReader, state: LogCheckpoint) -> None:
    """Check that a ledger continues a state of it.

    Raises:
        ValueError: it was cut back or rewritten since.
    """
    if state.size > ledger.size:
        raise ValueError(
            f"{ledger.name} was cut back: {state.origin} was signed at {state.size} entries, and it has {ledger.size}."
            f" Restore the newer copy. If you began a new ledger on purpose, remove the old {NAME!r} files in it and"
            " beside it"
        )
    if ledger.root_at(state.size) != state.root:
        raise ValueError(
            f"{ledger.name} was rewritten: its first {state.size} entries are not those that {state.origin} signed."
            " Restore a copy"
        )
