"""The ledger's records of a curation: clips, drops, fingerprints and the manifest, made from rows of the plan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from langit import config
from langit.curate.duplicates import ClipFingerprints
from langit.curate.examine import STILL, Row
from langit.curate.limits import DropReason
from langit.curate.plan import clip_measures
from langit.curate.settings import Curation
from langit.ledger.derived import Drop, Manifest
from langit.ledger.log import leaf_hash, root
from langit.ledger.policy import Policy
from langit.ledger.record import Clip
from langit.ledger.store import Ledger


def clip_record(row: Row, curation: Curation) -> Clip:
    """The record of a row that has not been dropped."""
    measures = clip_measures(row)
    width, height, left, top = measures.crop
    uncropped = (width, height) == (measures.width, measures.height)
    values = {"sharpness": row["sharpness"], "text": row["text"], "motion": row["inside"], "camera": row["whole"]}
    named = [f"{name}={value:.4f}" for name, value in values.items() if value is not None]
    if row["faces"]:
        named.append(f"faces={row['faces']}")
    return Clip(
        source=row["source"],
        start=row["start"],
        frames=row["frames"],
        mirrored=False,
        captions=(),
        content_sha256=row["content"],
        size=f"{width}x{height}",
        crop=None if uncropped else f"{width}x{height}+{left}+{top}",
        fps=None if row["fps"] == STILL else row["fps"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        likeness=None if row["faces"] is None else row["faces"] > 0,
        measures=tuple(sorted(named)),
        fingerprint_sha256=hashlib.sha256(b"".join(row["prints"])).hexdigest(),
        curation=config.digest(curation.survey).removeprefix("sha256:"),
    )


def clip_fingerprints(row: Row, name: str, quality: int) -> ClipFingerprints:
    """A clip's fingerprints of at least ``quality``, the PDQ measure of detail."""
    good = [number for number, value in enumerate(row["quality"]) if value >= quality]
    return ClipFingerprints(name, *(tuple(row[kind][number] for number in good) for kind in ("prints", "inner")))


def drop_record(row: Row, reason: DropReason, curation: Curation) -> Drop:
    """The record of a file or clip that was dropped."""
    return Drop(
        stage=reason.stage,
        reason=reason.reason,
        detail=reason.detail,
        source=row["source"],
        start=row["start"],
        frames=row["frames"],
        title=row["title"],
        curation=_settings_digest(curation),
    )


def drop_reason(row: Row) -> DropReason:
    """The reason that the plan noted."""
    return DropReason(**row["drop"])


def clip_seconds(row: Row) -> tuple[float, float]:
    """Where a clip starts and ends, in seconds from the file's first frame."""
    return float(Fraction(row["starts_at"])), float(Fraction(row["ends_at"]))


def add_manifest(curation: Curation, ledger: Ledger, policy: Policy, clips: Sequence[Clip]) -> Manifest | None:
    """Record the set under the curation's name, or return its latest manifest if that names the same set."""
    if not clips:
        return None
    digests = [clip.digest for clip in clips]
    identity = {
        "name": curation.name,
        "policy": policy.digest.removeprefix("sha256:"),
        "clip_root": root([leaf_hash(bytes.fromhex(digest)) for digest in digests]).hex(),
        "clips": len(digests),
        "config": _settings_digest(curation),
    }
    for manifest in reversed(ledger.manifests()):
        if manifest.name == curation.name:
            if all(getattr(manifest, name) == value for name, value in identity.items()):
                return manifest
            break
    listing = ledger.evidence.put("".join(f"{digest}\n" for digest in digests).encode())
    manifest = Manifest(
        ledger_size=ledger.size,
        ledger_root=ledger.root().hex(),
        listing=listing,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **identity,  # type: ignore[arg-type]  # names and types as above
    )
    ledger.add([manifest])
    return manifest


def _settings_digest(curation: Curation) -> str:
    """The digest of a curation's settings, as it was before there were those that have their default."""
    return config.digest_of(config.identifying(curation)).removeprefix("sha256:")
