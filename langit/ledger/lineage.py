"""Where footage went and where a model came from: source, clip, manifest, model, video, in both directions.

Joins a ledger's records with what was made outside it (``artifacts``). Knows nothing of how to present the answer, nor
of pictures: rooms below find clips that look alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from langit.ledger.artifacts import Artifacts, ExposureFile, Latents, TrainedModel, TrainingStage
from langit.ledger.derived import Caption, Drop, Manifest, Output, RunExposure
from langit.ledger.exposures import ClipExposure
from langit.ledger.policy import Policy
from langit.ledger.reader import LedgerReader
from langit.ledger.record import Clip, Consent, Record, Revocation, Rights, Signal, Source
from langit.ledger.rights import Revocations
from langit.ledger.verdict import Decision

Kind = TypeVar("Kind", bound=Record)

SHORTEST = 6
"""Hexadecimal digits of a hash that are enough to look for."""
LISTED = 8
"""Candidates that an error lists."""


@dataclass(frozen=True)
class Sighting:
    """That a stage of a model's training saw a clip."""

    model: TrainedModel
    stage: TrainingStage
    clip: str
    seen: ClipExposure


class Lineage:
    """A ledger's records, indexed by what they depend on, and what was made from them outside the ledger."""

    def __init__(self, ledger: LedgerReader, artifacts: Artifacts, policy: Policy | None = None) -> None:
        self.ledger, self.artifacts, self.policy = ledger, artifacts, policy or Policy()

    @cached_property
    def sources(self) -> dict[str, Source]:
        """By digest, in order of entry."""
        return {source.digest: source for source in self.ledger.sources()}

    @cached_property
    def clips(self) -> dict[str, Clip]:
        """By digest, in order of entry."""
        return {clip.digest: clip for clip in self.ledger.clips()}

    @cached_property
    def others(self) -> dict[str, Record]:
        """Records that are neither sources nor clips, by digest."""
        ledger = self.ledger
        kinds: tuple[tuple[Record, ...], ...] = (
            ledger.rights(),
            ledger.consents(),
            ledger.likenesses(),
            ledger.requests(),
            ledger.answers(),
            ledger.signals(),
            ledger.captions(),
            ledger.drops(),
            ledger.manifests(),
            ledger.exposures(),
            ledger.outputs(),
            ledger.revocations(),
        )
        return {record.digest: record for records in kinds for record in records}

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """What the policy says of each source now."""
        return self.ledger.decisions(self.policy)

    @cached_property
    def revoked(self) -> Revocations:
        """All revocations."""
        return Revocations.of(self._of(Revocation))

    def _of(self, kind: type[Kind]) -> Iterator[Kind]:
        return (record for record in self.others.values() if isinstance(record, kind))

    def get(self, digest: str) -> Record:
        """The record of that digest.

        Raises:
            KeyError: there is none.
        """
        return self.sources.get(digest) or self.clips.get(digest) or self.others[digest]

    def find(self, text: str) -> tuple[Record | TrainedModel, ...]:
        """What a hash, the beginning of one, a URL or a model's name refers to: records of one hash, or a model.

        A content hash finds every record of that content, sources first.

        Raises:
            ValueError: it refers to nothing, or to several things; the message lists them.
        """
        digits = text.strip().removeprefix("sha256:").lower()
        named = [model for model in self.artifacts.models if model.name == text]
        # A name means a model that can be used; one whose record alone is here is asked for by its hash.
        named = [model for model in named if not model.is_record_alone] or named
        if "/" in text or "." in text:
            found = tuple(source for source in self.sources.values() if source.url == text)
            if not found and "://" in text:
                raise ValueError(f"no source in {self.ledger.name} came from {text}: give the address on record")
            if found:
                return found
        if not re.fullmatch(r"[0-9a-f]+", digits) or named:
            if len({model.digest for model in named}) == 1:
                return (named[0],)
            if named:
                places = "; ".join(f"{model.digest[:16]} in {model.place}" for model in named)
                raise ValueError(f"several models are named {text!r}: give the hash of one of them: {places}")
            known = ", ".join(sorted({model.name for model in self.artifacts.models})) or "none"
            raise ValueError(f"{text!r} is not a file, a hash, a URL or a model on this machine (models: {known})")
        if len(digits) < SHORTEST or len(digits) > 64:
            raise ValueError(f"{text!r} is not a hash to look for: give {SHORTEST} to 64 hexadecimal digits")
        matches: dict[str, list[Record | TrainedModel]] = {}
        for name, thing in self._names():
            if name.startswith(digits) and thing not in matches.setdefault(name, []):
                matches[name].append(thing)
        matches = {name: things for name, things in matches.items() if things}
        if not matches:
            raise ValueError(f"nothing in {self.ledger.name} has the hash {text}, and no model on this machine has it")
        if len(matches) > 1:
            listed = [f"{_kind(things[0])} {name[: len(digits) + 8]}…" for name, things in sorted(matches.items())]
            more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
            raise ValueError(
                f"{len(matches)} hashes begin with {text}: {', '.join(listed[:LISTED])}{more}; give more digits"
            )
        return tuple(next(iter(matches.values())))

    def _names(self) -> Iterator[tuple[str, Record | TrainedModel]]:
        """Every hash that identifies something."""
        for source in self.sources.values():
            yield source.content_sha256, source
        for clip in self.clips.values():
            yield clip.content_sha256, clip
            if clip.fingerprint_sha256:
                yield clip.fingerprint_sha256, clip
        yield from (*self.sources.items(), *self.clips.items(), *self.others.items())
        for output in self.outputs:
            yield output.content_sha256, output
        for model in self.artifacts.models:
            yield model.digest, model

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """All released videos and images."""
        return tuple(self._of(Output))

    @cached_property
    def _clips_by_source(self) -> dict[str, list[Clip]]:
        found: dict[str, list[Clip]] = {}
        for clip in self.clips.values():
            found.setdefault(clip.source, []).append(clip)
        return found

    def clips_of(self, source: str) -> tuple[Clip, ...]:
        """The clips cut from a source."""
        return tuple(self._clips_by_source.get(source, ()))

    def rights_in(self, source: str) -> tuple[Rights, ...]:
        """The later statements on the rights in a source."""
        return tuple(record for record in self._of(Rights) if record.source == source)

    def signals_on(self, source: str) -> tuple[Signal, ...]:
        """The opt-out signals that were read of a source."""
        return tuple(record for record in self._of(Signal) if record.source == source)

    def captions_of(self, clips: Iterable[str]) -> tuple[Caption, ...]:
        """The captions that were written of clips."""
        wanted = {*clips}
        return tuple(item for item in self._of(Caption) if item.clip in wanted)

    def consents_of(self, digests: Iterable[str]) -> tuple[Consent, ...]:
        """The consents that cover sources or clips."""
        wanted = {*digests}
        return tuple(item for item in self._of(Consent) if item.covers in wanted)

    def drops_of(self, digests: Iterable[str]) -> tuple[Drop, ...]:
        """The rejections of sources or clips."""
        wanted = {*digests}
        return tuple(item for item in self._of(Drop) if item.source in wanted or item.clip in wanted)

    @cached_property
    def listings(self) -> dict[str, frozenset[str]]:
        """The clips of every manifest, by the manifest's digest.

        Raises:
            ValueError: a listing is missing from the evidence, or was changed.
        """
        return {item.digest: frozenset(read_listing(self.ledger, item)) for item in self.manifests}

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests, in order of entry."""
        return tuple(self._of(Manifest))

    def manifests_with(self, clips: Iterable[str]) -> tuple[Manifest, ...]:
        """The manifests that list any of the clips."""
        wanted = {*clips}
        return tuple(item for item in self.manifests if wanted & self.listings[item.digest])

    def sightings(self, clips: Iterable[str]) -> tuple[Sighting, ...]:
        """Where models on this machine saw the clips, as far as their exposure logs are at hand."""
        wanted = sorted({*clips})
        found = []
        for model in self.artifacts.models:
            for ancestor in self.artifacts.with_bases(model):
                for stage in ancestor.stages:
                    seen = stage.log.seen if stage.log else {}
                    named = stage if ancestor is model else replace(stage, name=f"{stage.name} of {ancestor.name}")
                    found += [Sighting(model, named, clip, seen[clip]) for clip in wanted if clip in seen]
        return tuple(found)

    def models_listing(self, source: Source) -> tuple[TrainedModel, ...]:
        """Models that list a source among their films, though no exposure log at hand shows its clips."""
        seen = {id(item.model) for item in self.sightings(clip.digest for clip in self.clips_of(source.digest))}
        return tuple(
            model
            for model in self.artifacts.models
            if id(model) not in seen
            and any(source.content_sha256 in ancestor.films.values() for ancestor in self.artifacts.with_bases(model))
        )

    def exposures_of(self, model: TrainedModel) -> tuple[RunExposure, ...]:
        """The ledger's entries on the training of a model."""
        return model_exposures(self._of(RunExposure), model.digest, {stage.root for stage in model.stages})

    def clips_seen_by(self, model: TrainedModel) -> dict[str, Clip]:
        """The clips that the exposure logs of a model and its bases name and this ledger has."""
        stages = (stage for ancestor in self.artifacts.with_bases(model) for stage in ancestor.stages)
        digests = {clip for stage in stages if stage.log for clip in stage.log.seen}
        return {digest: clip for digest, clip in self.clips.items() if digest in digests}

    def sources_of(self, model: TrainedModel) -> dict[str, Source]:
        """A model's sources that this ledger has: of the clips that it saw, and of the tables of films (bases too)."""
        wanted = {clip.source for clip in self.clips_seen_by(model).values()}
        contents = {film for ancestor in self.artifacts.with_bases(model) for film in ancestor.films.values()}
        return {
            digest: source
            for digest, source in self.sources.items()
            if digest in wanted or source.content_sha256 in contents
        }

    def continues(self, model: TrainedModel) -> bool:
        """Whether this ledger began as the one that the model was trained from."""
        top = self.ledger.root_at(model.ledger_size)
        return top is not None and top.hex() == model.ledger_root

    def revoked_among(self, clips: Iterable[Clip]) -> tuple[Clip, ...]:
        """Those of the clips that are revoked, themselves or with their source."""
        barred = {digest for digest, source in self.sources.items() if self.revoked.find(source)}
        return tuple(clip for clip in clips if clip.source in barred or self.revoked.find(clip))


