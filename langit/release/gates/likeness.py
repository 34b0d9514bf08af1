"""Consents to be shown: granted for a scope and until a day, revocable at any time, and entered in the ledger.

The log holds salted commitments. Names and consent forms lie beside it, where they can be erased
(``ledger/personal.py``). Knows names as they are spelt, not faces: it cannot tell two people of one name apart.
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
from langit.release.gates.reading import name_words

if TYPE_CHECKING:
    from langit.ledger.store import Ledger

Standing = Literal["in force", "not yet", "expired", "revoked", "erased"]

_TITLE_WORDS = (
    "mr mrs ms miss dr prof sir lady pak bu bapak ibu bung mas mbak kang ustaz ustadz habib gus presiden president"
    " singer penyanyi rapper queen king pope paus prince princess pres ex former chancellor prime minister pm premier"
    " senator governor actor actress coach director captain professor perdana menteri gubernur capres artis aktor"
)
_TITLES = frozenset(_TITLE_WORDS.split())


@dataclass(frozen=True)
class Grant:
    """A consent on record: the person's name (``None`` if erased), its scope and days, and its standing today."""

    digest: str
    name: str | None
    scopes: tuple[str, ...]
    starts: str
    ends: str | None
    standing: Standing


@dataclass(frozen=True)
class Consents:
    """The consents that bear on one video, for the prompt gate."""

    grants: tuple[tuple[tuple[str, ...], bool], ...] = ()
    """Each name on record, as words, and whether a consent of that name is in force for this video."""

    def names(self) -> Sequence[str]:
        """Every name on record, in Latin letters."""
        return tuple(" ".join(words) for words, _ in self.grants)

    def allowing(self, words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The names with a consent in force that have all these words, titles aside."""
        wanted = {word for word in words if word not in _TITLES}
        return tuple(name for name, good in self.grants if good and wanted and wanted <= set(name))


def today() -> str:
    """Today's date in UTC."""
    return datetime.now(UTC).date().isoformat()


def consents(folder: Path, model: str, ability: str, purpose: str = "", day: str | None = None) -> Consents:
    """The consents that bear on one video; none if there is no ledger.

    Args:
        folder: the ledger's folder.
        model: the name of the model that makes the video.
        ability: the ability that makes it: ``generate``, ``extend`` ...
        purpose: what it is for; a consent that is limited to purposes does not cover an empty one.
        day: ISO 8601; by default today in UTC.
    """
    if not Folder(folder).has_table(LikenessConsent.record):
        return Consents()
    from langit.ledger.store import Ledger

    video = {"model": model, "ability": ability, "purpose": purpose}
    found: dict[tuple[str, ...], bool] = {}
    for grant, record in _read_grants(Ledger(folder), day or today()):
        if grant.name is not None:
            words = name_words(grant.name)
            good = grant.standing == "in force" and record.covers(video)
            found[words] = found.get(words, False) or good
    return Consents(tuple(found.items()))


def grants(ledger: Ledger, day: str | None = None) -> tuple[Grant, ...]:
    """All consents of a ledger, in order of entry."""
    return tuple(grant for grant, _ in _read_grants(ledger, day or today()))


def _read_grants(ledger: Ledger, day: str) -> list[tuple[Grant, LikenessConsent]]:
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
        ledger: where to enter it.
        name: first and last name, as a prompt would spell them.
        scopes: ``all``, or ``model:``, ``ability:`` and ``purpose:``, each with a name.
        evidence: a file that shows the consent. It is kept beside the log, which holds a salted commitment to it.
        until: the last day, ISO 8601; by default the consent holds until it is revoked.
        starts: the first day; by default today.

    Raises:
        ValueError: the name is not a full name, a scope or a date is invalid, or the last day is past.
        OSError: the evidence cannot be read.
    """
    words = name_words(name)
    if len([word for word in words if any(letter.isalpha() for letter in word)]) < 2:
        raise ValueError(f"{name!r} is not a full name, and a consent is one person's: give first and last name")
    day = today()
    if until is not None and until < day:
        raise ValueError(f"--until {until} is past, today is {day}: use a later day")
    form = evidence.read_bytes()
    if not form:
        raise ValueError(f"{evidence} is empty and shows no consent: use the signed form or a recording")
    record = LikenessConsent(
        person="0" * 64,
        scopes=tuple(sorted(set(scopes))),
        starts=starts or day,
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ends=until,
    )  # validated before personal data are stored
    person, kept = ledger.personal.put_facts(name=" ".join(name.split())), ledger.personal.put(form)
    entered = LikenessConsent(person, record.scopes, record.starts, record.recorded_at, record.ends, kept)
    ledger.add([entered])
    return entered


def revoke(ledger: Ledger, name: str, reason: str, erase: bool = False) -> tuple[str, ...]:
    """Revoke every consent of a name, or the one with a digest that begins so; return their digests.

    Args:
        ledger: where they were entered.
        name: the name as granted, in any case, or the beginning of a record's digest.
        reason: kept in the log, so it must hold no personal data.
        erase: whether to also erase the name and the form beside the log.

    Raises:
        ValueError: that name has no consent left to revoke.
    """
    wanted = name_words(name)
    found = []
    for one, record in _read_grants(ledger, today()):
        same = one.name is not None and name_words(one.name) == wanted
        if (same or (len(name) >= 8 and one.digest.startswith(name))) and (one.standing != "revoked" or erase):
            found.append((one, record))
    if not found:
        raise ValueError(f"{name!r} has no consent to revoke: `langit likeness list` shows all consents")
    for one, record in found:
        if one.standing != "revoked":
            ledger.revoke(one.digest, reason)
        for commitment in (record.person, record.form) if erase else ():
            if commitment is not None:
                ledger.personal.erase(commitment)
    return tuple(one.digest for one, _ in found)
