"""A whole curation: the plan over files, then the steps that need all clips, then ledger records and a manifest.

Killed at any moment and run again, it continues. Drops of files are recorded batch by batch, measurements are cached
by hash, and records are identified by their content, so recording one twice changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from langit.curate import places
from langit.curate.captions import Captioner, WrittenCaption, make_captioner
from langit.curate.duplicates import ClipFingerprints, DuplicateIndex
from langit.curate.examine import STILL, Row
from langit.curate.fingerprints import FingerprintTable
from langit.curate.footage import FootageFile, list_files, local_path
from langit.curate.limits import DropReason
from langit.curate.plan import PlanContext, SourceRights, run_plan, use_engine
from langit.curate.records import add_manifest, clip_fingerprints, clip_record, clip_seconds, drop_reason, drop_record
from langit.curate.settings import Curation, DuplicateSettings
from langit.curate.takedown import RevokedLooks
from langit.ledger.derived import Caption, Manifest
from langit.ledger.policy import Policy
from langit.ledger.policy import load as load_policy
from langit.ledger.record import Clip, Record
from langit.ledger.rights import Revocations, decide_clip
from langit.ledger.store import Ledger

Report = Callable[[str, int, int, str], None]  # stage, done, total, details


@dataclass(frozen=True)
class ClipOutcome:
    """What became of a segment, or of a file without segments: kept as ``clip``, or dropped for ``reason``."""

    title: str
    seconds: tuple[float, float] | None
    picture: bytes | None
    reason: DropReason | None
    clip: Clip | None
    captions: tuple[WrittenCaption, ...] = ()


@dataclass(frozen=True)
class CurationResult:
    """All outcomes, in order of files and time, and the manifest of the set, None if nothing was kept."""

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
    """Turn footage into captioned clips and a manifest.

    Args:
        curation: the settings.
        ledger: has the rights of the footage; receives clips, captions, drops and the manifest.
        cache: a folder for measurements; it can be deleted.
        engine: Daft's runner, ``native`` or ``ray``.
        report: called with progress.

    Raises:
        ValueError: the footage cannot be listed, or the captioner does not work.
    """
    use_engine(engine)
    policy = load_policy(Path(curation.policy)) if curation.policy else Policy()
    files = list_files(curation.footage)
    captioner = make_captioner(curation.captions)
    context = PlanContext(curation, _rights_by_hash(ledger, policy), cache)
    rows: list[Row] = []
    for batch in _batches(files, curation.batch):
        new = run_plan([dataclasses.asdict(file) for file in batch], context)
        ledger.add([drop_record(row, drop_reason(row), curation) for row in new if row["drop"] is not None])
        rows += new
        kept = {row["sha256"]: local_path(row["place"]) for row in new if row["drop"] is None}
        places.add_places(cache / places.NAME, kept)
        dropped = sum(row["drop"] is not None for row in rows)
        done = len({row["title"] for row in rows})
        report("footage", done, len(files), f"{len(rows) - dropped} clips, {dropped} dropped")
    outcomes = _finish_clips(rows, curation, ledger, policy, captioner, report)
    manifest = add_manifest(curation, ledger, policy, [o.clip for o in outcomes if o.clip is not None])
    return CurationResult(tuple(outcomes), manifest, len(files))


def _rights_by_hash(ledger: Ledger, policy: Policy) -> dict[str, SourceRights]:
    """The rights of each file by its SHA-256. If several sources have the same bytes, a refusal wins."""
    decisions = ledger.decisions(policy)
    rights: dict[str, SourceRights] = {}
    for source in ledger.sources():
        decision = decisions[source.digest]
        entry = SourceRights(source.digest, decision.allowed, decision.verdict.value, decision.rule)
        if source.content_sha256 not in rights or rights[source.content_sha256].allowed:
            rights[source.content_sha256] = entry
    return rights


def _finish_clips(
    rows: Sequence[Row],
    curation: Curation,
    ledger: Ledger,
    policy: Policy,
    captioner: Captioner | None,
    report: Report,
) -> list[ClipOutcome]:
    """Check likeness and duplicates and write captions for the clips that are left, recorded batch by batch."""
    clips = {number: clip_record(row, curation) for number, row in enumerate(rows) if row["drop"] is None}
    table = FingerprintTable(ledger.place)
    known = ledger.clips()
    recorded = {clip.digest for clip in known}
    copies = _index_of_other_footage(curation, table, known, {row["source"] for row in rows})
    captioned = {caption.clip for caption in ledger.captions() if _is_current(caption, curation)}
    check_likeness = _likeness_rule(ledger, policy)
    revoked_looks = RevokedLooks.of(ledger)
    outcomes: dict[int, ClipOutcome] = {}
    new: list[tuple[Clip, ClipFingerprints, list[WrittenCaption]]] = []
    drops: list[Record] = []
    kept = 0
    # Films come first: a picture may be one of their frames, and is the copy then.
    for done, number in enumerate(sorted(range(len(rows)), key=lambda number: rows[number]["fps"] == STILL), start=1):
        row, clip = rows[number], clips.get(number)
        reason = drop_reason(row) if clip is None else check_likeness(clip)
        captions: list[WrittenCaption] = []
        if clip is not None and reason is None:
            fingerprints = clip_fingerprints(row, clip.digest, curation.duplicates.quality)
            reason = _check_take_down(revoked_looks, fingerprints) or _check_duplicate(copies, clip, fingerprints)
            if reason is None and captioner and not (clip.digest in captioned and clip.digest in recorded):
                captions, reason = _write_captions(captioner, row, row["place"], curation)
            if reason is None:
                copies.add(clip, fingerprints)
                new.append((clip, fingerprints, captions))
                kept += 1
            report("clips", done, len(rows), f"{kept} kept")
        if clip is not None and reason is not None:
            drops.append(drop_record(row, reason, curation))
        outcomes[number] = _outcome(row, reason, clip if reason is None else None, tuple(captions))
        if len(new) >= curation.batch or done == len(rows):
            _record(ledger, table, new, drops)
            new, drops = [], []
    return [outcomes[number] for number in range(len(rows))]


class _Copies:
    """The clips kept so far. A picture may be a copy of a film's frame; a film is no copy of a picture.

    Otherwise a poster beside a film would make the film a duplicate.
    """

    def __init__(self, settings: DuplicateSettings) -> None:
        self.films, self.pictures = DuplicateIndex(settings), DuplicateIndex(settings)

    def add(self, clip: Clip, fingerprints: ClipFingerprints) -> None:
        (self.pictures if clip.is_picture else self.films).add(fingerprints)

    def find(self, clip: Clip, fingerprints: ClipFingerprints) -> tuple[str, float] | None:
        found = self.films.find_copy(fingerprints)
        return self.pictures.find_copy(fingerprints) if found is None and clip.is_picture else found


def _index_of_other_footage(
    curation: Curation, table: FingerprintTable, clips: Sequence[Clip], ours: set[str]
) -> _Copies:
    """Clips of earlier curations, except those of the files in this one: a clip is not a copy of its earlier self."""
    copies, recorded = _Copies(curation.duplicates), {clip.digest: clip for clip in clips}
    for fingerprints in table.read():
        clip = recorded.get(fingerprints.name)
        if clip is not None and clip.source not in ours:
            copies.add(clip, fingerprints)
    return copies


def _record(
    ledger: Ledger,
    table: FingerprintTable,
    new: Sequence[tuple[Clip, ClipFingerprints, list[WrittenCaption]]],
    drops: list[Record],
) -> None:
    """Fingerprints first, so that a clip in the ledger always has its own even after a crash between the two."""
    table.add([fingerprints for _, fingerprints, _ in new])
    records: list[Record] = [clip for clip, _, _ in new]
    for clip, _, captions in new:
        records += [
            Caption(clip.digest, each.text, each.language, each.captioner, each.version, each.prompt)
            for each in captions
        ]
    ledger.add([*records, *drops])


def _is_current(caption: Caption, curation: Curation) -> bool:
    """Whether a model wrote a caption with the current settings. Sidecars are always read again: they may change."""
    wanted = curation.captions
    return caption.captioner == wanted.model and caption.prompt == wanted.prompt and wanted.by != "sidecar"


def _likeness_rule(ledger: Ledger, policy: Policy) -> Callable[[Clip], DropReason | None]:
    """A clip that shows a person needs a consent on record."""
    decisions, revoked, consents = ledger.decisions(policy), Revocations.of(ledger.revocations()), ledger.consents()

    def check(clip: Clip) -> DropReason | None:
        decision = decide_clip(clip, decisions[clip.source], revoked, policy, consents, identify=ledger.identify)
        if decision.allowed:
            return None
        if clip.likeness is False:
            return DropReason("rights", decision.verdict.value, decision.rule)
        return DropReason("faces", "likeness" if clip.likeness else "not looked for", decision.rule)

    return check


def _check_take_down(revoked: RevokedLooks, fingerprints: ClipFingerprints) -> DropReason | None:
    """A clip that looks like a video whose owner had it taken down is not kept, whatever its bytes."""
    revocation = revoked.find([fingerprints])
    if revocation is None:
        return None
    detail = f"looks like a video revoked at {revocation.revoked_at}: {revocation.reason}"
    return DropReason("rights", "revoked", detail)


def _check_duplicate(copies: _Copies, clip: Clip, fingerprints: ClipFingerprints) -> DropReason | None:
    match = copies.find(clip, fingerprints)
    if match is None:
        return None
    name, share = match
    what = "it" if clip.is_picture else f"{share:.0%} of its frames"
    verb = "is" if clip.is_picture else "are"
    return DropReason("near-duplicates", "duplicate", f"{what} {verb} in clip {name[:12]}")


def _write_captions(
    captioner: Captioner, row: Row, place: str, curation: Curation
) -> tuple[list[WrittenCaption], DropReason | None]:
    """Write captions. An unreadable sidecar drops its clips; a model that does not answer stops the curation."""
    try:
        captions = captioner(local_path(place), clip_seconds(row), row["pictures"])
    except ValueError as error:
        if curation.captions.by != "sidecar":
            raise
        return [], DropReason("captions", "unreadable", str(error))
    if captions:
        return captions, None
    detail = "nobody has described this clip: put a .txt beside the file, or set captions.by to a model"
    return [], DropReason("captions", "no caption", detail)


def _outcome(
    row: Row, reason: DropReason | None, clip: Clip | None, captions: tuple[WrittenCaption, ...]
) -> ClipOutcome:
    pictures = row["pictures"] or []
    seconds = None if row["starts_at"] is None else clip_seconds(row)
    picture = pictures[len(pictures) // 2] if pictures else None
    return ClipOutcome(row["title"], seconds, picture, reason, clip, captions)


def _batches(files: Sequence[FootageFile], size: int) -> Iterator[Sequence[FootageFile]]:
    for start in range(0, len(files), size):
        yield files[start : start + size]