def model_exposures(entries: Iterable[RunExposure], model: str, roots: set[str]) -> tuple[RunExposure, ...]:
    """The entries on the training of one model: those that name it, or name no model and one of its exposure logs.

    An entry that names another model is never this one's, even if both saw the same clips in the same order, as an
    autoencoder does that two runs train alike.
    """
    return tuple(item for item in entries if item.model == model or (item.model is None and item.root in roots))


def read_listing(ledger: LedgerReader, manifest: Manifest) -> tuple[str, ...]:
    """The digests of a manifest's clips, in its order.

    Raises:
        ValueError: the evidence is missing or was changed.
    """
    return tuple(ledger.evidence_bytes(manifest.listing).decode().split())


@dataclass(frozen=True)
class Descendants:
    """Everything that was made from some clips: what a take-down has to consider."""

    sources: tuple[Source, ...]
    clips: tuple[Clip, ...]
    captions: tuple[Caption, ...]
    manifests: tuple[Manifest, ...]
    latents: tuple[Latents, ...]
    runs: tuple[tuple[ExposureFile, ClipExposure, tuple[int, ...]], ...]
    """Stages of runs that saw any of the clips or began with weights that had, and their checkpoints by step."""
    sightings: tuple[Sighting, ...]
    listed: tuple[TrainedModel, ...]
    """Models that list a source among their films; no log at hand shows when they saw it."""
    outputs: tuple[Output, ...]

    @property
    def models(self) -> tuple[TrainedModel, ...]:
        """Each model once."""
        found = {item.model.digest: item.model for item in self.sightings}
        return tuple({**found, **{model.digest: model for model in self.listed}}.values())


