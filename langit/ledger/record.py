"""Records of footage: frozen values, each identified by the SHA-256 of its content.

A record's digest is the SHA-256 of its canonical JSON: keys sorted, no spaces, UTF-8, ``record`` naming the
kind. A field that is ``None`` or empty is left out of it, so a field that a later version adds (with such a
default) changes no digest that is already in a log. There are no floats in records, so that a digest does not
depend on how a machine writes them. Records of footage are here, those of what was done with it in ``derived``.
Knows nothing of where records are kept, nor of what a licence permits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import ClassVar, Literal

from langit.config import canonical

SHA256 = re.compile(r"[0-9a-f]{64}")

MEASURE = re.compile(r"[a-z][a-z0-9_.]*=\S+")
FRACTION = re.compile(r"\d+(/[1-9]\d*)?")

SourceKind = Literal["rendered", "file", "fetched", "synthetic"]
ConsentAnswer = Literal["granted", "refused"]
RevokedBy = Literal["record", "content", "url", "fingerprint", "looks"]
Scheme = Literal["cawg", "tdmrep", "aipref", "rsl", "robots", "noai"]
Says = Literal["allowed", "reserved", "silent", "unreadable"]


def check_sha256(name: str, value: str) -> None:
    """Raise a ``ValueError`` that names the field unless ``value`` is a hash in hexadecimal digits."""
    if not SHA256.fullmatch(value):
        raise ValueError(f"{name} {value!r} is not a SHA-256: give 64 lower-case hexadecimal digits")


def check_one_of(name: str, value: object, choices: object) -> None:
    """Raise a ``ValueError`` unless ``value`` is one of a ``Literal``'s."""
    known = typing.get_args(choices)
    if value not in known:
        raise ValueError(f"{name} {value!r} is not one of {', '.join(known)}")


@dataclass(frozen=True)
class Record:
    """The common part: a record's content as canonical bytes, and their hash."""

    record: ClassVar[str]

    @cached_property
    def canonical(self) -> bytes:
        """The bytes that the digest is taken of."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        present = {name: value for name, value in values.items() if value not in (None, ())}
        return canonical({"record": self.record} | present)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of :attr:`canonical`, 64 hexadecimal digits: the record's name everywhere."""
        return hashlib.sha256(self.canonical).hexdigest()


