"""A whole curation: the plan over files, then what needs all clips, then records in the ledger, then a manifest.

What the ledger has acknowledged is never asked for again: drops of files are entered batch by batch, figures are kept
by hash, and records name what they say, so that entering them twice is entering them once. Killed at any moment and run
again, it goes on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from langit import config
from langit.curate.captions import Captioner, WrittenCaption, captioner
from langit.curate.duplicates import ClipFingerprints, DuplicateIndex
from langit.curate.examine import Figures
from langit.curate.footage import FootageFile, items, local
from langit.curate.limits import DropReason
from langit.curate.plan import PlanContext, SourceRights, measured, use, walk
from langit.curate.fingerprints import FingerprintTable
from langit.curate.settings import Curation
from langit.files import atomic_write
from langit.ledger.log import leaf_hash, root
from langit.ledger.derived import Caption, Drop, Manifest
from langit.ledger.policy import Policy
from langit.ledger.policy import load as load_policy
from langit.ledger.record import Clip, Record
from langit.ledger.rights import Revocations, decide_clip
from langit.ledger.store import Ledger

Report = Callable[[str, int, int, str], None]  # stage, done, of, facts


@dataclass(frozen=True)
class ClipOutcome:
    """What became of a stretch, or of a file that has none: kept as ``clip``, or dropped for ``reason``."""

    title: str
    seconds: tuple[float, float] | None
    picture: bytes | None
    reason: DropReason | None
    clip: Clip | None
    words: tuple[WrittenCaption, ...] = ()


@dataclass(frozen=True)
class CurationResult:
    """All outcomes, in order of files and time, and the record that names the set; None if nothing was kept."""

    outcomes: tuple[ClipOutcome, ...]
    manifest: Manifest | None
    files: int

    @property
    def kept(self) -> list[ClipOutcome]:
        return [outcome for outcome in self.outcomes if outcome.clip is not None]


def curate(
    curation: Curation,
    ledger: Ledger,
    cache: Path,
    engine: str = "native",
    report: Report = lambda *_: None,
) -> CurationResult:
    """Walk a curation from footage to a manifest.

    Args:
        curation: what to do.
        ledger: knows whose the footage is; gets clips, captions, drops and the manifest.
        cache: a folder for figures, which may be lost.
        engine: Daft's runner, ``native`` or ``ray``.
        report: called as work is done.

    Raises:
        ValueError: the footage cannot be listed, or a captioner does not work.
    """
    use(engine)
    files, policy = items(curation.footage), _policy(curation)
    writer = captioner(curation.captions)
    known = _standing(ledger, policy)
    given = PlanContext(curation, known, cache)
    rows: list[Figures] = []
    for batch in _batches(files, curation.batch):
        found = walk([dataclasses.asdict(item) for item in batch], given)
        ledger.add([_drop(row, _reason(row), curation) for row in found if row["drop"] is not None])
        rows += found
        _note(cache / "places.json", found)
        dropped = sum(row["drop"] is not None for row in rows)
        done = len({row["title"] for row in rows})
        report("footage", done, len(files), f"{len(rows) - dropped} clips, {dropped} dropped")
    outcomes = _together(rows, files, curation, ledger, policy, writer, report)
    manifest = _manifest(curation, ledger, policy, [o.clip for o in outcomes if o.clip is not None])
    return CurationResult(tuple(outcomes), manifest, len(files))


def _note(file: Path, rows: Sequence[Figures]) -> None:
    """Where files lie on this machine, by their hashes: training reads them there."""
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    here = {row["sha256"]: str(local(row["place"]).absolute()) for row in rows if row["drop"] is None}
    if not here.items() <= known.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as unfinished:
            unfinished.write_text(json.dumps(known | here, indent=0), encoding="utf-8")


def _policy(curation: Curation) -> Policy:
    return load_policy(Path(curation.policy)) if curation.policy else Policy()


def _standing(ledger: Ledger, policy: Policy) -> dict[str, SourceRights]:
    """What the ledger says of each file by its hash. Of several sources of the same bytes, a refused one counts."""
    decisions = ledger.decisions(policy)
    found: dict[str, SourceRights] = {}
    for source in ledger.sources():
        decision = decisions[source.digest]
        standing = SourceRights(source.digest, decision.allowed, decision.verdict.value, decision.rule)
        if source.content_sha256 not in found or found[source.content_sha256].allowed:
            found[source.content_sha256] = standing
    return found


def _together(
    rows: Sequence[Figures],
    files: Sequence[FootageFile],
    curation: Curation,
    ledger: Ledger,
    policy: Policy,
    writer: Captioner | None,
    report: Report,
) -> list[ClipOutcome]:
    """Likeness, duplicates and captions of what is left, entered batch by batch."""
    places = {item.title: item.place for item in files}
    clips = {number: _clip(row, curation) for number, row in enumerate(rows) if row["drop"] is None}
    table = FingerprintTable(ledger.place)
    seen = DuplicateIndex(curation.duplicates)
    ours = {row["source"] for row in rows}  # what was cut out of these files before is no copy of them
    entered = {clip.digest: clip.source for clip in ledger.clips()}
    for prints in table.read():
        if entered.get(prints.name, "") not in {"", *ours}:
            seen.add(prints)
    captioned = {caption.clip for caption in ledger.captions() if _asked(caption, curation)}
    judge = _likeness(ledger, policy)
    outcomes: list[ClipOutcome] = []
    new: list[tuple[Clip, ClipFingerprints, list[WrittenCaption]]] = []
    drops: list[Record] = []
    kept = 0
    for number, row in enumerate(rows):
        clip = clips.get(number)
        reason = _reason(row) if clip is None else judge(clip)
        words: list[WrittenCaption] = []
        if clip is not None and reason is None:
            prints = _prints(row, clip.digest, curation.duplicates.quality)
            reason = _duplicate(seen, prints)
            if reason is None and writer is not None and not (clip.digest in captioned and clip.digest in entered):
                words, reason = _write(writer, row, places[row["title"]], curation)
            if reason is None:
                seen.add(prints)
                new.append((clip, prints, words))
                kept += 1
            report("clips", number + 1, len(rows), f"{kept} kept")
        if clip is not None and reason is not None:
            drops.append(_drop(row, reason, curation))
        outcomes.append(_outcome(row, reason, clip if reason is None else None, tuple(words)))
        if len(new) >= curation.batch or number + 1 == len(rows):
            _enter(ledger, table, new, drops)
            new, drops = [], []
    return outcomes


def _enter(
    ledger: Ledger, table: FingerprintTable, new: Sequence[tuple[Clip, ClipFingerprints, list[WrittenCaption]]], drops: list[Record]
) -> None:
    """Fingerprints first, so that a clip in the ledger always has its own."""
    table.add([prints for _, prints, _ in new])
    records: list[Record] = [clip for clip, _, _ in new]
    for clip, _, words in new:
        records += [
            Caption(clip.digest, each.text, each.language, each.captioner, each.version, each.prompt) for each in words
        ]
    ledger.add([*records, *drops])


def _asked(caption: Caption, curation: Curation) -> bool:
    """Whether a caption was written as this curation would have it, by a model: a sidecar is read again."""
    wanted = curation.captions
    return caption.captioner == wanted.model and caption.prompt == wanted.prompt and wanted.by != "sidecar"


def _likeness(ledger: Ledger, policy: Policy) -> Callable[[Clip], DropReason | None]:
    """A clip that shows a person needs consent on record."""
    decisions, revoked, consents = ledger.decisions(policy), Revocations.of(ledger.revocations()), ledger.consents()

    def judge(clip: Clip) -> DropReason | None:
        decision = decide_clip(clip, decisions[clip.source], revoked, policy, consents)
        if decision.allowed:
            return None
        if clip.likeness is False:
            return DropReason("rights", decision.verdict.value, decision.rule)
        return DropReason("faces", "likeness" if clip.likeness else "not looked for", decision.rule)

    return judge


def _duplicate(seen: DuplicateIndex, prints: ClipFingerprints) -> DropReason | None:
    found = seen.find(prints)
    if found is None:
        return None
    name, share = found
    return DropReason("near-duplicates", "duplicate", f"{share:.0%} of its frames are in clip {name[:12]}")


def _write(writer: Captioner, row: Figures, place: str, curation: Curation) -> tuple[list[WrittenCaption], DropReason | None]:
    """Captions. A sidecar that cannot be read drops its clips; a model that does not answer stops the curation."""
    try:
        words = writer(local(place), _seconds(row), row["pictures"])
    except ValueError as error:
        if curation.captions.by != "sidecar":
            raise
        return [], DropReason("captions", "unreadable", str(error))
    if words:
        return words, None
    return [], DropReason(
        "captions", "no caption", "nobody wrote what it shows: put a .txt beside the file, or use a model"
    )


def _clip(row: Figures, curation: Curation) -> Clip:
    """The record of a row that is still in."""
    figures = measured(row)
    wide, high, left, top = figures.kept
    whole = (wide, high) == (figures.width, figures.height)
    values = {"sharpness": row["sharpness"], "text": row["text"], "motion": row["inside"], "camera": row["whole"]}
    measures = [f"{name}={value:.4f}" for name, value in values.items() if value is not None]
    if row["faces"]:
        measures.append(f"faces={row['faces']}")
    return Clip(
        source=row["source"],
        start=row["start"],
        frames=row["frames"],
        mirrored=False,
        captions=(),
        content_sha256=row["content"],
        size=f"{wide}x{high}",
        crop=None if whole else f"{wide}x{high}+{left}+{top}",
        fps=row["fps"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        likeness=None if row["faces"] is None else row["faces"] > 0,
        measures=tuple(sorted(measures)),
        fingerprint_sha256=hashlib.sha256(b"".join(row["prints"])).hexdigest(),
        curation=config.digest(curation.survey).removeprefix("sha256:"),
    )


def _prints(row: Figures, name: str, quality: int) -> ClipFingerprints:
    good = [number for number, value in enumerate(row["quality"]) if value >= quality]
    return ClipFingerprints(name, *(tuple(row[kind][number] for number in good) for kind in ("prints", "inner")))


def _reason(row: Figures) -> DropReason:
    return DropReason(**row["drop"])


def _drop(row: Figures, reason: DropReason, curation: Curation) -> Drop:
    return Drop(
        stage=reason.stage,
        reason=reason.reason,
        detail=reason.detail,
        source=row["source"],
        start=row["start"],
        frames=row["frames"],
        title=row["title"],
        curation=config.digest(curation).removeprefix("sha256:"),
    )


def _outcome(row: Figures, reason: DropReason | None, clip: Clip | None, words: tuple[WrittenCaption, ...]) -> ClipOutcome:
    pictures = row["pictures"] or []
    seconds = None if row["starts_at"] is None else _seconds(row)
    picture = pictures[len(pictures) // 2] if pictures else None
    return ClipOutcome(row["title"], seconds, picture, reason, clip, words)


def _seconds(row: dict[str, Any]) -> tuple[float, float]:
    return float(Fraction(row["starts_at"])), float(Fraction(row["ends_at"]))


def _manifest(curation: Curation, ledger: Ledger, policy: Policy, clips: Sequence[Clip]) -> Manifest | None:
    """The record that names the set; the same set under the same name is not named twice."""
    if not clips:
        return None
    digests = [clip.digest for clip in clips]
    fixed = {
        "name": curation.name,
        "policy": policy.digest.removeprefix("sha256:"),
        "clip_root": root([leaf_hash(bytes.fromhex(digest)) for digest in digests]).hex(),
        "clips": len(digests),
        "config": config.digest(curation).removeprefix("sha256:"),
    }
    for manifest in reversed(ledger.manifests()):
        if manifest.name == curation.name:
            if all(getattr(manifest, name) == value for name, value in fixed.items()):
                return manifest
            break
    listing = ledger.evidence.put("".join(f"{digest}\n" for digest in digests).encode())
    made = Manifest(
        ledger_size=ledger.size,
        ledger_root=ledger.root().hex(),
        listing=listing,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **fixed,  # type: ignore[arg-type]  # names and types as above
    )
    ledger.add([made])
    return made


def _batches(files: Sequence[FootageFile], size: int) -> Iterator[Sequence[FootageFile]]:
    for start in range(0, len(files), size):
        yield files[start : start + size]
