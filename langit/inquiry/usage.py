"""Was this footage used? Answers for every model on this machine, those that ship with it and those trained here.

A model answers from this machine's ledger if that is the one it was trained from, else from the record or the table of
films that came with it. Answers are about exact content and, where the file itself was shown, about footage that looks
like it. Knows no server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import langit
from langit.bundle.provenance import FILE, Provenance, Undisclosed
from langit.bundle.record import bundle_snapshot
from langit.inquiry.lookup import lineage_over, with_its_own_record
from langit.ledger.answers import source_facts
from langit.ledger.artifacts import TrainedModel
from langit.ledger.lineage import Lineage
from langit.ledger.record import Clip, Source, check_sha256
from langit.ledger.store import Ledger

SHOWN: Final = (
    "source",
    "title",
    "creator",
    "licence",
    "kind",
    "rendered by",
    "size",
    "came from",
    "may be learnt from",
)
"""Facts of a source that anybody may see who has the file or its hash."""
LEDGER: Final = "ledger"


def find_usage(home: Path, content: str, alike: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """What is on record of footage.

    Args:
        home: whose ledger and models are asked.
        content: SHA-256 of the file, 64 hexadecimal digits.
        alike: clips on record that look like the file, with ``share`` and ``mirrored``.

    Returns:
        JSON values: ``used`` is yes, no or unknown; ``models`` says so of each, ``on_record`` lists sources.

    Raises:
        ValueError: ``content`` is not such a hash.
    """
    content = content.strip().lower().removeprefix("sha256:")
    check_sha256("hash", content)
    ledger = Ledger(home / LEDGER)
    lineage = lineage_over(ledger, home)
    alike = alike or {}
    sources = [source for source in lineage.sources.values() if source.content_sha256 == content]
    resembling = {lineage.clips[clip].source: match for clip, match in alike.items() if clip in lineage.clips}
    wanted = {source.digest for source in sources} | resembling.keys()
    models = [_ask(lineage, model, content, wanted) for model in lineage.artifacts.models]
    models += [_undisclosed(provenance) for provenance in undisclosed_models(home)]
    used = "yes" if any(model["used"] == "yes" for model in models) else "no"
    if used == "no" and any(model["used"] == "unknown" for model in models):
        used = "unknown"
    found = [*sources, *(lineage.sources[digest] for digest in resembling if digest not in {s.digest for s in sources})]
    return {
        "object": "usage",
        "sha256": content,
        "used": used,
        "models": models,
        "on_record": [_describe(lineage, source, resembling.get(source.digest)) for source in found],
        "barred": _barred(lineage, content),
        "ledger_entries": ledger.size,
    }


def _ask(lineage: Lineage, model: TrainedModel, content: str, wanted: Collection[str]) -> dict[str, Any]:
    """What one model was trained on, as far as it is about this footage."""
    answer: dict[str, Any] = {"model": model.name, "digest": model.digest, "used": "no", "why": ""}
    try:
        # A table of films alone is compared below: building its records takes seconds, and adds nothing.
        asked, whole = with_its_own_record(lineage, model) if model.record is not None else (lineage, model)
    except ValueError:
        return answer | {"used": "unknown", "why": "the record that came with it is damaged"}
    here = asked is lineage and lineage.continues(model)
    same = [source.digest for source in asked.sources.values() if source.content_sha256 == content]
    # Clips that look alike are this ledger's: another ledger names none of them.
    sources = {*same, *(wanted if here else ())}
    clips = [clip.digest for source in sources for clip in asked.clips_of(source)]
    sightings = [item for item in asked.sightings(clips) if item.model.digest == model.digest]
    if sightings:
        times = sum(item.seen.times for item in sightings)
        return answer | {"used": "yes", "why": f"its exposure log shows {times} sightings of {len(clips)} clips"}
    family = asked.artifacts.with_bases(whole)
    if any(content in each.films.values() for each in family):
        return answer | {"used": "yes", "why": "its own table of films lists it"}
    undisclosed = asked.artifacts.undisclosed.get(family[-1].base or "")
    if undisclosed is not None:
        return answer | {"used": "unknown", "why": f"it began with {undisclosed}"}
    if any(each.base is not None for each in family[-1:]):
        return answer | {"used": "unknown", "why": "it began with a model that is not here"}
    if any(stage.log is None for each in family for stage in each.stages) and not any(each.films for each in family):
        return answer | {"used": "unknown", "why": "the log of what it saw is not on this machine"}
    return answer


def _undisclosed(provenance: Provenance) -> dict[str, Any]:
    assert isinstance(provenance.ledger, Undisclosed)
    why = f"its makers, {provenance.ledger.makers}, do not disclose what it was trained on"
    digest = provenance.digest.removeprefix("sha256:")
    return {"model": provenance.model, "digest": digest, "used": "unknown", "why": why}


def undisclosed_models(home: Path) -> list[Provenance]:
    """Models on this machine whose makers do not disclose what they were trained on."""
    packaged = Path(langit.__file__).parent / "weights"
    found = []
    places = (*home.glob(f"models/*/{FILE}"), *home.glob(f"open-weights/*/{FILE}"), *packaged.glob(f"*/{FILE}"))
    for path in sorted(set(places)):
        try:
            provenance = Provenance.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # half a bundle: it can make nothing
        if isinstance(provenance.ledger, Undisclosed):
            found.append(provenance)
    return found


def _describe(lineage: Lineage, source: Source, match: Mapping[str, Any] | None) -> dict[str, Any]:
    facts = source_facts(lineage, source)
    found: dict[str, Any] = {name.replace(" ", "_"): facts[name] for name in SHOWN if facts.get(name)}
    clips: tuple[Clip, ...] = lineage.clips_of(source.digest)
    return found | {"clips": len(clips), "looks": None if match is None else dict(match)}


def _barred(lineage: Lineage, content: str) -> str | None:
    """Since when footage of this content may no longer be used, if somebody had it taken down."""
    probe = Source(kind="file", title="", content_sha256=content)
    found = lineage.revoked.find(probe)
    return None if found is None else found.revoked_at


def shipped_source(lineage: Lineage, content: str) -> tuple[TrainedModel, Source] | None:
    """The record of footage in what came with a model, where this machine's ledger has none."""
    for model in lineage.artifacts.models:
        if content not in model.films.values() and model.record is None:
            continue
        snapshot = bundle_snapshot(model)
        if snapshot is None:
            continue
        for source in snapshot.sources():
            if source.content_sha256 == content:
                return model, source
    return None
