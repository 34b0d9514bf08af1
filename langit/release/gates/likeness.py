"""Who agreed to be shown: granted for a scope, until a day, withdrawn at any time; entered in the ledger.

The log holds salted commitments; names and forms lie beside it, where they can be erased (``ledger/personal.py``).
Knows names as they are written, not faces: it cannot tell two people of one name apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from langit.ledger.likeness import LikenessConsent
from langit.ledger.place import Folder
from langit.release.gates.reading import words_of

if TYPE_CHECKING:
    from langit.ledger.store import Ledger

Standing = Literal["in force", "not yet", "expired", "revoked", "erased"]

_CALLED = (
    "mr mrs ms miss dr prof sir lady pak bu bapak ibu bung mas mbak kang ustaz ustadz habib gus presiden president"
    " singer penyanyi rapper queen king pope paus prince princess"
)
_TITLES = frozenset(_CALLED.split())


@dataclass(frozen=True)
class Grant:
    """A consent on record, whose it is (``None`` where the name was erased), and how it stands today."""

    digest: str
    name: str | None
    scopes: tuple[str, ...]
    starts: str
    ends: str | None
    standing: Standing


@dataclass(frozen=True)
class Consents:
    """Consents as they stand, and what is being made: what the prompt gate asks."""

    grants: tuple[tuple[tuple[str, ...], bool], ...] = ()
    """Each name on record in plain words, and whether a consent of that name is in force for what is being made."""

    def names(self) -> Sequence[str]:
        """Every name on record, in plain letters."""
        return tuple(" ".join(words) for words, _ in self.grants)

    def allows(self, words: Sequence[str]) -> bool:
        """Whether these words are of a name whose consent is in force; titles do not count."""
        wanted = {word for word in words if word not in _TITLES}
        return bool(wanted) and any(good and wanted <= set(name) for name, good in self.grants)


def today() -> str:
    """The day in UTC."""
    return datetime.now(UTC).date().isoformat()


def consents(folder: Path, model: str, ability: str, purpose: str = "", day: str | None = None) -> Consents:
    """The consents of the ledger in ``folder`` as they bear on one video; none where there is no ledger.

    Args:
        folder: the ledger's.
        model: the name of the model that is to make it.
        ability: ``generate``, ``extend`` ...
        purpose: what it is for, as the settings say; a consent to certain purposes does not cover one left out.
        day: ISO 8601, today in UTC if left out.
    """
    if not Folder(folder).has_table(LikenessConsent.record):
        return Consents()
    from langit.ledger.store import Ledger

    told = {"model": model, "ability": ability, "purpose": purpose}
    found: dict[tuple[str, ...], bool] = {}
    for grant, record in _read(Ledger(folder), day or today()):
        if grant.name is not None:
            words = words_of(grant.name)
            good = grant.standing == "in force" and record.covers(told)
            found[words] = found.get(words, False) or good
    return Consents(tuple(found.items()))


def grants(ledger: Ledger, day: str | None = None) -> tuple[Grant, ...]:
    """All consents of a ledger, in order of entry."""
    return tuple(grant for grant, _ in _read(ledger, day or today()))


def _read(ledger: Ledger, day: str) -> list[tuple[Grant, LikenessConsent]]:
    revoked = {item.target for item in ledger.revocations() if item.by == "record"}
    found = []
    for record in ledger.likenesses():
        kept = ledger.personal.get(record.person)
        standing: Standing = "in force"
        if record.digest in revoked:
            standing = "revoked"
        elif kept is None:
            standing = "erased"
        elif not record.in_force(day):
            standing = "not yet" if day < record.starts else "expired"
        name = None if kept is None else str(json.loads(kept)["name"])
        found.append((Grant(record.digest, name, record.scopes, record.starts, record.ends, standing), record))
    return found


def grant(
    ledger: Ledger,
    name: str,
    scopes: Sequence[str],
    evidence: Path,
    until: str | None = None,
    starts: str | None = None,
) -> LikenessConsent:
    """Enter that a person agreed to be shown.

    Args:
        ledger: where it is entered.
        name: as it would stand in a prompt; first and last name.
        scopes: ``all``, or ``model:``, ``ability:`` and ``purpose:`` with a name.
        evidence: a file that shows the consent; kept beside the log, with the log a salted commitment to it.
        until: the last day, ISO 8601; without it the consent holds until it is withdrawn.
        starts: the first day; today if left out.

    Raises:
        ValueError: no name of a person, a scope or a date that is none, a last day that is past.
        OSError: the evidence cannot be read.
    """
    words = words_of(name)
    if len([word for word in words if any(letter.isalpha() for letter in word)]) < 2:
        raise ValueError(f"{name!r} is no full name, and consent is of one person: give first and last name")
    day = today()
    if until is not None and until < day:
        raise ValueError(f"--until {until} is past, today is {day}: give a day to come")
    form = evidence.read_bytes()
    if not form:
        raise ValueError(f"{evidence} is empty, and shows no consent: give the signed form, or a recording")
    record = LikenessConsent(
        person="0" * 64,
        scopes=tuple(sorted(set(scopes))),
        starts=starts or day,
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ends=until,
    )  # checked before personal data are kept
    person, kept = ledger.personal.put_facts(name=" ".join(name.split())), ledger.personal.put(form)
    entered = LikenessConsent(person, record.scopes, record.starts, record.recorded_at, record.ends, kept)
    ledger.add([entered])
    return entered


def revoke(ledger: Ledger, name: str, reason: str, erase: bool = False) -> tuple[str, ...]:
    """Withdraw every consent of a name, or the one whose digest begins so; returns their digests.

    Args:
        ledger: where they were entered.
        name: as it was granted, however it is spelt in capitals, or the beginning of a record's digest.
        reason: kept in the log: no personal data.
        erase: also erase name and form beside the log.

    Raises:
        ValueError: there is no consent of that name that is not withdrawn yet.
    """
    wanted = words_of(name)
    found = []
    for one, record in _read(ledger, today()):
        same = one.name is not None and words_of(one.name) == wanted
        if (same or (len(name) >= 8 and one.digest.startswith(name))) and (one.standing != "revoked" or erase):
            found.append((one, record))
    if not found:
        raise ValueError(f"nobody called {name!r} has a consent to withdraw: `langit likeness list` shows who has")
    for one, record in found:
        if one.standing != "revoked":
            ledger.revoke(one.digest, reason)
        for commitment in (record.person, record.form) if erase else ():
            if commitment is not None:
                ledger.personal.erase(commitment)
    return tuple(one.digest for one, _ in found)