def trace_descendants(lineage: Lineage, records: Iterable[Record]) -> Descendants:
    """Follow sources and clips (and, from a consent, what it covers) to everything that was made from them."""
    clips: dict[str, Clip] = {}
    sources: dict[str, Source] = {}
    for record in records:
        start = lineage.get(record.covers) if isinstance(record, Consent) else record
        if isinstance(start, Source):
            sources[start.digest] = start
            clips.update((clip.digest, clip) for clip in lineage.clips_of(start.digest))
        elif isinstance(start, Clip):
            clips[start.digest] = start
    sightings = lineage.sightings(clips)
    listed = [model for source in sources.values() for model in lineage.models_listing(source)]
    models = {item.model.digest for item in sightings} | {model.digest for model in listed}
    return Descendants(
        tuple(sources.values()),
        tuple(clips.values()),
        lineage.captions_of(clips),
        lineage.manifests_with(clips),
        tuple(item for item in lineage.artifacts.latents if not clips.keys().isdisjoint(item.clips)),
        tuple(_runs_that_saw(lineage.artifacts, clips)),
        sightings,
        tuple({model.digest: model for model in listed}.values()),
        tuple(output for output in lineage.outputs if models.intersection(output.weights)),
    )


def _runs_that_saw(
    artifacts: Artifacts, clips: Iterable[str]
) -> Iterator[tuple[ExposureFile, ClipExposure, tuple[int, ...]]]:
    wanted = {*clips}
    for stages in artifacts.runs.values():
        earlier = False  # whether a stage before this one saw any of the clips: its weights are where this one began
        for log in stages:
            found = [seen for clip, seen in log.seen.items() if clip in wanted]
            first = min((seen.first for seen in found), default=0)
            steps = tuple(step for step in log.checkpoints if earlier or (found and step >= first))
            if found or (earlier and steps):
                last = max((seen.last for seen in found), default=0)
                yield log, ClipExposure(sum(seen.times for seen in found), first, last), steps
            earlier = earlier or bool(found)


def _kind(thing: Record | TrainedModel) -> str:
    return "model" if isinstance(thing, TrainedModel) else thing.record
