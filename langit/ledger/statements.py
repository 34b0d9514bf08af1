"""What statements are about: the clips that a model saw, that a manifest lists, or that are allowed, as one value.

Also what only the provider knows (name, address ...), which comes from a file of theirs. What neither the ledger nor
the provider says is stated as not known. The statements are in ``statements_eu``, ``statements_croissant`` and
``statements_credits``.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from langit import config
from langit.ledger.artifacts import TrainedModel
from langit.ledger.correction import superseded_digests
from langit.ledger.derived import Caption, Manifest
from langit.ledger.lineage import Lineage
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Consent, Rights, Signal, Source

NOT_KNOWN = "Not known"


@dataclass(frozen=True)
class Provider:
    """What a provider states and the ledger cannot know. All of it is optional text."""

    name: str | None = None
    contact: str | None = None
    representative: str | None = None
    url: str | None = None
    placed_on_market: str | None = None
    dependencies: str | None = None
    content_types: str | None = None
    public_datasets: str | None = None
    licensed_datasets: str | None = None
    other_datasets: str | None = None
    crawler_purposes: str | None = None
    user_data: str | None = None
    synthetic_data: str | None = None
    other_sources: str | None = None
    code_of_practice: str | None = None
    illegal_content: str | None = None
    biases: str | None = None
    social_impact: str | None = None
    maintenance: str | None = None

    @classmethod
    def load(cls, path: Path) -> Provider:
        """Read a provider's TOML file.

        Raises:
            ValueError: not TOML, or with an unknown key.
            OSError: it cannot be read.
        """
        try:
            plain = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not TOML: {error}") from error
        return config.load(cls, plain)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Clips and everything on record of them. ``fps`` is that of rendered films, whose records have none.

    ``clips`` is empty where it is not known which clips of the sources were seen: see ``unlogged``.
    """

    title: str
    version: str
    clips: tuple[Clip, ...]
    sources: tuple[Source, ...]
    rights: tuple[Rights, ...]
    signals: tuple[Signal, ...]
    captions: tuple[Caption, ...]
    consents: tuple[Consent, ...]
    policy: Policy
    turned_away: Counter[str]
    """Sources in the ledger that the policy refuses now, by the rule that decided."""
    revoked: int
    """Clips of this corpus that were revoked since."""
    ledger_size: int
    ledger_root: str
    fps: Fraction | None
    made_on: str
    unlogged: tuple[str, ...] = ()
    """Stages of the model whose exposure logs are not at hand; where there are any, sources are stated as a whole."""
    bases: tuple[str, ...] = ()
    """The models, with their hashes, from whose weights the training of this one began."""

    @cached_property
    def stated(self) -> dict[str, tuple[Rights, ...]]:
        """Later statements on rights, by source."""
        found: dict[str, tuple[Rights, ...]] = {}
        for item in self.rights:
            found[item.source] = (*found.get(item.source, ()), item)
        return found

    def licences(self, source: Source) -> tuple[str, ...]:
        """Every licence on record for a source that was not superseded."""
        later = self.stated.get(source.digest, ())
        gone = superseded_digests(later)
        stated = [source.licence if source.digest not in gone else None]
        stated += [item.licence for item in later if item.digest not in gone]
        return tuple(dict.fromkeys(item for item in stated if item))

    def creators(self, source: Source) -> tuple[str, ...]:
        """Everyone on record as a source's creator or the holder of its rights."""
        named = (source.creator, *(item.holder for item in self.stated.get(source.digest, ())))
        return tuple(dict.fromkeys(item for item in named if item))

    def of_kind(self, kind: str) -> tuple[Source, ...]:
        """The sources of one kind."""
        return tuple(source for source in self.sources if source.kind == kind)

    @cached_property
    def by_source(self) -> dict[str, tuple[Clip, ...]]:
        """The clips of each source; a mirror image adds no footage and is left out beside its original."""
        found: dict[str, dict[tuple[int, int, str | None], Clip]] = {}
        for clip in sorted(self.clips, key=lambda clip: clip.mirrored):
            found.setdefault(clip.source, {}).setdefault((clip.start, clip.frames, clip.crop), clip)
        return {source: tuple(clips.values()) for source, clips in found.items()}

    def seconds(self, source: Source) -> Fraction | None:
        """Length of a source's clips together, or of all of it where clips are not known; ``None`` if not on record."""
        if self.unlogged:
            frames = source.size.rpartition("x")[2] if source.size else ""
            return Fraction(int(frames)) / self.fps if frames.isdecimal() and self.fps else None
        total = Fraction(0)
        for clip in self.by_source.get(source.digest, ()):
            fps = Fraction(clip.fps) if clip.fps else self.fps if source.kind == "rendered" else None
            if clip.starts_at is not None and clip.ends_at is not None:
                total += Fraction(clip.ends_at) - Fraction(clip.starts_at)
            elif fps:
                total += clip.frames / fps
            else:
                return None
        return total

    def hours(self, sources: tuple[Source, ...]) -> tuple[Fraction, int]:
        """Hours of footage whose length is on record, and the number of sources for which it is not."""
        found = [self.seconds(source) for source in sources]
        return sum((item for item in found if item is not None), Fraction(0)) / 3600, found.count(None)

    @cached_property
    def pictures(self) -> tuple[Source, ...]:
        """The sources that are still images."""
        return tuple(
            source
            for source in self.sources
            if (clips := self.by_source.get(source.digest)) and all(clip.is_picture for clip in clips)
        )

    @cached_property
    def words(self) -> list[str]:
        """The captions that belong to the clips, those of mirror images too."""
        return [text for clip in self.clips for text in clip.captions] + [item.text for item in self.captions]


