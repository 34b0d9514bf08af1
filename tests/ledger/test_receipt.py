"""Receipts: a stranger with the public key learns what was entered, and every change is caught."""

from __future__ import annotations

import base64

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.lived import CLIPS, FILE, FILMS, SHOTS, sha

from langit.ledger import receipt
from langit.ledger.checkpoint import LogCheckpoint, Signer
from langit.ledger.log import leaf_hash, root
from langit.ledger.proof import Proof
from langit.ledger.receipt import UnprovedError
from langit.ledger.record import Source
from langit.ledger.store import Ledger

SIGNER = Signer("ledger.example", bytes(range(32)))
KEY = SIGNER.verifier
OTHER = Signer("ledger.example", bytes(32))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    filled = Ledger(tmp_path_factory.mktemp("ledger"))
    filled.add([*FILMS, FILE, *CLIPS, *SHOTS[:2]])
    return filled


@pytest.fixture(scope="module")
def text(ledger):
    return receipt.prove(ledger, SHOTS[0], [FILE], SIGNER)


def test_a_stranger_reads_the_record_and_its_source(ledger, text):
    shown = receipt.check(text, KEY)
    assert shown.record == SHOTS[0] and shown.named == (FILE,)
    assert shown.state == LogCheckpoint("ledger.example", ledger.size, ledger.root())
    assert ledger.digests()[shown.entry] == SHOTS[0].digest


def test_an_independent_implementation_agrees(ledger, text):
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for digest in ledger.digests():
        tree.append_entry(bytes.fromhex(digest))
    shown, proof = receipt.check(text, KEY), Proof.parse(text)
    assert shown.state.root == tree.get_state()
    theirs = tree.prove_inclusion(shown.entry + 1, ledger.size).path
    assert {*proof.path} <= {*theirs}
    pymerkle.verify_inclusion(
        leaf_hash(bytes.fromhex(shown.record.digest)),
        shown.state.root,
        tree.prove_inclusion(shown.entry + 1, shown.state.size),
    )


@given(st.data())
def test_a_changed_bit_is_caught(text, data):
    changed = bytearray(text.encode())
    place = data.draw(st.integers(0, len(changed) - 2))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(UnprovedError):
        receipt.check(changed.decode("utf-8", "replace"), KEY)


def test_a_cut_receipt_is_caught(text):
    for end in range(0, len(text) - 1, 3):
        with pytest.raises(UnprovedError):
            receipt.check(text[:end], KEY)


def test_another_key_is_named(text):
    with pytest.raises(UnprovedError, match="signed by another key of that name"):
        receipt.check(text, OTHER.verifier)
    with pytest.raises(UnprovedError, match="signed by ledger.example, not by other.example, whose key was trusted"):
        receipt.check(text, Signer("other.example", bytes(32)).verifier)


def with_extra(text, lines):
    old = text.split("\n")[1]
    return text.replace(old, "extra " + base64.b64encode(b"\n".join(lines)).decode())


def test_another_record_or_source_is_caught(text):
    with pytest.raises(UnprovedError, match="does not show this as entry"):
        receipt.check(with_extra(text, [SHOTS[1].canonical, FILE.canonical]), KEY)
    mine = Source("file", FILE.title, FILE.content_sha256, creator="Mallory", licence="CC0-1.0")
    with pytest.raises(UnprovedError, match="does not name"):
        receipt.check(with_extra(text, [SHOTS[0].canonical, mine.canonical]), KEY)
    with pytest.raises(UnprovedError, match="lacks record"):
        receipt.check(with_extra(text, [SHOTS[0].canonical]), KEY)
    with pytest.raises(UnprovedError, match="holds no record"):
        receipt.check(text.replace(text.split("\n")[1] + "\n", ""), KEY)


def test_a_log_that_went_on_continues_a_receipt_and_a_shorter_or_rewritten_one_does_not(ledger, text):
    state, leaves = receipt.check(text, KEY).state, ledger.leaves()
    more = [*leaves, leaf_hash(b"more")]
    assert "continues it" in receipt.check_history(state, more, "there", current=True)
    with pytest.raises(UnprovedError, match="rolled back"):
        receipt.check_history(state, leaves[:-1], "there", current=True)
    with pytest.raises(ValueError, match="cannot be compared") as told:
        receipt.check_history(state, leaves[:-1], "there", current=False)
    assert not isinstance(told.value, UnprovedError)
    for place in range(len(leaves)):
        forked = [*more]
        forked[place] = leaf_hash(b"forked")
        with pytest.raises(UnprovedError, match="forked or rewritten"):
            receipt.check_history(state, forked, "there", current=True)


def test_two_states_of_one_size_must_be_one(ledger, text):
    state = receipt.check(text, KEY).state
    assert "same state" in receipt.check_same(state, state, "the other")
    with pytest.raises(UnprovedError, match="two different logs"):
        receipt.check_same(state, LogCheckpoint(state.origin, state.size, root([])), "the other")
    with pytest.raises(ValueError, match="different sizes"):
        receipt.check_same(state, LogCheckpoint(state.origin, 2, root([])), "the other")
    with pytest.raises(ValueError, match="nothing to compare"):
        receipt.check_same(state, LogCheckpoint("else", state.size, state.root), "the other")


def test_a_rolled_back_ledger_signs_nothing(tmp_path):
    first, second = Ledger(tmp_path / "one"), Ledger(tmp_path / "two")
    first.add(FILMS)
    second.add([*FILMS[:2], FILE])
    note = receipt.prove(first, FILMS[0], [], SIGNER)
    (tmp_path / "two" / "checkpoint").write_text(note.partition("\n\n")[2])
    with pytest.raises(ValueError, match="was cut back"):
        receipt.prove(second, FILMS[0], [], SIGNER)


def test_what_is_not_in_the_ledger_is_not_proved(ledger):
    with pytest.raises(ValueError, match="is not among the"):
        receipt.prove(ledger, Source("file", "x", sha("x")), [], SIGNER)
