"""A log's state, signed: C2SP tlog-checkpoint, signed-note and verifier keys, with Ed25519.

Knows nothing of what is logged, nor of where keys are kept.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from langit.ledger.log import Hash, verify_consistency

_ED25519 = b"\x01"
_KEY_NAME = re.compile(r"[^\s+]+")


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def decode(text: str) -> bytes:
    """Strict base64: of all texts that decode to the same bytes, only the one that encoding gives.

    Raises:
        ValueError: it is another text.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{text!r} is not base64: the text was changed, get it again") from error
    if base64.b64encode(data).decode() != text:
        raise ValueError(f"{text!r} is not canonical base64: the text was changed, get it again")
    return data


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
            ValueError: not such a key, or its hash does not match.
        """
        name, _, rest = text.strip().partition("+")
        key = decode(rest.partition("+")[2])
        verifier = cls(name, key[1:])
        if len(key) != 33 or str(verifier) != text.strip():
            raise ValueError(f"{text!r} is not an Ed25519 verifier key: it reads name+hash+base64")
        return verifier


@dataclass(frozen=True)
class Signer:
    """A private key with its name; as text ``PRIVATE+KEY+name+hash+base64``."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise ValueError(f"key name {self.name!r} has spaces or '+', or is empty: use a name like a host's")
        assert len(self.seed) == 32

    @classmethod
    def generate(cls, name: str) -> Signer:
        """Create a new key."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> Verifier:
        """The public key, with which others check signatures."""
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def export(self) -> str:
        """The private key as text. Keep it secret."""
        key_id = _key_id(self.name, self.verifier.public).hex()
        return f"PRIVATE+KEY+{self.name}+{key_id}+{base64.b64encode(_ED25519 + self.seed).decode()}"

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read :meth:`export`'s text.

        Raises:
            ValueError: not such a key. The message does not repeat the text.
        """
        parts = text.strip().split("+", 4)
        if len(parts) == 5:
            key = decode(parts[4])
            if len(key) == 33:
                signer = cls(parts[2], key[1:])
                if signer.export() == text.strip():
                    return signer
        raise ValueError("the signing key is not PRIVATE+KEY+name+hash+base64 with an Ed25519 key: restore its file")

    def sign(self, body: str) -> str:
        """Sign a body as a C2SP signed note: the body, an empty line, the signature line."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(body.encode())
        stamp = base64.b64encode(_key_id(self.name, self.verifier.public) + signature).decode()
        return f"{body}\n\u2014 {self.name} {stamp}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """Return the body of a signed note if ``verifier`` signed it; signatures by others are skipped.

    Raises:
        ValueError: there is no valid signature by ``verifier``.
    """
    body, gap, signatures = note.rpartition("\n\n")
    body += gap[:1]
    mark = f"\u2014 {verifier.name} "
    stamps = [line.removeprefix(mark) for line in signatures.splitlines() if line.startswith(mark)]
    for stamp in map(decode, stamps):
        if stamp[:4] == _key_id(verifier.name, verifier.public):
            try:
                Ed25519PublicKey.from_public_bytes(verifier.public).verify(stamp[4:], body.encode())
            except InvalidSignature:
                continue
            return body
    raise ValueError(f"the checkpoint has no valid signature by {verifier.name}: it was changed or is another's")


@dataclass(frozen=True)
class LogCheckpoint:
    """A log's state in three lines (C2SP tlog-checkpoint): its origin, the number of entries, their root."""

    origin: str
    size: int
    root: Hash

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, note: str, verifier: Verifier) -> LogCheckpoint:
        """Read a signed checkpoint; extension lines after the third are allowed, other signatures are skipped.

        Raises:
            ValueError: not a checkpoint, or not signed by ``verifier``.
        """
        return cls._parse_body(open_note(note, verifier))

    @classmethod
    def parse_unsigned(cls, note: str) -> LogCheckpoint:
        """Read a checkpoint without checking who signed it.

        Raises:
            ValueError: not a checkpoint.
        """
        return cls._parse_body(note.rpartition("\n\n")[0] + "\n")

    @classmethod
    def _parse_body(cls, body: str) -> LogCheckpoint:
        lines = body.split("\n")
        if len(lines) < 4 or not lines[0] or not re.fullmatch(r"0|[1-9]\d{0,18}", lines[1]):
            raise ValueError("the checkpoint is not origin, size, root and signatures, a line each: get it again")
        top = decode(lines[2])
        if len(top) != 32:
            raise ValueError(f"root {lines[2]!r} of the checkpoint is not 32 bytes: get it again")
        return cls(lines[0], int(lines[1]), top)

    def check_extends(self, old: LogCheckpoint, proof: Sequence[Hash]) -> None:
        """Check by a consistency proof that this state continues ``old``.

        Raises:
            ValueError: another log, a rollback, a fork, or a proof that does not match.
        """
        if self.origin != old.origin:
            raise ValueError(f"checkpoint of {self.origin!r} cannot continue {old.origin!r}: they are different logs")
        if self.size < old.size:
            raise ValueError(f"log {self.origin!r} was rolled back from {old.size} to {self.size} entries: restore it")
        if not verify_consistency(old.size, old.root, self.size, self.root, proof):
            raise ValueError(
                f"log {self.origin!r} does not continue its state at {old.size} entries: it was forked or rewritten"
            )
