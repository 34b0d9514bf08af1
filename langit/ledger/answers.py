"""What the ledger answers, as plain values that are the same in text and in JSON. Knows no command line.

Titles, reasons and addresses are other people's words: :func:`format_text` shows each on one line, with control
characters escaped, so that none of them can imitate an answer. JSON holds them as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from langit.printable import one_line

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.derived import Output
    from langit.ledger.lineage import Descendants, Lineage, Sighting
    from langit.ledger.receipt import CheckedReceipt
    from langit.ledger.record import Clip, Record, Source

Fields = dict[str, Any]
FEW = 5
"""Items of a list that are shown; ``--all`` shows every one."""
LONGEST = 1000
"""Characters of a value that are shown."""


def format_text(fields: Fields, indent: str = "") -> list[str]:
    """Lines for people: a label, then its value; lists and tables indented below. Empty values are left out."""
    lines = []
    for label, value in fields.items():
        name = one_line(label, LONGEST)
        if value in (None, "", (), [], {}):
            continue
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *format_text(value, indent + "  ")]
        elif isinstance(value, (list, tuple)):
            lines += [f"{indent}{name}:"]
            for item in value:
                if isinstance(item, dict):
                    under = format_text(item, indent + "    ")
                    lines += [f"{indent}  - {under[0].strip()}", *under[1:]]
                else:
                    lines.append(f"{indent}  {one_line(item, LONGEST)}")
        else:
            lines.append(f"{indent}{name}: {one_line(value, LONGEST)}")
    return lines


def shorten(items: Sequence[Any], every: bool) -> list[Any]:
    """The first few of a list, and how many more there are."""
    if every or len(items) <= FEW:
        return list(items)
    return [*items[:FEW], f"… and {len(items) - FEW} more (--all lists them)"]


def describe(lineage: Lineage, found: Sequence[Record | TrainedModel], every: bool) -> Fields:
    """What is known of the things that one hash or name refers to: a source before its clips."""
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
    """A record as it is, with the records that it names."""
    import json

    from langit.ledger.lines import references

    fields: Fields = json.loads(record.canonical)
    names = {lineage.get(digest).record: digest for digest in references(record)}
    return {fields.pop("record"): record.digest} | fields | {f"of {kind}": digest for kind, digest in names.items()}


def source_facts(lineage: Lineage, source: Source) -> Fields:
    """Where a source came from and what is on record of its rights."""
    from langit.ledger.correction import superseded_digests

    decision = lineage.decisions[source.digest]
    later = lineage.rights_in(source.digest)
    gone = superseded_digests(later)
    statements = []
    for item in later:
        parts = (item.licence, item.holder, item.consent and f"consent {item.consent}", item.reason)
        note = " (superseded)" if item.digest in gone else ""
        statements.append(f"{item.recorded_at}: {', '.join(filter(None, parts))}{note}")
    signals = [f"{item.scheme} {item.says}, read from {item.where}" for item in lineage.signals_on(source.digest)]
    rendered = f"{source.generator} {source.generator_version}, seed {source.seed}"
    licence = source.licence or "not on record"
    return {
        "source": source.digest,
        "title": source.title,
        "creator": source.creator or "not on record",
        "licence": f"{licence} (superseded)" if source.digest in gone else licence,
        "kind": source.kind,
        "rendered by": rendered if source.kind == "rendered" else None,
        "made by a model": source.generator if source.kind == "synthetic" else None,
        "made from": list(source.parents),
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
    """A source, and what was made from it."""
    clips = lineage.clips_of(source.digest)
    digests = [clip.digest for clip in clips]
    drops = [f"{item.stage}: {item.reason} ({item.detail})" for item in lineage.drops_of([source.digest, *digests])]
    return source_facts(lineage, source) | {
        "clips": shorten([clip_line(clip) for clip in clips], every) or "none",
        "dropped": shorten(drops, every),
        **descendants(lineage, source, clips, every),
    }


def describe_clip(lineage: Lineage, clip: Clip, every: bool) -> Fields:
    """A clip, its source, and what was made from it."""
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
    """Manifests with the clips, models that saw them, and the videos that these models made."""
    digests = [clip.digest for clip in clips]
    sightings = lineage.sightings(digests)
    listed = [
        f"{model_line(model)} lists it; no exposure log on this machine shows when it was seen"
        for model in (lineage.models_listing(source) if source else ())
    ]
    models = {item.model.digest for item in sightings}
    outputs = [output for output in lineage.outputs if models.intersection(output.weights)]
    return {
        "manifests": [f"{item.name} ({item.digest})" for item in lineage.manifests_with(digests)],
        "models": [*sighting_lines(sightings), *listed] or "no model on this machine saw it",
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
    same = lineage.continues(model)
    state = f"{model.origin} at {model.ledger_size} entries, root {model.ledger_root}"
    sources = lineage.sources_of(model) if same else {}
    clips = lineage.clips_seen_by(model) if same else {}
    counted = Counter((item.kind, item.creator, item.licence) for item in sources.values())
    unread = [stage.name for stage in model.stages if stage.log is None]
    revoked = lineage.revoked_among(clips.values())
    kinds = [
        f"{count} {kind}, by {creator or 'an unknown creator'}, {licence or 'no licence on record'}"
        for (kind, creator, licence), count in counted.most_common()
    ]
    return {
        "model": f"{model.name} {model.version}",
        "provenance": model.digest,
        "folder": str(model.place),
        "began with": _base_line(lineage, model),
        "trained from": state,
        "answered from": _answered_from(lineage, same),
        "stages": [f"{s.name}: {s.steps} steps, {s.rows} clips in all, root {s.root[:16]}…" for s in model.stages],
        "clips seen": len(clips) if clips else None,
        "exposure logs not here": ", ".join(unread),
        "sources": kinds or f"{len(model.films)} films in its own table; none of them is in this ledger",
        "listed": shorten([source_line(item) for item in sources.values()], every) if sources else None,
        "revoked since": shorten([clip_line(clip) for clip in revoked], every) or ("nothing" if clips else None),
        "entered in the ledger": [
            f"{item.run}, recorded at {item.recorded_at}" for item in lineage.exposures_of(model)
        ],
        "videos": sum(model.digest in output.weights for output in lineage.outputs) or None,
    }


def _answered_from(lineage: Lineage, same: bool) -> str:
    """Which records the answer rests on."""
    from langit.ledger.snapshot import Snapshot

    ledger = lineage.ledger
    if isinstance(ledger, Snapshot):
        return (
            f"what came with the model: {len(ledger.records)} of those entries, proven to be in that log;"
            " this machine's ledger is another one"
        )
    if same:
        return f"this machine's ledger, which began with those entries and has {ledger.size} now"
    return f"this machine's ledger, which is another one ({ledger.size} entries)"


def _base_line(lineage: Lineage, model: TrainedModel) -> str | None:
    """The model whose weights another began with."""
    if model.base is None:
        return None
    _, *bases = lineage.artifacts.with_bases(model)
    if model.base in lineage.artifacts.undisclosed:
        return lineage.artifacts.undisclosed[model.base]
    if not bases:
        return f"model {model.base}, which is not here: what it saw is not listed"
    if lineage.continues(bases[0]):
        return f"{model_line(bases[0])}, whose sources are listed as well"
    return f"{model_line(bases[0])}, of another ledger: `langit ledger whose {bases[0].digest[:16]}` lists its sources"


def describe_output(lineage: Lineage, output: Output, every: bool) -> Fields:
    """A video that a model made."""
    parents = [parent for parent in output.parents if parent]
    models = [model for model in lineage.artifacts.models if model.digest == output.model]
    tuned = {model.digest: model for model in lineage.artifacts.models if model.digest in output.tuned}
    return {
        "video": output.content_sha256,
        "made at": output.made_at,
        "from footage": parents,
        "made by": describe_model(lineage, models[0], every)
        if models
        else lineage.artifacts.undisclosed.get(output.model, f"model {output.model}, which is not on this machine"),
        "tuned by": [
            describe_model(lineage, tuned[digest], every)
            if digest in tuned
            else f"{digest}, of which this machine does not know what it was trained on"
            for digest in output.tuned
        ],
    }


def describe_descendants(traced: Descendants, every: bool) -> Fields:
    """What was made from footage that is to be revoked."""
    runs = []
    for log, seen, steps in traced.runs:
        when = (
            f"{seen.times} times in steps {seen.first} to {seen.last}" if seen.times else "began with weights that had"
        )
        names = ", ".join(log.checkpoints[step].name for step in steps)
        left = f"; checkpoints {names}" if steps else "; no checkpoint left"
        runs.append(f"{log.run}, stage {log.stage}: {when}{left}")
    listed = [f"{model_line(model)} lists it; no exposure log on this machine shows when" for model in traced.listed]
    return {
        "sources": shorten([source_line(item) for item in traced.sources], every),
        "clips": shorten([clip_line(item) for item in traced.clips], every) or "none that is on record",
        "captions": len(traced.captions) + sum(len(clip.captions) for clip in traced.clips),
        "manifests": [f"{item.name} ({item.digest})" for item in traced.manifests],
        "latents": shorten([str(item.path) for item in traced.latents], every),
        "runs": runs,
        "models": [*sighting_lines(traced.sightings), *listed],
        "videos made by these models": shorten([item.content_sha256 for item in traced.outputs], every),
    }


def describe_receipt(shown: CheckedReceipt) -> Fields:
    """What a receipt shows."""
    import json

    records = {item.record: json.loads(item.canonical) for item in (shown.record, *shown.named)}
    for record in records.values():
        record.pop("record")
    return {
        "entry": f"{shown.entry} of {shown.state.size} in {shown.state.origin}, root {shown.state.root.hex()}",
        "record": shown.record.digest,
        **records,
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
