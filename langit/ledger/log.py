"""A log that can be checked: RFC 6962 hashes, roots, proofs of inclusion and of consistency.

Knows nothing of what is logged: a leaf is bytes. Trees are lists of leaf hashes (32 bytes each) in order of
entry. Making a proof hashes the whole list (about a second for a million leaves); checking one takes
microseconds. :class:`Frontier` keeps a root up to date at the cost of one or two hashes a leaf.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Hash = bytes

EMPTY: Hash = hashlib.sha256(b"").digest()
"""The root of a log without entries (RFC 6962, 2.1)."""


def leaf_hash(data: bytes) -> Hash:
    """SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """What a growing log has to remember to know its root: the roots of its perfect subtrees, largest first."""

    size: int = 0
    peaks: tuple[Hash, ...] = ()

    def append(self, leaf: Hash) -> Frontier:
        """The frontier after one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[Hash]) -> Frontier:
        """The frontier after more leaf hashes."""
        size, peaks, sha256 = self.size, list(self.peaks), hashlib.sha256
        for leaf in leaves:
            rest = size
            while rest & 1:
                leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
                rest >>= 1
            peaks.append(leaf)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> Hash:
        """The Merkle tree hash of all leaves so far."""
        if not self.peaks:
            return EMPTY
        *rest, top = self.peaks
        for peak in reversed(rest):
            top = node_hash(peak, top)
        return top


def root(leaves: Iterable[Hash]) -> Hash:
    """The Merkle tree hash (RFC 6962, 2.1) of a list of leaf hashes."""
    return Frontier().extend(leaves).root()


def _split(size: int) -> int:
    """The largest power of two below ``size``: where the tree of ``size`` leaves parts."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[Hash], index: int) -> tuple[Hash, ...]:
    """The audit path (RFC 6962, 2.1.1) from leaf ``index`` up to the root of ``leaves``.

    Raises:
        ValueError: the log has no such entry.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"entry {index} is not in a log of {len(leaves)}: entries count from 0")
    path: list[Hash] = []
    first, size = 0, len(leaves)
    while size > 1:
        half = _split(size)
        if index - first < half:
            path.append(root(leaves[first + half : first + size]))
            size = half
        else:
            path.append(root(leaves[first : first + half]))
            first, size = first + half, size - half
    return tuple(reversed(path))


def verify_inclusion(leaf: Hash, index: int, size: int, proof: Sequence[Hash], expected: Hash) -> bool:
    """Whether ``proof`` shows that ``leaf`` is entry ``index`` of the log of ``size`` with root ``expected``.

    The algorithm of RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    node, last, top = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            top = node_hash(sibling, top)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            top = node_hash(top, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and top == expected


def consistency_proof(leaves: Sequence[Hash], size: int) -> tuple[Hash, ...]:
    """The proof (RFC 6962, 2.1.2) that the first ``size`` leaves are the beginning of all ``leaves``.

    Raises:
        ValueError: ``size`` is larger than the log, or negative.
    """
    if not 0 <= size <= len(leaves):
        raise ValueError(f"size {size} is not within a log of {len(leaves)}: give 0 to {len(leaves)}")
    if size in (0, len(leaves)):
        return ()
    path: list[Hash] = []
    first, end, known, whole = 0, len(leaves), size, True
    while known != end - first:
        half = _split(end - first)
        if known <= half:
            path.append(root(leaves[first + half : end]))
            end = first + half
        else:
            path.append(root(leaves[first : first + half]))
            first, known, whole = first + half, known - half, False
    if not whole:
        path.append(root(leaves[first:end]))
    return tuple(reversed(path))


def verify_consistency(old_size: int, old_root: Hash, size: int, new_root: Hash, proof: Sequence[Hash]) -> bool:
    """Whether ``proof`` shows that the log of ``size`` continues the one of ``old_size`` (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def subset_proof(leaves: Sequence[Hash], indices: Iterable[int]) -> tuple[Hash, ...]:
    """One proof that all leaves at ``indices`` are in the log: the roots of the largest subtrees without any of them.

    Raises:
        ValueError: the log has no such entry.
    """
    chosen = sorted(set(indices))
    if chosen and not 0 <= chosen[0] <= chosen[-1] < len(leaves):
        raise ValueError(f"entries {chosen[0]} to {chosen[-1]} are not all in a log of {len(leaves)}")
    path: list[Hash] = []

    def visit(first: int, end: int, wanted: list[int]) -> None:
        if not wanted:
            path.append(root(leaves[first:end]))
        elif end - first > 1:
            half = first + _split(end - first)
            cut = bisect_left(wanted, half)
            visit(first, half, wanted[:cut])
            visit(half, end, wanted[cut:])

    if leaves:
        visit(0, len(leaves), chosen)
    return tuple(path)


def subset_root(known: Mapping[int, Hash], size: int, proof: Sequence[Hash]) -> Hash | None:
    """The root that a :func:`subset_proof` leads to from the leaf hashes ``known`` by entry; ``None`` if it cannot be.

    Equal to the log's root only if each of the known leaves is in the log, at its entry.
    """
    if any(not 0 <= index < size for index in known):
        return None
    if size == 0:
        return EMPTY if not proof else None
    rest = iter(proof)

    def visit(first: int, end: int, wanted: list[int]) -> Hash | None:
        if not wanted:
            return next(rest, None)
        if end - first == 1:
            return known[first]
        half = first + _split(end - first)
        cut = bisect_left(wanted, half)
        left, right = visit(first, half, wanted[:cut]), visit(half, end, wanted[cut:])
        return None if left is None or right is None else node_hash(left, right)

    top = visit(0, size, sorted(known))
    return top if next(rest, None) is None else None
