"""The registry of who agreed to be shown: scoped, ending, withdrawn, and asked by the prompt gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from langit.ledger.likeness import LikenessConsent
from langit.ledger.store import Ledger
from langit.release.gates.likeness import Consents, consents, grant, grants, revoke, today
from langit.release.gates.prompt import judge_prompt

NAME = "Sarah O'Hara"


@pytest.fixture
def form(tmp_path: Path) -> Path:
    path = tmp_path / "form.txt"
    path.write_text("I, Sarah O'Hara, agree.")
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def asked(ledger: Ledger, ability: str = "generate", purpose: str = "", day: str | None = None) -> Consents:
    return consents(ledger.path, "pocket", ability, purpose, day)


def refused(text: str, given: Consents) -> bool:
    return bool(judge_prompt(text, consents=given))


def test_without_a_ledger_nobody_agreed(ledger: Ledger) -> None:
    assert asked(ledger) == Consents()
    assert refused("Barack Obama on a horse", asked(ledger))


def test_a_known_person_who_agreed_may_be_shown(ledger: Ledger, form: Path) -> None:
    grant(ledger, "Barack Obama", ["all"], form)
    assert not refused("Barack Obama on a horse", asked(ledger))
    assert not refused("deepfake of Obama on a horse", asked(ledger))
    assert refused("Barack Obama and Taylor Swift on a horse", asked(ledger))
    assert refused("deepfake of my boss beside a horse, then much later also Barack Obama", asked(ledger))


def test_a_person_nobody_knows_is_known_once_on_record(ledger: Ledger, form: Path) -> None:
    text = "sarah o’hara dances in the rain"
    assert not refused(text, asked(ledger))
    grant(ledger, NAME, ["all"], form)
    assert not refused(text, asked(ledger))
    revoke(ledger, "SARAH O'HARA", "asked")
    assert refused(text, asked(ledger))
    assert refused("S a r a h  O h a r a dances", asked(ledger))


def test_consent_covers_what_it_names_and_nothing_else(ledger: Ledger, form: Path) -> None:
    grant(ledger, NAME, ["ability:extend", "model:pocket", "purpose:school play"], form)
    text = f"{NAME} dances"
    assert not refused(text, asked(ledger, "extend", "school play"))
    assert refused(text, asked(ledger, "generate", "school play"))
    assert refused(text, asked(ledger, "extend"))
    assert refused(text, consents(ledger.path, "other", "extend", "school play"))


def test_one_of_several_purposes_has_to_be_the_case(ledger: Ledger, form: Path) -> None:
    grant(ledger, NAME, ["purpose:school play", "purpose:training"], form)
    text = f"{NAME} dances"
    assert not refused(text, asked(ledger, purpose="school play"))
    assert not refused(text, asked(ledger, purpose="training"))
    assert refused(text, asked(ledger, purpose="advertising"))
    assert refused(text, asked(ledger, purpose="school"))
    assert refused(text, asked(ledger))


def test_consent_of_one_person_is_not_that_of_a_listed_one_with_the_same_surname(ledger: Ledger, form: Path) -> None:
    grant(ledger, "Anna Obama", ["all"], form)
    assert not refused("Anna Obama dances", asked(ledger))
    assert refused("Obama dances", asked(ledger))
    assert refused("Barack Obama dances", asked(ledger))
    assert refused("President Obama dances", asked(ledger))


def test_a_title_changes_no_consent(ledger: Ledger, form: Path) -> None:
    grant(ledger, "Barack Obama", ["all"], form)
    assert not refused("President Obama dances", asked(ledger))
    assert refused("President Macron dances", asked(ledger))


def test_a_misspelt_name_on_record_is_refused_once_revoked(ledger: Ledger, form: Path) -> None:
    grant(ledger, "Mirabella Quintrose", ["all"], form)
    assert not refused("Mirabela Quintrosse dances", asked(ledger))
    revoke(ledger, "Mirabella Quintrose", "asked")
    assert refused("Mirabela Quintrosse dances", asked(ledger))


def test_consent_ends_after_its_last_day(ledger: Ledger, form: Path) -> None:
    grant(ledger, NAME, ["all"], form, until="2999-01-31")
    assert not refused(f"{NAME} dances", asked(ledger, day="2999-01-31"))
    assert refused(f"{NAME} dances", asked(ledger, day="2999-02-01"))
    assert refused(f"{NAME} dances", asked(ledger, day="2020-01-01"))
    assert [one.standing for one in grants(ledger, "2999-02-01")] == ["expired"]
    assert [one.standing for one in grants(ledger, "2020-01-01")] == ["not yet"]


def test_a_later_grant_allows_again(ledger: Ledger, form: Path) -> None:
    grant(ledger, NAME, ["all"], form)
    revoke(ledger, NAME, "asked")
    grant(ledger, NAME, ["all"], form)
    assert not refused(f"{NAME} dances", asked(ledger))
    assert [one.standing for one in grants(ledger)] == ["revoked", "in force"]


def test_the_log_holds_no_name_and_erasing_leaves_it_whole(ledger: Ledger, form: Path) -> None:
    entered = grant(ledger, NAME, ["all"], form)
    root, size = ledger.root(), ledger.size
    assert b"Hara" not in entered.canonical
    tables = [path for path in ledger.path.rglob("*") if path.is_file() and "personal" not in path.parts]
    assert tables and not any(b"Hara" in path.read_bytes() for path in tables)
    assert len(ledger.personal.commitments()) == 2
    assert revoke(ledger, entered.digest[:12], "asked", erase=True) == (entered.digest,)
    assert ledger.personal.commitments() == ()
    assert ledger.size == size + 1 and ledger.root() != root
    ledger.check()
    assert [(one.name, one.standing) for one in grants(ledger)] == [(None, "revoked")]


def test_the_same_name_twice_cannot_be_linked_in_the_log(ledger: Ledger, form: Path) -> None:
    first, second = (grant(ledger, NAME, ["all"], form) for _ in range(2))
    assert first.person != second.person and first.form != second.form


@pytest.mark.parametrize(
    ("name", "scopes", "until", "said"),
    [
        ("Sarah", ["all"], None, "not a full name"),
        (NAME, ["anything"], None, "scope 'anything'"),
        (NAME, ["all", "model:pocket"], None, "give it alone"),
        (NAME, [], None, "has no scope"),
        (NAME, ["all"], "2001-01-01", "is past"),
        (NAME, ["all"], "next year", "is not a date"),
    ],
)
def test_what_is_no_consent_is_not_entered(
    ledger: Ledger, form: Path, name: str, scopes: list[str], until: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        grant(ledger, name, scopes, form, until)
    assert ledger.size == 0 and ledger.personal.commitments() == ()


def test_evidence_must_be_there(ledger: Ledger, form: Path) -> None:
    with pytest.raises(FileNotFoundError):
        grant(ledger, NAME, ["all"], form.with_name("none"))
    form.write_bytes(b"")
    with pytest.raises(ValueError, match="shows no consent"):
        grant(ledger, NAME, ["all"], form)


def test_nobody_is_revoked_who_never_agreed(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="O'Hara.* has no consent to revoke"):
        revoke(ledger, NAME, "asked")


def test_a_record_is_strict() -> None:
    with pytest.raises(ValueError, match="not sorted"):
        LikenessConsent("ab" * 32, ("model:b", "model:a"), today(), today())
    with pytest.raises(ValueError, match="before it starts"):
        LikenessConsent("ab" * 32, ("all",), "2026-02-01", today(), "2026-01-01")