def corpus(
    lineage: Lineage, made_on: str, model: str | None = None, manifest: str | None = None, fps: Fraction | None = None
) -> Corpus:
    """Collect what a statement is about: a model's clips, a manifest's, or, of neither, all that are allowed now.

    Args:
        lineage: the ledger and what was made from it.
        made_on: the day of the statement (ISO 8601).
        model: a model's name or hash.
        manifest: a manifest's name (the newest of that name) or hash.
        fps: of rendered films.

    Raises:
        ValueError: no such model or manifest, the model's clips are not in this ledger, or there is no clip.
    """
    ledger = lineage.ledger
    if model is not None and manifest is not None:
        raise ValueError(f"--model {model} and --manifest {manifest} are two sets of clips: give one of them")
    clips: tuple[Clip, ...]
    wanted, unlogged, bases = set[str](), tuple[str, ...](), tuple[str, ...]()
    if model is not None:
        found = _find_model(lineage, model)
        title, version = f"model {found.name}", f"{found.version} ({found.digest[:16]})"
        unlogged = tuple(stage.name for stage in found.stages if stage.log is None)
        chain = lineage.artifacts.with_bases(found)
        bases = tuple(
            f"{base.name} {base.version} ({base.digest[:16]}), whose data are"
            f"{'' if lineage.continues(base) else ' not'} in this summary"
            for base in chain[1:]
        )
        lost = chain[-1].base
        if lost is not None and lost in lineage.artifacts.undisclosed:
            bases = (*bases, lineage.artifacts.undisclosed[lost])
        elif lost is not None:
            bases = (*bases, f"a model that is not here ({lost[:16]}), whose data are not in this summary")
        if unlogged and not (lineage.continues(found) and found.films):
            raise ValueError(
                f"the exposure log of stage {unlogged[0]} of {found.name} is not here:"
                " which clips it saw is not known, so make the statement where the model was trained"
            )
        clips = () if unlogged else tuple(lineage.clips_seen_by(found).values())
        wanted |= {*lineage.sources_of(found)} if unlogged else set()
    elif manifest is not None:
        named = _find_manifest(lineage, manifest)
        listed = lineage.listings[named.digest]
        title, version = f"manifest {named.name}", named.digest[:16]
        clips = tuple(clip for digest, clip in lineage.clips.items() if digest in listed)
    else:
        title, version = "all clips that are allowed", f"ledger at {ledger.size} entries"
        clips = ledger.allowed_clips(lineage.policy).clips
    digests = {clip.digest for clip in clips}
    wanted |= {clip.source for clip in clips}
    if not wanted:
        raise ValueError(f"{title}: there are no clips in {ledger.name}, so there is nothing to state")
    away = (decision.rule for decision in lineage.decisions.values() if not decision.allowed)
    return Corpus(
        title=title,
        version=version,
        clips=clips,
        sources=tuple(source for digest, source in lineage.sources.items() if digest in wanted),
        rights=tuple(item for item in ledger.rights() if item.source in wanted),
        signals=tuple(item for item in ledger.signals() if item.source in wanted),
        captions=lineage.captions_of(digests),
        consents=lineage.consents_of(wanted | digests),
        policy=lineage.policy,
        turned_away=Counter(away),
        revoked=len(lineage.revoked_among(clips)),
        ledger_size=ledger.size,
        ledger_root=ledger.root().hex(),
        fps=fps,
        made_on=made_on,
        unlogged=unlogged,
        bases=bases,
    )


def _find_model(lineage: Lineage, name: str) -> TrainedModel:
    found = lineage.find(name)[0]
    if not isinstance(found, TrainedModel):
        raise ValueError(f"{name!r} is a {found.record}, not a model: give a model's name or hash")
    return found


def _find_manifest(lineage: Lineage, name: str) -> Manifest:
    matching = [item for item in lineage.manifests if name in (item.name, item.digest)]
    if not matching:
        known = ", ".join(sorted({item.name for item in lineage.manifests})) or "none"
        raise ValueError(f"no manifest is named {name!r}: there are {known}")
    return matching[-1]
