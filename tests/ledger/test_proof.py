"""Receipts: the text of C2SP tlog-proof, and that nothing but the truth passes."""

import base64
import stat

import pytest

from langit.ledger import keys
from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.log import inclusion_proof, leaf_hash, root
from langit.ledger.proof import Proof

LEAVES = [leaf_hash(bytes([number])) for number in range(11)]
SIGNER = Signer("ledger.example/films", bytes(range(32)))
NOTE = SIGNER.sign(str(LogCheckpoint("ledger.example/films", 11, root(LEAVES))))


def proof(index, **more):
    return Proof(index, inclusion_proof(LEAVES, index), NOTE, **more)


def test_the_text_is_c2sp():
    lines = str(proof(6, extra=b"clip")).split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra Y2xpcA==", "index 6"]
    assert [base64.b64decode(line) for line in lines[3:7]] == list(inclusion_proof(LEAVES, 6))
    assert lines[7:9] == ["", "ledger.example/films"] and "\n".join(lines[8:]) == NOTE


@pytest.mark.parametrize("index", range(11))
def test_a_receipt_survives_the_post_and_holds(index):
    for made in (proof(index), proof(index, extra=b""), proof(index, extra=b"\0\n")):
        assert Proof.parse(str(made)) == made
        assert Proof.parse(str(made)).check(LEAVES[index], SIGNER.verifier).size == 11


def test_another_leaf_place_key_or_log_is_caught():
    with pytest.raises(ValueError, match="does not show this as entry 6"):
        proof(6).check(LEAVES[7], SIGNER.verifier)
    with pytest.raises(ValueError, match="does not show this as entry 7"):
        Proof(7, inclusion_proof(LEAVES, 6), NOTE).check(LEAVES[6], SIGNER.verifier)
    with pytest.raises(ValueError, match="no valid signature"):
        proof(6).check(LEAVES[6], Signer.generate(SIGNER.name).verifier)
    lone = Proof(0, (), SIGNER.sign(str(LogCheckpoint("ledger.example/films", 1, LEAVES[0]))))
    assert Proof.parse(str(lone)).check(LEAVES[0], SIGNER.verifier).size == 1


def test_every_changed_byte_of_a_receipt_is_caught():
    text = str(proof(6))
    for place in range(len(text) - 1):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises(ValueError, match=r"receipt|checkpoint|base64"):
            Proof.parse(changed).check(LEAVES[6], SIGNER.verifier)
        with pytest.raises(ValueError, match=r"receipt|checkpoint|base64"):
            Proof.parse(text[:place]).check(LEAVES[6], SIGNER.verifier)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path):
    made = keys.signer(tmp_path / "ledger")
    file = tmp_path / "ledger" / keys.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keys.signer(tmp_path / "ledger") == made and keys.signer(tmp_path / "ledger", made.name) == made
    assert [path.name for path in file.parent.iterdir()] == [keys.FILE]
    with pytest.raises(ValueError, match="keeps its key and its name"):
        keys.signer(tmp_path / "ledger", "other.example")
    keys._create(file, Signer.generate("late"))
    assert keys.signer(tmp_path / "ledger") == made
    file.chmod(0o640)
    with pytest.raises(ValueError, match="can be read by others"):
        keys.signer(tmp_path / "ledger")
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(ValueError, match="signing key is not"):
        keys.signer(tmp_path / "ledger")
