"""What the ledger knows of footage: frozen records, each named by the SHA-256 of what it says.

A record's digest is the SHA-256 of its canonical JSON: keys sorted, no spaces, UTF-8, ``record`` naming the
kind. A field that is ``None`` or empty is left out of it, so a field that a later version adds (with such a
default) changes no digest that is already in a log. Knows nothing of where records are kept, nor of what a
licence permits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from langit.config import canonical

SHA256 = re.compile(r"[0-9a-f]{64}")

SourceKind = Literal["rendered", "file", "fetched"]
Consent = Literal["granted", "refused"]
RevokedBy = Literal["record", "content", "url"]


def _sha256(name: str, value: str) -> None:
    if not SHA256.fullmatch(value):
        raise ValueError(f"{name} {value!r} is not a SHA-256: give 64 lower-case hexadecimal digits")


def _one_of(name: str, value: object, choices: object) -> None:
    known = typing.get_args(choices)
    if value not in known:
        raise ValueError(f"{name} {value!r} is not one of {', '.join(known)}")


@dataclass(frozen=True)
class Record:
    """The common part: what is said, as canonical bytes, and their hash."""

    record: ClassVar[str]

    @cached_property
    def canonical(self) -> bytes:
        """The bytes that the digest is taken of."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return canonical({"record": self.record} | {key: said[key] for key in said if said[key] not in (None, ())})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of :attr:`canonical`, 64 hexadecimal digits: the record's name everywhere."""
        return hashlib.sha256(self.canonical).hexdigest()


@dataclass(frozen=True)
class Source(Record):
    """One piece of footage as it came to us: a film that we rendered, a file, or a download.

    ``licence`` is an SPDX identifier, or ``None`` when nobody stated one. ``evidence`` holds the SHA-256 of each
    document (licence text, headers, robots.txt ...) that supports what is said. ``size`` is the footage's
    ``WIDTHxHEIGHTxFRAMES``; ``fetched_at`` an ISO 8601 time in UTC. ``scene_sha256`` and ``motion_sha256`` are the
    parts of a rendered film that every renderer must reproduce.
    """

    record: ClassVar[str] = "source"

    kind: SourceKind
    title: str
    content_sha256: str
    creator: str | None = None
    licence: str | None = None
    generator: str | None = None
    generator_version: str | None = None
    seed: int | None = None
    size: str | None = None
    url: str | None = None
    fetched_at: str | None = None
    evidence: tuple[str, ...] = ()
    scene_sha256: str | None = None
    motion_sha256: str | None = None

    def __post_init__(self) -> None:
        _one_of("kind of source", self.kind, SourceKind)
        _sha256("content_sha256", self.content_sha256)
        for name, value in (("scene_sha256", self.scene_sha256), ("motion_sha256", self.motion_sha256)):
            if value is not None:
                _sha256(name, value)
        for value in self.evidence:
            _sha256("evidence", value)
        if self.kind == "rendered" and (self.generator is None or self.generator_version is None or self.seed is None):
            raise ValueError(
                f"rendered source {self.title!r} names no generator, generator_version and seed: give all three"
            )
        if self.kind == "fetched" and (self.url is None or self.fetched_at is None):
            raise ValueError(f"fetched source {self.title!r} names no url and fetched_at: give both")


@dataclass(frozen=True)
class Rights(Record):
    """A later statement on the rights in a source: a licence found, a consent given or refused, the proof of it."""

    record: ClassVar[str] = "rights"

    source: str
    recorded_at: str
    licence: str | None = None
    holder: str | None = None
    consent: Consent | None = None
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _sha256("source", self.source)
        for value in self.evidence:
            _sha256("evidence", value)
        if self.consent is not None:
            _one_of("consent", self.consent, Consent)
        if self.licence is None and self.consent is None:
            raise ValueError(f"rights in source {self.source} state neither a licence nor a consent: give one of them")


@dataclass(frozen=True)
class Clip(Record):
    """A stretch of a source that can be learnt from: ``frames`` frames from frame ``start``, perhaps mirrored.

    ``source`` is the source's digest; ``content_sha256`` the hash of the clip's own pixels.
    """

    record: ClassVar[str] = "clip"

    source: str
    start: int
    frames: int
    mirrored: bool
    captions: tuple[str, ...]
    content_sha256: str

    def __post_init__(self) -> None:
        _sha256("source", self.source)
        _sha256("content_sha256", self.content_sha256)
        if self.start < 0 or self.frames < 1:
            raise ValueError(
                f"clip of {self.frames} frames from frame {self.start}: start at 0 or later, keep 1 or more"
            )


@dataclass(frozen=True)
class Revocation(Record):
    """What may no longer be used, from its entry on. Nothing is ever removed: this is added.

    ``target`` is a record's digest (a source or a clip), a content hash, or a URL, as ``by`` says. A content hash
    or a URL also bars footage that is entered later.
    """

    record: ClassVar[str] = "revocation"

    target: str
    reason: str
    revoked_at: str
    by: RevokedBy = "record"
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _one_of("revocation by", self.by, RevokedBy)
        if self.by != "url":
            _sha256(f"revoked {self.by}", self.target)
        for value in self.evidence:
            _sha256("evidence", value)


KINDS: dict[str, type[Record]] = {kind.record: kind for kind in (Source, Rights, Clip, Revocation)}
