"""A whole ledger verified, and that it only grew proven: what is missing or changed underneath is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger.lived import FILE, FILMS, sha

from langit.ledger import history, keys
from langit.ledger.archive import UnprovedError
from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.log import verify_consistency
from langit.ledger.record import Consent, Source
from langit.ledger.store import Ledger
from langit.ledger.verification import prove_consistency, verify_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    found = Ledger(tmp_path / "ledger")
    letter = found.evidence.put(b"Dear Langit")
    person, form = found.personal.put_facts(name="Sri"), found.personal.put(b"%PDF")
    source = Source("file", "sea", sha("sea"), evidence=(letter,))
    consent = Consent(source.digest, person, ("training",), "2026-01-01", "2026-01-01", form=form)
    found.add([*FILMS, FILE, source, consent])
    found.revoke(FILMS[0].digest, "asked")
    return found


def test_a_whole_ledger_verifies(ledger: Ledger) -> None:
    answer = verify_ledger(Ledger(ledger.path))
    assert answer["verified"].startswith("8 entries") and answer["evidence"] == "1 files"
    assert answer["personal data"] == "2 kept, 0 erased" and len(answer["signed states"]) == 1
    ledger.personal.erase(ledger.consents()[0].person)
    assert verify_ledger(Ledger(ledger.path))["personal data"] == "1 kept, 1 erased"


def test_changed_or_missing_evidence_is_named(ledger: Ledger) -> None:
    (letter,) = (ledger.path / "evidence").rglob("*/*")
    letter.write_bytes(b"Dear Somebody")
    with pytest.raises(ValueError, match="was changed"):
        verify_ledger(ledger)
    letter.unlink()
    with pytest.raises(ValueError, match="is not in"):
        verify_ledger(ledger)


def test_changed_personal_data_are_named(ledger: Ledger) -> None:
    file = ledger.path / "personal" / str(ledger.consents()[0].form)
    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(ValueError, match="was changed"):
        verify_ledger(ledger)


@pytest.mark.parametrize("where", ["in", "beside"])
def test_a_signed_state_that_was_replaced_is_named(ledger: Ledger, where: str) -> None:
    note = Signer.generate("other").sign(str(LogCheckpoint("other", 2, b"x" * 32)))
    file = ledger.path / history.NAME if where == "in" else history.beside(ledger.path)
    file.write_text(note)
    with pytest.raises(ValueError, match="no valid signature"):
        verify_ledger(ledger)


@pytest.mark.parametrize("size", [0, 1, 5, 8])
def test_that_the_log_only_grew_is_proven(ledger: Ledger, size: int) -> None:
    signer = keys.signer(ledger.path)
    answer = prove_consistency(ledger, signer, size)
    proof = [bytes.fromhex(item) for item in answer["proof"]]
    old, new = bytes.fromhex(answer["old root"]), bytes.fromhex(answer["new root"])
    assert old == ledger.root_at(size) and verify_consistency(size, old, ledger.size, new, proof)
    assert LogCheckpoint.parse(answer["checkpoint"], signer.verifier).root == new


def test_a_checkpoint_of_before_is_continued(ledger: Ledger) -> None:
    signer = keys.signer(ledger.path)
    note = ledger.checkpoint(signer.name, signer)
    ledger.add([Source("file", "later", sha("later"))])
    assert "first 8 of 9" in prove_consistency(ledger, signer, note)["consistent"]


def test_what_is_not_continued_is_said(ledger: Ledger) -> None:
    signer = keys.signer(ledger.path)
    for state, why in (
        (LogCheckpoint(signer.name, 3, b"x" * 32), "does not continue its state"),
        (LogCheckpoint(signer.name, 99, b"x" * 32), "cut back from 99 to 8"),
        (LogCheckpoint("elsewhere", 3, b"x" * 32), "different logs"),
    ):
        with pytest.raises(UnprovedError, match=why):
            prove_consistency(ledger, signer, signer.sign(str(state)))
    with pytest.raises(UnprovedError, match="no valid signature"):
        prove_consistency(
            ledger, signer, Signer.generate(signer.name).sign(str(LogCheckpoint(signer.name, 3, b"x" * 32)))
        )
    with pytest.raises(ValueError, match="not within a log"):
        prove_consistency(ledger, signer, 9)
