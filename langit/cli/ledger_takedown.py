"""What a person asks to be taken down, found on record, and the answer they get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langit.files import sha256

if TYPE_CHECKING:
    from langit.curate.duplicates import ClipFingerprints
    from langit.ledger.lineage import Descendants, Lineage
    from langit.ledger.record import Record, RevokedBy
    from langit.ledger.store import Ledger


@dataclass(frozen=True)
class TakeDown:
    """The records that are meant, what they are to be revoked by, and how they were found."""

    records: tuple[Record, ...]
    targets: tuple[tuple[RevokedBy, str], ...]
    looks: tuple[ClipFingerprints, ...] = ()
    resemblances: tuple[str, ...] = ()
    by_looks: bool = False

    def entries(self, ledger: Ledger) -> Iterator[tuple[RevokedBy, str]]:
        """What to enter, with the looks of the video kept as evidence first."""
        from langit.curate.takedown import keep_looks

        yield from self.targets
        if self.looks:
            yield "looks", keep_looks(ledger, self.looks)


def resolve_revocation(
    lineage: Lineage, ledger: Ledger, hash: str | None, url: str | None, like: Path | None
) -> TakeDown:
    """Find what a person means. Content, addresses and looks also bar what is entered later.

    Raises:
        ValueError: not exactly one thing was named, or a hash that is not a whole one is not on record.
    """
    from langit.ledger.addresses import comparable_address
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.record import SHA256, Source

    if sum(item is not None for item in (hash, url, like)) != 1:
        raise ValueError("name what to revoke by one of --hash, --url and --like")
    if url is not None:
        wanted = comparable_address(url)
        there = (item for item in lineage.sources.values() if item.url and comparable_address(item.url) == wanted)
        return TakeDown(tuple(there), (("url", url),))
    if like is not None:
        return _resolve_looks(lineage, ledger, like)
    digits = str(hash).strip().lower().removeprefix("sha256:")
    try:
        found = lineage.find(digits)
    except ValueError:
        if not SHA256.fullmatch(digits):
            raise
        return TakeDown((), (("content", digits),))
    first = found[0]
    if isinstance(first, TrainedModel):
        raise ValueError(f"{digits[:16]}… is a model, and footage is what is revoked: name some that it was trained on")
    records = tuple(item for item in found if not isinstance(item, TrainedModel))
    if digits in {getattr(item, "content_sha256", None) for item in records} or isinstance(first, Source):
        contents = {str(getattr(item, "content_sha256", first.digest)) for item in records}
        return TakeDown(records, tuple(("content", item) for item in sorted(contents)))
    return TakeDown(records, (("record", first.digest),))


def _resolve_looks(lineage: Lineage, ledger: Ledger, path: Path) -> TakeDown:
    """A video's own content, its looks, and the content of every source of which a clip looks like it."""
    from langit.curate.alike import sample_looks, similar_clips

    digest = sha256(path)
    alike = similar_clips(ledger.place, lineage.clips, path)
    sources = {lineage.clips[clip].source: lineage.sources[lineage.clips[clip].source] for clip in alike}
    exact = {source.digest: source for source in lineage.sources.values() if source.content_sha256 == digest}
    wanted = exact | sources
    contents = dict.fromkeys([digest, *(source.content_sha256 for source in wanted.values())])
    clips = tuple(lineage.clips[clip] for clip in alike)
    lines = tuple(
        f"clip {clip} of {lineage.sources[lineage.clips[clip].source].title!r}:"
        f" {match.share:.0%} of its fingerprints agree{match.note}"
        for clip, match in sorted(alike.items())
    )
    targets: tuple[tuple[RevokedBy, str], ...] = tuple(("content", content) for content in contents)
    return TakeDown((*wanted.values(), *clips), targets, sample_looks(path), lines, by_looks=True)


def describe_take_down(
    lineage: Lineage, request: TakeDown, traced: Descendants, every: bool, purge: bool
) -> dict[str, Any]:
    """What is barred now, what was made from it, and what could have been missed."""
    from langit.curate.takedown import KNOWN_MISSES
    from langit.ledger.answers import describe_descendants

    answer: dict[str, Any] = {}
    if request.by_looks:
        answer["looks like it"] = list(request.resemblances) or "no clip on record"
        answer["from now on"] = (
            "footage that looks like it is refused by `ledger add` and by curation"
            if request.looks
            else "its content is refused; it has too little detail to be recognised by its looks"
        )
        answer["could be missed"] = f"a copy that was {KNOWN_MISSES}; footage that was never curated"
    if not request.records:
        answer["found"] = "nothing on record matches; what is entered later is barred all the same"
    answer |= describe_descendants(traced, every)
    if purge:
        for item in traced.latents:
            item.path.unlink(missing_ok=True)
        answer["removed"] = f"{len(traced.latents)} files of latents; what else they held is encoded again when needed"
    elif traced.latents:
        answer["kept"] = f"{len(traced.latents)} files of latents, which no run will read: --purge removes them"
    if traced.models:
        answer["models that saw it"] = (
            "stay as they are: what was learnt cannot be taken out. Train again from the ledger as it is now"
        )
    allowed = sum(decision.allowed for decision in lineage.decisions.values())
    answer["stays allowed"] = f"{allowed} of {len(lineage.sources)} sources"
    return answer
