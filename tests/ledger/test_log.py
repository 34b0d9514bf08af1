"""The log against RFC 6962: an independent implementation as oracle, and every kind of tampering."""

import functools
import itertools
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langit.ledger import log
from langit.ledger.log import (
    EMPTY,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    subset_proof,
    subset_root,
    verify_consistency,
    verify_inclusion,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pymerkle import InmemoryTree
    from pymerkle import verify_consistency as oracles_verify

MOST = 256
LITERAL = 64
"""Up to this size proofs are also compared with the recursion that the RFC writes out, which is slow."""
LEAVES = [leaf_hash(bytes([number])) for number in range(MOST)]
ROOTS = [root(LEAVES[:size]) for size in range(MOST + 1)]


@pytest.fixture(scope="module")
def oracle():
    tree = InmemoryTree(algorithm="sha256")
    for number in range(MOST):
        tree.append_entry(bytes([number]))
    return tree


@pytest.fixture
def remembered(monkeypatch):
    """Proofs of all small trees need the same subtrees over and over: their roots are worked out once."""
    once = functools.cache(root)
    monkeypatch.setattr(log, "root", lambda leaves: once(tuple(leaves)))


def subproof(old, leaves, whole):
    """SUBPROOF as RFC 6962, 2.1.2 writes it."""
    if old == len(leaves):
        return () if whole else (root(leaves),)
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if old <= half:
        return (*subproof(old, leaves[:half], whole), root(leaves[half:]))
    return (*subproof(old - half, leaves[half:], False), root(leaves[:half]))


def flipped(value, bit):
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_roots_are_the_oracles(oracle):
    assert ROOTS[0] == EMPTY
    assert [oracle.get_root(size) for size in range(MOST + 1)] == ROOTS


def test_known_roots_of_the_reference_tree():
    """The eight-leaf test tree of the Certificate Transparency reference implementation."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in leaves]
    assert root(hashes[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root(hashes[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_inclusion_proofs_are_the_oracles_and_hold(oracle, remembered):
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            theirs = oracle.prove_inclusion(index + 1, size)
            assert [item.hex() for item in (LEAVES[index], *proof)] == theirs.serialize()["path"]
            assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_consistency_proofs_are_the_rfcs_and_the_oracle_holds_our_roots_consistent(oracle, remembered):
    for size in range(MOST + 1):
        for old in range(size + 1):
            proof = consistency_proof(LEAVES[:size], old)
            assert verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)
            if 0 < old < size <= LITERAL:
                assert proof == subproof(old, LEAVES[:size], True)
            if 0 < old < size:
                oracles_verify(ROOTS[old], ROOTS[size], oracle.prove_consistency(old, size))


def test_every_flipped_bit_is_caught():
    size, index, old = 13, 9, 6
    proof = inclusion_proof(LEAVES[:size], index)
    consistency = consistency_proof(LEAVES[:size], old)
    for bit in range(256):
        assert not verify_inclusion(flipped(LEAVES[index], bit), index, size, proof, ROOTS[size])
        assert not verify_inclusion(LEAVES[index], index, size, proof, flipped(ROOTS[size], bit))
        assert not verify_consistency(old, flipped(ROOTS[old], bit), size, ROOTS[size], consistency)
        assert not verify_consistency(old, ROOTS[old], size, flipped(ROOTS[size], bit), consistency)
        for place in range(len(proof)):
            changed = (*proof[:place], flipped(proof[place], bit), *proof[place + 1 :])
            assert not verify_inclusion(LEAVES[index], index, size, changed, ROOTS[size])
        for place in range(len(consistency)):
            changed = (*consistency[:place], flipped(consistency[place], bit), *consistency[place + 1 :])
            assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], changed)


def test_wrong_places_and_wrong_lengths_are_caught():
    for size in range(2, 40):
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            assert not verify_inclusion(LEAVES[index], (index + 1) % size, size, proof, ROOTS[size])
            assert not verify_inclusion(LEAVES[index], index, size, proof[:-1], ROOTS[size])
            assert not verify_inclusion(LEAVES[index], index, size, (*proof, EMPTY), ROOTS[size])
        assert not verify_inclusion(LEAVES[0], size, size, inclusion_proof(LEAVES[:size], 0), ROOTS[size])
        assert not verify_inclusion(LEAVES[0], -1, size, inclusion_proof(LEAVES[:size], 0), ROOTS[size])


def test_rollback_and_fork_are_caught():
    for old in range(2, 40):
        for size in range(old, 40):
            proof = consistency_proof(LEAVES[:size], old)
            assert size == old or not verify_consistency(size, ROOTS[size], old, ROOTS[old], proof)
            forked = [*LEAVES[: old - 1], leaf_hash(b"another"), *LEAVES[old:size]]
            forked_proof = consistency_proof(forked, old)
            assert not verify_consistency(old, ROOTS[old], size, root(forked), forked_proof)
            assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], (*proof, EMPTY))
            assert not proof or not verify_consistency(old, ROOTS[old], size, ROOTS[size], proof[:-1])


def test_a_leaf_cannot_pass_for_a_node():
    assert node_hash(LEAVES[0], LEAVES[1]) != leaf_hash(LEAVES[0] + LEAVES[1])
    assert not verify_inclusion(node_hash(LEAVES[0], LEAVES[1]), 0, 4, (ROOTS[2],), ROOTS[4])


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(65, 700))
def test_proofs_hold_beyond_the_small_sizes(data, size):
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    top = root(leaves)
    assert verify_inclusion(leaves[index], index, size, inclusion_proof(leaves, index), top)
    proof = consistency_proof(leaves, old)
    assert verify_consistency(old, root(leaves[:old]), size, top, proof)
    wrong = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
    assert not verify_inclusion(leaves[index], wrong, size, inclusion_proof(leaves, wrong), top)


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.integers(0, 70), max_size=6))
def test_a_frontier_gives_the_root_however_the_leaves_arrive(parts):
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(sum(parts))]
    frontier, start = Frontier(), 0
    for part in parts:
        frontier = frontier.extend(leaves[start : start + part])
        start += part
        assert frontier.root() == root(leaves[:start])
        assert frontier.size == start and len(frontier.peaks) == start.bit_count()
    one_by_one = Frontier()
    for leaf in leaves:
        one_by_one = one_by_one.append(leaf)
    assert one_by_one == frontier


def test_proofs_of_what_is_not_there_are_refused():
    with pytest.raises(ValueError, match="entry 5 is not in a log of 5"):
        inclusion_proof(LEAVES[:5], 5)
    with pytest.raises(ValueError, match="size 6 is not within a log of 5"):
        consistency_proof(LEAVES[:5], 6)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), size=st.integers(1, 150))
def test_one_proof_for_many_leaves(data, size):
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    chosen = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    proof, known = subset_proof(leaves, chosen), {index: leaves[index] for index in chosen}
    assert subset_root(known, size, proof) == root(leaves)
    assert len(chosen) + len(proof) <= size and (len(chosen) > 1 or len(proof) <= size.bit_length())
    for index in chosen:
        assert subset_root(known | {index: flipped(leaves[index], 77)}, size, proof) != root(leaves)
    assert subset_root(known, size, (*proof, EMPTY)) is None
    assert not proof or subset_root(known, size, proof[:-1]) is None
    other = data.draw(st.sampled_from([index for index in range(size + 1) if index not in chosen]))
    assert subset_root(known | {other: leaf_hash(b"stranger")}, size, proof) != root(leaves)


def test_a_proof_for_many_leaves_of_an_empty_log_and_beyond_its_end():
    assert subset_proof([], []) == () and subset_root({}, 0, ()) == EMPTY and subset_root({}, 0, (EMPTY,)) is None
    assert subset_proof(LEAVES[:5], []) == (ROOTS[5],)
    with pytest.raises(ValueError, match="not all in a log of 5"):
        subset_proof(LEAVES[:5], [2, 5])


def test_proofs_that_are_too_short_or_too_long_are_no_proofs():
    size, index, old = 13, 9, 6
    proof, extra = inclusion_proof(LEAVES[:size], index), leaf_hash(b"extra")
    for wrong in ((), proof[:-1], (*proof, extra), (*proof, extra, extra)):
        assert not verify_inclusion(LEAVES[index], index, size, wrong, ROOTS[size])
    consistency = consistency_proof(LEAVES[:size], old)
    for wrong in ((), consistency[:-1], (*consistency, extra), (*consistency, extra, extra)):
        assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], wrong)


def test_sizes_that_cannot_be_are_no_proofs():
    proof = consistency_proof(LEAVES[:13], 6)
    for old, size in ((-1, 13), (14, 13), (6, -1)):
        assert not verify_consistency(old, ROOTS[6], size, ROOTS[13], proof)
    assert not verify_consistency(0, ROOTS[6], 13, ROOTS[13], ())
    assert not verify_consistency(13, ROOTS[6], 13, ROOTS[13], ())
    for index in (-1, 13):
        assert not verify_inclusion(LEAVES[0], index, 13, inclusion_proof(LEAVES[:13], 0), ROOTS[13])


def test_a_proof_of_one_root_is_not_one_of_another():
    """Each of the two roots of a consistency proof is compared."""
    proof = consistency_proof(LEAVES[:13], 6)
    assert not verify_consistency(6, ROOTS[5], 13, ROOTS[13], proof)
    assert not verify_consistency(6, ROOTS[6], 13, ROOTS[12], proof)


def test_a_leaf_that_is_the_root_of_a_larger_log_is_not_in_it():
    assert not verify_inclusion(ROOTS[13], 0, 13, (), ROOTS[13])
    assert not verify_inclusion(root(LEAVES[:8]), 0, 13, inclusion_proof(LEAVES[:13], 0)[-1:], ROOTS[13])


def test_a_proof_that_ends_early_shows_no_longer_log():
    """Old and new root are right; the path is that of a shorter log than was claimed."""
    leaves = [leaf_hash(bytes([number])) for number in range(24)]
    refused = 0
    for old, size in itertools.combinations(range(1, 10), 2):
        proof, before, after = consistency_proof(leaves[:size], old), root(leaves[:old]), root(leaves[:size])
        assert verify_consistency(old, before, size, after, proof)
        for claimed in range(size + 1, len(leaves)):
            if len(consistency_proof(leaves[:claimed], old)) > len(proof):
                assert not verify_consistency(old, before, claimed, after, proof), (old, size, claimed)
                refused += 1
    assert refused > 300
