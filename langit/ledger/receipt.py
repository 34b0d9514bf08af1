"""Receipts: that a record is in a signed log, with the record itself, in one text that needs no ledger to check.

A receipt is a C2SP tlog-proof whose extra data are lines of canonical JSON: first the record whose inclusion is
proved, then those that it names by their hashes (a clip's source). The log's entry is the SHA-256 of the first line.
A receipt shows what was entered and under whose key, not that it is true, nor what was entered afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langit.ledger import lines
from langit.ledger.archive import UnprovedError
from langit.ledger.checkpoint import LogCheckpoint, Signer, Verifier, open_note
from langit.ledger.log import Hash, leaf_hash, root
from langit.ledger.proof import VERSION, Proof
from langit.ledger.record import Record
from langit.ledger.store import Ledger

__all__ = ["CheckedReceipt", "UnprovedError", "check", "check_history", "check_same", "check_signed", "prove"]

SUFFIX = ".tlog-proof"


@dataclass(frozen=True)
class CheckedReceipt:
    """What a receipt shows: the record, those that it names, its entry, and the state of the log that was signed."""

    record: Record
    named: tuple[Record, ...]
    entry: int
    state: LogCheckpoint


def is_receipt(text: str) -> bool:
    """Whether a text begins as a receipt does, whole or not."""
    return text.startswith(VERSION.partition("@")[0])


def prove(ledger: Ledger, record: Record, named: Sequence[Record], signer: Signer) -> str:
    """A receipt for a record that is in the ledger, under a checkpoint that is signed now.

    Args:
        ledger: where it is.
        record: what is to be proved.
        named: the records that it names, and those that these name, see :func:`langit.ledger.lines.references`.
        signer: the ledger's key.

    Raises:
        ValueError: the record is not in the ledger, or the ledger does not continue what it signed before.
    """
    note = ledger.checkpoint(signer.name, signer)
    proof = ledger.prove(record.digest, note, signer)
    return str(replace(proof, extra=b"\n".join(item.canonical for item in (record, *named))))


def check(text: str, verifier: Verifier) -> CheckedReceipt:
    """What a receipt shows to somebody who trusts ``verifier``.

    Raises:
        UnprovedError: cut or changed, signed by another key, or a proof of something else.
    """
    try:
        proof = Proof.parse(text)
        if not proof.extra:
            raise ValueError("the receipt holds no record: it was cut, or made by another program; get it again")
        first, *rest = proof.extra.split(b"\n")
        record, named = lines.parse_line(first), tuple(lines.parse_line(line) for line in rest)
        check_signed(proof.checkpoint, verifier)
        state = proof.check(leaf_hash(bytes.fromhex(record.digest)), verifier)
        wanted = {*lines.references(record)}
        for item in named:
            if item.digest not in wanted:
                raise ValueError(f"the receipt adds a {item.record} that its record does not name: it was changed")
            wanted |= {*lines.references(item)}
        missing = wanted - {item.digest for item in named}
        if missing:
            raise ValueError(f"the receipt lacks record {min(missing)}, which its own names: it was cut, get it again")
    except ValueError as error:
        raise UnprovedError(str(error)) from error
    return CheckedReceipt(record, named, proof.index, state)


def check_signed(note: str, verifier: Verifier) -> None:
    """Check who signed a checkpoint, and say who else did where it was not ``verifier``.

    Raises:
        ValueError: there is no valid signature by ``verifier``.
    """
    try:
        open_note(note, verifier)
    except ValueError as error:
        signed = note.rpartition("\n\n")[2].splitlines()
        names = [line.removeprefix("\u2014 ").split(" ", 1)[0] for line in signed if line.startswith("\u2014 ")]
        others = sorted({name for name in names if name != verifier.name})
        if others and verifier.name not in names:
            raise ValueError(
                f"the checkpoint is signed by {', '.join(others)}, not by {verifier.name}, whose key was trusted:"
                f" give the public key of {others[0]} if you trust it"
            ) from error
        raise ValueError(
            f"the checkpoint is not signed by the key {verifier} that was trusted: it was changed, or signed by another"
            f" key of that name ({error})"
        ) from error


def check_history(state: LogCheckpoint, leaves: Sequence[Hash], where: str, current: bool) -> str:
    """Compare a signed state with all leaf hashes of a log; returns the result in words.

    Args:
        state: what was signed, see :func:`check`.
        leaves: of the log, in order of entry.
        where: the log's location, for people.
        current: whether this is the present log, so that it must not be shorter than what was signed.

    Raises:
        UnprovedError: the log was rolled back or rewritten since, or is another log.
        ValueError: the log ends before the state and need not be the newest, so they cannot be compared.
    """
    if state.size > len(leaves):
        gap = f"{state.origin} was signed at {state.size} entries, {where} has {len(leaves)}"
        if current:
            raise UnprovedError(f"{gap}: it was rolled back, or is an old copy; restore the newer one")
        raise ValueError(f"{gap}, so they cannot be compared: get a newer one")
    if root(leaves[: state.size]) != state.root:
        raise UnprovedError(
            f"the first {state.size} entries of {where} are not those that {state.origin} signed:"
            " the log was forked or rewritten, or is another one"
        )
    return f"{where} continues it, entry by entry, up to {len(leaves)}"


def check_same(state: LogCheckpoint, other: LogCheckpoint, where: str) -> str:
    """Compare two signed states of a log; returns the result in words.

    Raises:
        UnprovedError: they contradict each other: there are two logs under one name.
        ValueError: they are of different logs, or of different sizes, so they cannot be compared.
    """
    if state.origin != other.origin:
        raise ValueError(f"{where} is of log {other.origin!r}, not {state.origin!r}: there is nothing to compare")
    if state.size != other.size:
        raise ValueError(
            f"{where} is of {other.origin!r} at {other.size} entries, the receipt at {state.size}: to compare states of"
            " different sizes give an audit file or the ledger's folder"
        )
    if state.root != other.root:
        raise UnprovedError(f"{state.origin} signed two different logs of {state.size} entries: it was forked")
    return f"{where} is of the same state"
