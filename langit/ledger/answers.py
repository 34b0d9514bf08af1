"""What the ledger answers, as plain values that are the same in text and in JSON. Knows no command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.derived import Output
    from langit.ledger.lineage import Descendants, Lineage, Sighting
    from langit.ledger.receipt import CheckedReceipt
    from langit.ledger.record import Clip, Record, Source

Fields = dict[str, Any]
FEW = 5
"""Things of a list that are named; ``--all`` names every one."""


def format_text(said: Fields, indent: str = "") -> list[str]:
    """Lines for people: a label, then its value; lists and tables indented below."""
    lines = []
    for label, value in said.items():
        if value in (None, "", (), [], {}):
            continue
        if isinstance(value, dict):
            lines += [f"{indent}{label}:", *format_text(value, indent + "  ")]
        elif isinstance(value, (list, tuple)):
            lines += [f"{indent}{label}:"]
            for item in value:
                under = format_text(item, indent + "    ") if isinstance(item, dict) else [f"{indent}  {item}"]
                lines += [f"{indent}  - {under[0].strip()}", *under[1:]] if isinstance(item, dict) else under
        else:
            lines.append(f"{indent}{label}: {value}")
    return lines


def shorten(items: Sequence[Any], every: bool) -> list[Any]:
    """The first few of a list, and how many more there are."""
    if every or len(items) <= FEW:
        return list(items)
    return [*items[:FEW], f"… and {len(items) - FEW} more (--all names them)"]


def describe(lineage: Lineage, found: Sequence[Record | TrainedModel], every: bool) -> Fields:
    """What there is to say of what was found under one hash or name: a source goes before its clips."""
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.derived import Output
    from langit.ledger.record import Clip, Source

    first = found[0]
    if isinstance(first, TrainedModel):
        return describe_model(lineage, first, every)
    if isinstance(first, Source):
        others = [item for item in found[1:] if isinstance(item, Source)]
        also = {"entered again as": [f"source {item.digest}: {item.title}" for item in others]} if others else {}
        return describe_source(lineage, first, every) | also
    if isinstance(first, Clip):
        return describe_clip(lineage, first, every)
    if isinstance(first, Output):
        return describe_output(lineage, first, every)
    return describe_record(lineage, first)


def describe_record(lineage: Lineage, record: Record) -> Fields:
    """A record as it stands, with what it names."""
    import json

    from langit.ledger.lines import references

    said: Fields = json.loads(record.canonical)
    names = {lineage.get(digest).record: digest for digest in references(record)}
    return {said.pop("record"): record.digest} | said | {f"of {kind}": digest for kind, digest in names.items()}


def source_facts(lineage: Lineage, source: Source) -> Fields:
    """Whose a source is, by the ledger."""
    decision = lineage.decisions[source.digest]
    statements = [
        f"{item.recorded_at}: "
        + ", ".join(filter(None, (item.licence, item.holder, item.consent and f"consent {item.consent}")))
        for item in lineage.rights_in(source.digest)
    ]
    signals = [f"{item.scheme} {item.says}, read from {item.where}" for item in lineage.signals_on(source.digest)]
    made = f"{source.generator} {source.generator_version}, seed {source.seed}" if source.generator else None
    return {
        "source": source.digest,
        "title": source.title,
        "creator": source.creator or "not on record",
        "licence": source.licence or "not on record",
        "kind": source.kind,
        "rendered by": made,
        "size": source.size,
        "came from": source.url,
        "fetched at": source.fetched_at,
        "content": source.content_sha256,
        "evidence": list(source.evidence),
        "stated later": statements,
        "opt-out signals": signals,
        "may be learnt from": f"{decision.verdict.value}: {decision.rule}",
    }


def describe_source(lineage: Lineage, source: Source, every: bool) -> Fields:
    """A source, and what came of it."""
    clips = lineage.clips_of(source.digest)
    digests = [clip.digest for clip in clips]
    drops = [f"{item.stage}: {item.reason} ({item.detail})" for item in lineage.drops_of([source.digest, *digests])]
    return source_facts(lineage, source) | {
        "clips": shorten([clip_line(clip) for clip in clips], every) or "none",
        "dropped": shorten(drops, every),
        **descendants(lineage, source, clips, every),
    }


def describe_clip(lineage: Lineage, clip: Clip, every: bool) -> Fields:
    """A clip, its source, and what came of it."""
    source = lineage.sources[clip.source]
    revoked = lineage.revoked.find(clip)
    captions = [*clip.captions, *(f"{item.text} ({item.captioner})" for item in lineage.captions_of([clip.digest]))]
    return {
        "clip": clip.digest,
        "frames": f"{clip.frames} from frame {clip.start}" + (", mirrored" if clip.mirrored else ""),
        "content": clip.content_sha256,
        "captions": shorten(captions, every),
        "revoked": f"{revoked.revoked_at}: {revoked.reason}" if revoked else None,
        **descendants(lineage, None, (clip,), every),
        "of": source_facts(lineage, source),
    }


def descendants(lineage: Lineage, source: Source | None, clips: Sequence[Clip], every: bool) -> Fields:
    """Manifests with the clips, models that saw them, and the videos that these made."""
    digests = [clip.digest for clip in clips]
    sightings = lineage.sightings(digests)
    listed = [
        f"{model_line(model)} lists it; no exposure log that is here shows when it was seen"
        for model in (lineage.models_listing(source) if source else ())
    ]
    models = {item.model.digest for item in sightings}
    outputs = [output for output in lineage.outputs if output.model in models]
    return {
        "manifests": [f"{item.name} ({item.digest})" for item in lineage.manifests_with(digests)],
        "models": [*sighting_lines(sightings), *listed] or "no model here saw it",
        "videos made by these models": shorten([item.content_sha256 for item in outputs], every),
    }


def sighting_lines(sightings: Iterable[Sighting]) -> list[str]:
    """A line for each stage of each model: how often it saw the clips, and when."""
    found: dict[tuple[str, str], list[Sighting]] = {}
    for item in sightings:
        found.setdefault((item.model.digest, item.stage.name), []).append(item)
    lines = []
    for group in found.values():
        model, stage = group[0].model, group[0].stage
        times, first = sum(item.seen.times for item in group), min(item.seen.first for item in group)
        last = max(item.seen.last for item in group)
        clips = f", {len(group)} clips" if len(group) > 1 else ""
        when = f"{times} times in steps {first} to {last} of {stage.steps}{clips}"
        lines.append(f"{model_line(model)} saw it in stage {stage.name}: {when}")
    return lines


def describe_model(lineage: Lineage, model: TrainedModel, every: bool) -> Fields:
    """A model, and the sources that it was trained on."""
    size = lineage.ledger.size
    same = lineage.continues(model)
    state = f"{model.origin} at {model.ledger_size} entries, root {model.ledger_root}"
    sources = lineage.sources_of(model) if same else {}
    clips = lineage.clips_seen_by(model) if same else {}
    counted = Counter((item.kind, item.creator, item.licence) for item in sources.values())
    unread = [stage.name for stage in model.stages if stage.log is None]
    revoked = lineage.revoked_among(clips.values())
    kinds = [
        f"{count} {kind}, by {creator or 'nobody on record'}, {licence or 'no licence on record'}"
        for (kind, creator, licence), count in counted.most_common()
    ]
    return {
        "model": f"{model.name} {model.version}",
        "provenance": model.digest,
        "folder": str(model.place),
        "began with": _base_line(lineage, model),
        "trained from": state,
        "this ledger": f"began with those entries, and has {size} now" if same else f"is another one ({size} entries)",
        "stages": [f"{s.name}: {s.steps} steps, a clip seen {s.rows} times, root {s.root[:16]}…" for s in model.stages],
        "clips seen": len(clips) if clips else None,
        "exposure logs not here": unread,
        "sources": kinds or f"{len(model.films)} films in its own table; none of them is in this ledger",
        "named": shorten([source_line(item) for item in sources.values()], every) if sources else None,
        "revoked since": shorten([clip_line(clip) for clip in revoked], every) or ("nothing" if clips else None),
        "entered in the ledger": [
            f"{item.run}, recorded at {item.recorded_at}" for item in lineage.exposures_of(model)
        ],
        "videos": sum(output.model == model.digest for output in lineage.outputs) or None,
    }


def _base_line(lineage: Lineage, model: TrainedModel) -> str | None:
    """The model whose weights another began with."""
    if model.base is None:
        return None
    _, *bases = lineage.artifacts.with_bases(model)
    if not bases:
        return f"model {model.base}, which is not here: what it saw is not listed"
    return f"{model_line(bases[0])}, whose sources are listed as well"


def describe_output(lineage: Lineage, output: Output, every: bool) -> Fields:
    """A video that a model made."""
    parents = [parent for parent in output.parents if parent]
    models = [model for model in lineage.artifacts.models if model.digest == output.model]
    return {
        "video": output.content_sha256,
        "made at": output.made_at,
        "from footage": parents,
        "made by": describe_model(lineage, models[0], every) if models else f"model {output.model}, which is not here",
    }


def describe_descendants(reach: Descendants, every: bool) -> Fields:
    """What came of footage that is to be revoked."""
    runs = [
        f"{log.run}, stage {log.stage}: "
        + (f"{seen.times} times in steps {seen.first} to {seen.last}" if seen.times else "began with weights that had")
        + (
            f"; checkpoints {', '.join(log.checkpoints[step].name for step in steps)}"
            if steps
            else "; no checkpoint left"
        )
        for log, seen, steps in reach.runs
    ]
    listed = [f"{model_line(model)} lists it; no exposure log that is here shows when" for model in reach.listed]
    return {
        "sources": shorten([source_line(item) for item in reach.sources], every),
        "clips": shorten([clip_line(item) for item in reach.clips], every) or "none that is on record",
        "captions": len(reach.captions) + sum(len(clip.captions) for clip in reach.clips),
        "manifests": [f"{item.name} ({item.digest})" for item in reach.manifests],
        "latents": shorten([str(item.path) for item in reach.latents], every),
        "runs": runs,
        "models": [*sighting_lines(reach.sightings), *listed],
        "videos made by these models": shorten([item.content_sha256 for item in reach.outputs], every),
    }


def describe_receipt(shown: CheckedReceipt) -> Fields:
    """What a receipt shows."""
    import json

    said = {item.record: json.loads(item.canonical) for item in (shown.record, *shown.named)}
    for record in said.values():
        record.pop("record")
    return {
        "entry": f"{shown.entry} of {shown.state.size} in {shown.state.origin}, root {shown.state.root.hex()}",
        "record": shown.record.digest,
        **said,
    }


def clip_line(clip: Clip) -> str:
    """A clip in a line."""
    return f"{clip.digest} frames {clip.start} to {clip.start + clip.frames - 1}{', mirrored' if clip.mirrored else ''}"


def source_line(source: Source) -> str:
    """A source in a line."""
    creator, licence = source.creator or "creator not on record", source.licence or "licence not on record"
    return f"{source.digest} {source.title!r}, {creator}, {licence}"


def model_line(model: TrainedModel) -> str:
    """A model in a few words."""
    return f"{model.name} ({model.digest[:16]}…, {model.place})"