@dataclass(frozen=True)
class Source(Record):
    """One piece of footage: a film that we rendered, a file, a download, or what a model made (``synthetic``).

    ``licence`` is an SPDX identifier, or ``None`` when nobody stated one. ``evidence`` holds the SHA-256 of each
    document (licence text, headers, robots.txt ...) that supports the record. ``size`` is the footage's
    ``WIDTHxHEIGHTxFRAMES``; ``fetched_at`` an ISO 8601 time in UTC. ``scene_sha256`` and ``motion_sha256`` are the
    parts of a rendered film that every renderer must reproduce. ``parents`` are content hashes of the footage that a
    model made it from, ``generator`` then names the model.
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
    parents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_one_of("kind of source", self.kind, SourceKind)
        check_sha256("content_sha256", self.content_sha256)
        for name, value in (("scene_sha256", self.scene_sha256), ("motion_sha256", self.motion_sha256)):
            if value is not None:
                check_sha256(name, value)
        for name, values in (("evidence", self.evidence), ("parents", self.parents)):
            for value in values:
                check_sha256(name, value)
        if self.kind == "rendered" and (self.generator is None or self.generator_version is None or self.seed is None):
            raise ValueError(
                f"rendered source {self.title!r} names no generator, generator_version and seed: give all three"
            )
        if self.kind == "fetched" and (self.url is None or self.fetched_at is None):
            raise ValueError(f"fetched source {self.title!r} names no url and fetched_at: give both")


@dataclass(frozen=True)
class Rights(Record):
    """A later statement on the rights in a source: a licence found, a consent given or refused, the proof of it.

    ``supersedes`` is the digest of the source, or of the earlier statement, whose licence was wrong; ``reason`` says
    why. Both stay in the log, and the licence that was superseded no longer counts.
    """

    record: ClassVar[str] = "rights"

    source: str
    recorded_at: str
    licence: str | None = None
    holder: str | None = None
    consent: ConsentAnswer | None = None
    evidence: tuple[str, ...] = ()
    supersedes: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        check_sha256("source", self.source)
        for value in self.evidence:
            check_sha256("evidence", value)
        if self.consent is not None:
            check_one_of("consent", self.consent, ConsentAnswer)
        if self.licence is None and self.consent is None:
            raise ValueError(f"rights in source {self.source} state neither a licence nor a consent: give one of them")
        if self.supersedes is not None:
            check_sha256("supersedes", self.supersedes)
            if self.licence is None or not self.reason:
                raise ValueError(f"rights in source {self.source} supersede a statement: give the licence and a reason")


@dataclass(frozen=True)
class Consent(Record):
    """That a person agreed to training. Who it is is kept beside the log, where it can be erased.

    ``person`` and ``form`` are salted commitments (see ``personal``) to what is known of the person and to the
    bytes of the consent form. ``covers`` is the digest of the source or of the clip that shows them. ``purposes``
    are words like ``training``; ``starts`` and ``ends`` ISO 8601 dates, the last day included, no end if left out.
    A :class:`Revocation` of this record withdraws it.
    """

    record: ClassVar[str] = "consent"

    covers: str
    person: str
    purposes: tuple[str, ...]
    starts: str
    recorded_at: str
    ends: str | None = None
    form: str | None = None

    def __post_init__(self) -> None:
        check_sha256("covers", self.covers)
        check_sha256("person", self.person)
        if self.form is not None:
            check_sha256("form", self.form)
        if not self.purposes or not all(self.purposes):
            raise ValueError(f"consent for {self.covers} names no purpose: give at least one, such as 'training'")
        for name, value in (("starts", self.starts), ("ends", self.ends)):
            if value is not None:
                _date(name, value)
        if self.ends is not None and date.fromisoformat(self.ends) < date.fromisoformat(self.starts):
            raise ValueError(f"consent ends on {self.ends}, before it starts on {self.starts}: give the dates in order")

    def in_force(self, day: str) -> bool:
        """Whether it has begun and not ended on a day (ISO 8601); a revocation is not visible from here."""
        # As dates: "20260201" and "2026-W05-7" are ISO dates too, and sort after every "2026-02-02" as text.
        when = date.fromisoformat(day)
        ended = self.ends is not None and when > date.fromisoformat(self.ends)
        return date.fromisoformat(self.starts) <= when and not ended


@dataclass(frozen=True)
class Signal(Record):
    """What one opt-out scheme said of a source at the time of reading, with its evidence.

    ``where`` is the file, the header or the URL that was read; ``text`` the exact words that decided; ``reader``
    the version of our reader; ``evidence`` the SHA-256 of the bytes that were read. ``unreadable`` is for what was
    there and could not be understood, and for what could not be fetched: it never counts as a permission.
    """

    record: ClassVar[str] = "signal"

    source: str
    scheme: str
    says: str
    where: str
    read_at: str
    reader: str
    text: str | None = None
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_sha256("source", self.source)
        check_one_of("scheme of a signal", self.scheme, Scheme)
        check_one_of("signal", self.says, Says)
        for value in self.evidence:
            check_sha256("evidence", value)


@dataclass(frozen=True)
class Clip(Record):
    """A segment of a source: ``frames`` frames from frame ``start``, possibly mirrored.

    ``source`` is the source's digest; ``content_sha256`` the hash of the clip's own pixels: uint8 RGB in the order
    (T, H, W, 3), as they are learnt from (after ``crop``, before any scaling).

    The following are for real footage only, and were added later (``None`` or empty leaves digests as they were):

    - ``size``: ``WIDTHxHEIGHT`` of the clip's pixels, after ``crop``.
    - ``crop``: ``WIDTHxHEIGHT+LEFT+TOP`` of the part of the source's frames that is kept, where bars were cut off.
    - ``fps``: frames a second as a fraction (``24000/1001``): the average where the rate varies.
    - ``starts_at``, ``ends_at``: seconds as fractions, when the first frame appears and when the last one's time is
      over, on the source's clock. Frame numbers count decoded frames in order of appearance, from 0. A picture lasts
      no time: both are 0, and it has no ``fps``.
    - ``likeness``: whether a person can be recognised; ``None`` where nobody looked, which does not mean no.
    - ``measures``: what curation measured, as sorted ``name=value`` (``motion=0.132``), rounded by the writer.
    - ``fingerprint_sha256``: the hash of the fingerprint's bytes, which are kept in the table of fingerprints.
    - ``curation``: the digest of the curation's config, without ``sha256:``.
    """

    record: ClassVar[str] = "clip"

    source: str
    start: int
    frames: int
    mirrored: bool
    captions: tuple[str, ...]
    content_sha256: str
    size: str | None = None
    crop: str | None = None
    fps: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    likeness: bool | None = None
    measures: tuple[str, ...] = ()
    fingerprint_sha256: str | None = None
    curation: str | None = None

    def __post_init__(self) -> None:
        check_sha256("source", self.source)
        check_sha256("content_sha256", self.content_sha256)
        if self.start < 0 or self.frames < 1:
            raise ValueError(
                f"clip of {self.frames} frames from frame {self.start}: start at 0 or later, keep 1 or more"
            )
        for name, digest in (("fingerprint_sha256", self.fingerprint_sha256), ("curation", self.curation)):
            if digest is not None:
                check_sha256(name, digest)
        for name, shape, pattern in (
            ("size", self.size, r"\d+x\d+"),
            ("crop", self.crop, r"\d+x\d+\+\d+\+\d+"),
            ("fps", self.fps, FRACTION),
            ("starts_at", self.starts_at, FRACTION),
            ("ends_at", self.ends_at, FRACTION),
        ):
            if shape is not None and not re.fullmatch(pattern, shape):
                raise ValueError(f"{name} {shape!r} of a clip is malformed: see Clip for how it is written")
        for measure in self.measures:
            if not MEASURE.fullmatch(measure):
                raise ValueError(f"measure {measure!r} of a clip is not written name=value, without spaces")
        if list(self.measures) != sorted(set(self.measures)):
            raise ValueError(f"measures {self.measures} of a clip are not sorted, or repeat one: sort them")

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture of its own and no part of a film: it lasts no time."""
        return self.frames == 1 and self.starts_at is not None and self.starts_at == self.ends_at

    @property
    def measured(self) -> dict[str, str]:
        """The measures by name."""
        return dict(measure.split("=", 1) for measure in self.measures)


@dataclass(frozen=True)
class Revocation(Record):
    """What may no longer be used, from this entry on. Nothing is ever removed from the log.

    ``target`` is, as ``by`` says, a record's digest (a source, a clip, a consent ...), a content hash, a URL, the hash
    of a fingerprint, or the hash of the evidence that holds the fingerprints of a video (``looks``). All but the first
    also bar footage that is entered later.
    """

    record: ClassVar[str] = "revocation"

    target: str
    reason: str
    revoked_at: str
    by: RevokedBy = "record"
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_one_of("revocation by", self.by, RevokedBy)
        if self.by != "url":
            check_sha256(f"revoked {self.by}", self.target)
        for value in self.evidence:
            check_sha256("evidence", value)


def _date(name: str, value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{name} {value!r} is not a date: write it as 2026-11-23") from error
