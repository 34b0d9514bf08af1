"""Records of what was done with footage: captions, drops, manifests, training exposures, released videos.

Frozen and hashed by the same rules as those in ``record``. Knows nothing of how captions are written or models are
trained; the rooms that do it fill these in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from langit.ledger.likeness import LikenessConsent
from langit.ledger.record import (
    SHA256,
    Clip,
    Consent,
    Record,
    Revocation,
    Rights,
    Signal,
    Source,
    check_sha256,
)
from langit.ledger.requests import RequestAnswer, TakedownRequest


@dataclass(frozen=True)
class Caption(Record):
    """A caption that was written after its clip was entered, and who or what wrote it.

    ``clip`` is the clip's digest. ``captioner`` names a model, an endpoint, ``sidecar`` or a person's role;
    ``version`` its revision or the hash of its weights; ``prompt`` its instruction; ``language`` an IETF tag.
    """

    record: ClassVar[str] = "caption"

    clip: str
    text: str
    language: str
    captioner: str
    version: str
    prompt: str | None = None

    def __post_init__(self) -> None:
        check_sha256("clip", self.clip)
        if not self.text.strip():
            raise ValueError(f"caption of clip {self.clip} is empty: give text, or no caption")


@dataclass(frozen=True)
class Drop(Record):
    """Footage that was rejected, and why.

    ``source`` is a source's digest, with ``start`` and ``frames`` of the stretch where it is not all of it; ``clip``
    the digest of a clip that was entered and dropped later. Footage that never became a source (a path that climbs
    out of its folder) has only ``title``. ``stage`` names the step, ``reason`` the rule in a word or two that can be
    counted, ``detail`` what a person needs to understand it. ``curation`` is the digest of the curation's config.
    """

    record: ClassVar[str] = "drop"

    stage: str
    reason: str
    detail: str
    source: str | None = None
    clip: str | None = None
    start: int | None = None
    frames: int | None = None
    title: str | None = None
    curation: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("source", self.source), ("clip", self.clip), ("curation", self.curation)):
            if value is not None:
                check_sha256(name, value)
        if self.source is None and self.clip is None and not self.title:
            raise ValueError(f"drop at stage {self.stage!r} names no source, clip or title: give one of them")
        if not self.stage or not self.reason:
            raise ValueError(f"drop of {self.source or self.clip or self.title} has no stage or reason: give both")


@dataclass(frozen=True)
class Manifest(Record):
    """The clips of one training set: which ledger, which policy, which clips.

    ``ledger_root`` is the log's root at ``ledger_size`` entries, before the manifest itself was entered. ``clip_root``
    is the RFC 6962 root over the clips' digests in order; ``listing`` the SHA-256 of the evidence that lists them, one
    in hexadecimal digits a line. ``policy`` and ``config`` are digests without ``sha256:``.
    """

    record: ClassVar[str] = "manifest"

    name: str
    ledger_size: int
    ledger_root: str
    policy: str
    clip_root: str
    clips: int
    listing: str
    made_at: str
    config: str | None = None

    def __post_init__(self) -> None:
        for name in ("ledger_root", "policy", "clip_root", "listing"):
            check_sha256(name, getattr(self, name))
        if self.config is not None:
            check_sha256("config", self.config)
        if not self.name.strip():
            raise ValueError("a manifest has no name: give one")


@dataclass(frozen=True)
class RunExposure(Record):
    """A commitment to the exposure log of a run, which has a row for each clip and step.

    ``root`` is the RFC 6962 root over the log's ``rows`` rows (``feed.exposure``), up to ``step``; ``manifest`` the
    digest of the Manifest record, ``model`` that of the provenance of the model that it made, ``policy`` that of the
    policy in force, without ``sha256:``.
    """

    record: ClassVar[str] = "exposure"

    run: str
    root: str
    rows: int
    step: int
    recorded_at: str
    manifest: str | None = None
    model: str | None = None
    policy: str | None = None

    def __post_init__(self) -> None:
        check_sha256("root", self.root)
        for name, value in (("manifest", self.manifest), ("model", self.model), ("policy", self.policy)):
            if value is not None:
                check_sha256(name, value)
        if self.rows < 0 or self.step < 0:
            raise ValueError(f"exposure of run {self.run!r} has {self.rows} rows at step {self.step}: count from 0")


def tuned_parts(sampling: Mapping[str, Any], base: Mapping[str, Any]) -> tuple[str, ...]:
    """What was tuned from clips and took part in a video, by its SHA-256.

    Args:
        sampling: settings of sampling, which name LoRA files.
        base: what is known of open weights; ``tuning`` is the record of tuning all of them, if they were.
    """
    listed = sampling.get("loras")
    named = [each.get("sha256") for each in (listed if isinstance(listed, list) else ()) if isinstance(each, dict)]
    # These may be a file's own words, in which anything can stand.
    return tuple(dict.fromkeys(text for text in map(str, (base.get("tuning"), *named)) if SHA256.fullmatch(text)))


@dataclass(frozen=True)
class Output(Record):
    """A released video or image: its bytes, the model that made it, and what it was made from.

    ``parents`` are the content hashes of footage that it continues or edits; ``prompt`` a salted commitment. ``mark``
    is the id in its watermark, ``looks`` are PDQ fingerprints of frames of it, both in hexadecimal digits: they find
    the entry when the file's own credentials are gone. ``flags`` are what the gates noted and allowed,
    ``tuned`` what :func:`tuned_parts` finds.
    """

    record: ClassVar[str] = "output"

    content_sha256: str
    model: str
    made_at: str
    parents: tuple[str, ...] = ()
    prompt: str | None = None
    ability: str | None = None
    mark: str | None = None
    looks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ()

    @property
    def weights(self) -> tuple[str, ...]:
        """Digests of all that made it: the model's, and of what was tuned from clips."""
        return self.model, *self.tuned

    def __post_init__(self) -> None:
        check_sha256("content_sha256", self.content_sha256)
        check_sha256("model", self.model)
        for name in ("parents", "looks", "tuned"):
            for value in getattr(self, name):
                check_sha256(name, value)
        if self.prompt is not None:
            check_sha256("prompt", self.prompt)
        if self.mark is not None and not re.fullmatch(r"(?:[0-9a-f]{2})+", self.mark):
            raise ValueError(f"mark {self.mark!r} of an output is malformed: give hexadecimal digits")


KINDS: dict[str, type[Record]] = {
    kind.record: kind
    for kind in (
        Source,
        Rights,
        Consent,
        Signal,
        Clip,
        Caption,
        Drop,
        Manifest,
        RunExposure,
        Output,
        LikenessConsent,
        TakedownRequest,
        RequestAnswer,
        Revocation,
    )
}
"""Every kind of record, by the name that it has in the log."""
