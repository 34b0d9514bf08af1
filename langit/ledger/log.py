"""A log that can be checked: RFC 6962 hashes, roots, proofs; C2SP checkpoints signed with Ed25519.

Knows nothing of what is logged: a leaf is bytes. Trees are lists of leaf hashes (32 bytes each) in order of
entry. Making a proof hashes the whole list (about a second for a million leaves); checking one takes
microseconds. :class:`Frontier` keeps a root up to date at the cost of one or two hashes a leaf.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

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
    """All that a growing log has to remember for its root: the roots of its perfect subtrees, largest first."""

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


_ED25519 = b"\x01"
_KEY_NAME = re.compile(r"[^\s+]+")


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{text!r} is not base64: the text was changed, get it again") from error


@dataclass(frozen=True)
class Verifier:
    """A public key with its name; as text a C2SP verifier key, ``name+hash+base64``."""

    name: str
    public: bytes

    def __str__(self) -> str:
        return (
            f"{self.name}+{_key_id(self.name, self.public).hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"
        )

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key.

        Raises:
            ValueError: the text is not one, or its hash does not fit its key.
        """
        name, _, rest = text.strip().partition("+")
        key = _decode(rest.partition("+")[2])
        verifier = cls(name, key[1:])
        if len(key) != 33 or str(verifier) != text.strip():
            raise ValueError(f"{text!r} is not an Ed25519 verifier key: it reads name+hash+base64")
        return verifier


@dataclass(frozen=True)
class Signer:
    """A private key with the name that it signs under; as text ``PRIVATE+KEY+name+hash+base64``."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise ValueError(f"key name {self.name!r} has spaces or '+', or is empty: use a name like a host's")
        assert len(self.seed) == 32

    @classmethod
    def generate(cls, name: str) -> Signer:
        """A new key."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> Verifier:
        """What others need to check the signatures."""
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def export(self) -> str:
        """The private key as text. Keep it secret."""
        key_id = _key_id(self.name, self.verifier.public).hex()
        return f"PRIVATE+KEY+{self.name}+{key_id}+{base64.b64encode(_ED25519 + self.seed).decode()}"

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read :meth:`export`'s text.

        Raises:
            ValueError: the text is not such a key. The message does not repeat it.
        """
        parts = text.strip().split("+", 4)
        if len(parts) == 5:
            key = _decode(parts[4])
            if len(key) == 33:
                signer = cls(parts[2], key[1:])
                if signer.export() == text.strip():
                    return signer
        raise ValueError("the signing key is not PRIVATE+KEY+name+hash+base64 with an Ed25519 key: restore its file")

    def sign(self, body: str) -> str:
        """A signed note (C2SP signed-note): the body, an empty line, the signature line."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(body.encode())
        stamp = base64.b64encode(_key_id(self.name, self.verifier.public) + signature).decode()
        return f"{body}\n\u2014 {self.name} {stamp}\n"


@dataclass(frozen=True)
class Checkpoint:
    """A log's state in three lines (C2SP tlog-checkpoint): whose log, how many entries, their root."""

    origin: str
    size: int
    root: Hash

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, note: str, verifier: Verifier) -> Checkpoint:
        """Read a signed checkpoint; lines of extension after the third are allowed, other signatures are skipped.

        Raises:
            ValueError: not a checkpoint, or not signed by ``verifier``.
        """
        body, gap, signatures = note.rpartition("\n\n")
        body += "\n"
        lines = body.split("\n")
        if not gap or len(lines) < 4 or not lines[0] or not re.fullmatch(r"0|[1-9]\d{0,18}", lines[1]):
            raise ValueError("the checkpoint is not origin, size, root, an empty line and signatures: get it again")
        stamps = [
            line.rsplit(" ", 1)[1] for line in signatures.splitlines() if line.startswith(f"\u2014 {verifier.name} ")
        ]
        for stamp in map(_decode, stamps):
            if stamp[:4] == _key_id(verifier.name, verifier.public):
                try:
                    Ed25519PublicKey.from_public_bytes(verifier.public).verify(stamp[4:], body.encode())
                except InvalidSignature:
                    continue
                top = _decode(lines[2])
                if len(top) != 32:
                    raise ValueError(f"root {lines[2]!r} of the checkpoint is not 32 bytes: get it again")
                return cls(lines[0], int(lines[1]), top)
        raise ValueError(f"the checkpoint bears no valid signature by {verifier.name}: it was changed or is another's")

    def check_extends(self, old: Checkpoint, proof: Sequence[Hash]) -> None:
        """Check that this state continues ``old``.

        Raises:
            ValueError: another log, a rollback, a fork, or a proof that does not fit.
        """
        if self.origin != old.origin:
            raise ValueError(f"checkpoint of {self.origin!r} cannot continue {old.origin!r}: they are different logs")
        if self.size < old.size:
            raise ValueError(f"log {self.origin!r} was rolled back from {old.size} to {self.size} entries: restore it")
        if not verify_consistency(old.size, old.root, self.size, self.root, proof):
            raise ValueError(
                f"log {self.origin!r} does not continue its state at {old.size} entries: it was forked or rewritten"
            )
