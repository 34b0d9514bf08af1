"""Checkpoints: C2SP text, signatures, and the states that may not follow each other."""

import base64
import dataclasses

import pytest

from langit.ledger.checkpoint import LogCheckpoint, Signer, Verifier, open_note
from langit.ledger.log import consistency_proof, leaf_hash, root

LEAVES = [leaf_hash(bytes([number])) for number in range(12)]
SIGNER = Signer("ledger.example", bytes(range(32)))


def state(size, leaves=LEAVES, origin="ledger.example/films"):
    return LogCheckpoint(origin, size, root(leaves[:size]))


def test_the_text_is_c2sp():
    note = SIGNER.sign(str(state(12)))
    lines = note.split("\n")
    assert lines[:2] == ["ledger.example/films", "12"] and base64.b64decode(lines[2]) == root(LEAVES)
    assert lines[3] == "" and lines[4].startswith("\u2014 ledger.example ") and lines[5:] == [""]
    stamp = base64.b64decode(lines[4].rsplit(" ", 1)[1])
    assert stamp[:4].hex() == str(SIGNER.verifier).split("+")[1] and len(stamp) == 4 + 64


def test_the_example_of_the_signed_note_specification():
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    stamp = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    body = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    assert str(Verifier.parse(key)) == key
    assert open_note(f"{body}\n\u2014 PeterNeumann {stamp}\n", Verifier.parse(key)) == body


def test_what_was_signed_is_read_back_and_other_signatures_are_skipped():
    other = Signer.generate("witness.example")
    body = str(state(7)) + "an extension\n"
    note = other.sign(body) + SIGNER.sign(body).rpartition("\n\n")[2]
    assert LogCheckpoint.parse(note, SIGNER.verifier) == state(7)
    assert LogCheckpoint.parse(note, other.verifier) == state(7)


def test_any_changed_byte_is_caught():
    note = SIGNER.sign(str(state(12)))
    for place in range(len(note) - 1):
        changed = note[:place] + ("A" if note[place] != "A" else "B") + note[place + 1 :]
        with pytest.raises(ValueError, match=r"checkpoint|base64"):
            LogCheckpoint.parse(changed, SIGNER.verifier)
    for end in range(len(note) - 2):
        with pytest.raises(ValueError, match=r"checkpoint|base64"):
            LogCheckpoint.parse(note[:end], SIGNER.verifier)


def test_another_key_of_the_same_name_is_caught():
    note = Signer.generate("ledger.example").sign(str(state(12)))
    with pytest.raises(ValueError, match=r"has no valid signature by ledger[.]example"):
        LogCheckpoint.parse(note, SIGNER.verifier)


def test_keys_survive_being_written_down():
    assert Signer.parse(SIGNER.export()) == SIGNER
    assert Verifier.parse(str(SIGNER.verifier)) == SIGNER.verifier
    assert "seed" not in repr(SIGNER)
    with pytest.raises(ValueError, match="signing key is not") as caught:
        Signer.parse(SIGNER.export()[:-4] + "AAA=")
    assert SIGNER.export()[-20:] not in str(caught.value)
    with pytest.raises(ValueError, match="is not an Ed25519 verifier key"):
        Verifier.parse("other" + str(SIGNER.verifier))
    with pytest.raises(ValueError, match="has spaces"):
        Signer.generate("two words")


def test_only_a_continuation_is_accepted():
    old, new = state(5), state(12)
    proof = consistency_proof(LEAVES, 5)
    new.check_extends(old, proof)
    old.check_extends(old, ())
    with pytest.raises(ValueError, match="rolled back from 12 to 5"):
        old.check_extends(new, proof)
    forked = [leaf_hash(b"another"), *LEAVES[1:]]
    with pytest.raises(ValueError, match="was forked"):
        state(12, forked).check_extends(old, consistency_proof(forked, 5))
    with pytest.raises(ValueError, match="was forked"):
        state(5, forked).check_extends(old, ())
    with pytest.raises(ValueError, match="different logs"):
        dataclasses.replace(new, origin="other").check_extends(old, proof)


@pytest.mark.parametrize("body", ["one line\n", "origin\nmany\nAAAA\n", "origin\n3\nAAAA\n", "\n3\nAAAA\n"])
def test_a_signed_note_that_is_no_checkpoint_is_refused(body):
    with pytest.raises(ValueError, match=r"of the checkpoint is not 32 bytes|checkpoint is not origin, size, root"):
        LogCheckpoint.parse(SIGNER.sign(body), SIGNER.verifier)
