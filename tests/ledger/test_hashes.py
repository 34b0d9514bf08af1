"""Every field of every record that names something by its hash refuses what is no hash."""

from __future__ import annotations

import dataclasses
import re

import pytest
from ledger.lived import CAPTION, DROP, FETCHED, FILMS, RIGHTS, SHOTS, SIGNALS, WHEN

from langit.ledger.derived import KINDS, Manifest, Output, RunExposure
from langit.ledger.likeness import LikenessConsent
from langit.ledger.record import Consent, Record, Revocation
from langit.ledger.requests import RequestAnswer, TakedownRequest

HASH = "ab" * 32
EXAMPLES: list[Record] = [
    dataclasses.replace(FETCHED, evidence=(HASH,), parents=(HASH,), scene_sha256=HASH, motion_sha256=HASH),
    FILMS[0],
    dataclasses.replace(RIGHTS, evidence=(HASH,), supersedes=HASH, reason="it was mistyped"),
    Consent(HASH, HASH, ("training",), "2026-01-01", WHEN, form=HASH),
    dataclasses.replace(SIGNALS[0], evidence=(HASH,)),
    dataclasses.replace(SHOTS[0], fingerprint_sha256=HASH, curation=HASH),
    Revocation(HASH, "asked for", WHEN, evidence=(HASH,)),
    CAPTION,
    dataclasses.replace(DROP, clip=HASH, curation=HASH),
    Manifest("set", 1, HASH, HASH, HASH, 1, HASH, WHEN, config=HASH),
    RunExposure("run", HASH, 1, 1, WHEN, HASH, HASH, HASH),
    Output(HASH, HASH, WHEN, parents=(HASH,), prompt=HASH),
    TakedownRequest(HASH, "copyright", WHEN, HASH, HASH, HASH),
    RequestAnswer(HASH, "granted", "it is theirs", WHEN, (HASH,)),
    LikenessConsent(HASH, ("all",), "2026-01-01", WHEN, form=HASH),
]


def is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def hashes() -> list[tuple[Record, str]]:
    found = []
    for record in EXAMPLES:
        for name, value in ((field.name, getattr(record, field.name)) for field in dataclasses.fields(record)):
            if is_hash(value) or (isinstance(value, tuple) and value and all(map(is_hash, value))):
                found.append((record, name))
    return found


def test_there_is_an_example_of_every_kind_of_record() -> None:
    assert {type(record) for record in EXAMPLES} == {*KINDS.values()}


@pytest.mark.parametrize(("record", "name"), hashes(), ids=lambda item: getattr(item, "record", item))
@pytest.mark.parametrize("value", ["film 7", "AB" * 32, "ab" * 31, ""])
def test_what_is_no_hash_is_refused(record: Record, name: str, value: str) -> None:
    wrong = (value,) if isinstance(getattr(record, name), tuple) else value
    with pytest.raises(ValueError, match=r"is not a SHA-256|64 lower-case"):
        dataclasses.replace(record, **{name: wrong})
