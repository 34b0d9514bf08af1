"""A recipe's data: films are rendered and entered in the ledger, and each stage gets the clips that it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from langit.autoencoder.protocol import VideoAutoencoder
from langit.curate.places import places_file, read_places
from langit.feed.catalogue import ClipRecords, FilmClip, FootageClip, FrameReader, StoredClip, film_clips
from langit.feed.footage import TrainingFormat, TrainingSet, find_training_set, footage_clips, held_out_footage
from langit.feed.latents import LatentClip, cache_latents
from langit.feed.pieces import FootagePlan, bucketed_held_out, footage_pieces, plan_footage
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.recipes.recipe import FilmGroup, Recipe, Stage, StageData
from langit.shapes import PixelShape
from langit.worlds import farm
from langit.worlds.scene import Split, split
from langit.worlds.shard import open_shards

Report = Callable[[str, int, int, str], None]
"""Called with a stage's name, how much is done, of how much, and a line of figures."""


@dataclass(frozen=True)
class RunPaths:
    """Where a run keeps its files, under LANGIT_HOME."""

    home: Path
    name: str

    @property
    def films(self) -> Path:
        return self.home / "films"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger"

    @property
    def latents(self) -> Path:
        return self.home / "latents"

    @property
    def footage(self) -> Path:
        """Decoded frames of real footage."""
        return self.home / "footage"

    @property
    def run(self) -> Path:
        """The folder of all stages."""
        return self.home / "runs" / self.name

    def stage(self, name: str) -> Path:
        """Checkpoints and the exposure log of a stage."""
        return self.run / name

    @property
    def bundle(self) -> Path:
        return self.home / "models" / self.name


def render_films(groups: Sequence[FilmGroup], paths: RunPaths, workers: int, report: Report) -> None:
    """Render every film of the groups that is not there yet."""
    for group in groups:

        def progress(done: int, of: int, name: str = f"films {group.world} {group.size}") -> None:
            report(name, done, of, "")

        farm.render_many(group.seeds, group.pixels, paths.films, workers, progress, group.world)


def enter_films(recipe: Recipe, groups: Sequence[FilmGroup], paths: RunPaths, report: Report) -> None:
    """Enter the groups' films and clips in the ledger; what is there already is not entered twice."""
    ledger = Ledger(paths.ledger)
    for group in groups:
        shards = [s for s in open_shards(paths.films, group.pixels, group.world) if _is_within(s.seeds, group)]
        for done, shard in enumerate(shards, start=1):
            farm.enter(ledger, shard, recipe.captions, recipe.mirror)
            report(f"ledger {group.world} {group.size}", done, len(shards), f"{ledger.size} entries")


def _is_within(seeds: Sequence[int], group: FilmGroup) -> bool:
    # A shard that reaches beyond the group was rendered for another recipe, and enters the ledger with that one.
    return group.first <= seeds[0] and seeds[-1] < group.last


@dataclass(frozen=True)
class TrainingCorpus:
    """All clips that a run may choose from, read from the ledger once.

    ``held_out`` are the clips of the manifest that a recipe of footage alone does not learn from.
    """

    records: ClipRecords
    films: tuple[FilmClip, ...]
    footage: TrainingSet | None = None
    held_out: frozenset[str] = frozenset()


def read_corpus(recipe: Recipe, paths: RunPaths, before: TrainingCorpus | None = None) -> TrainingCorpus:
    """Read what the ledger allows; ``before`` is returned as it is while the ledger has not grown since.

    A stage reads it anew when it begins, so that a take-down counts from the next stage on.

    Raises:
        ValueError: there is no manifest of the recipe's name, or it has too few clips.
    """
    ledger = Ledger(paths.ledger)
    if before is not None and before.records.size == ledger.size:
        return before
    chosen = None if recipe.manifest is None else find_training_set(ledger, recipe.manifest)
    # Of footage alone the manifest's clips are all that is needed, however large the ledger is.
    records = ClipRecords.read(ledger, Policy(), None if recipe.all_films or chosen is None else chosen.clips)
    films = film_clips(records, paths.films) if recipe.all_films else ()
    if chosen is None:
        return TrainingCorpus(records, films)
    if recipe.all_films:
        return TrainingCorpus(records, films, chosen)  # films hold clips out already, and all footage is learnt
    if recipe.stages[-1].buckets is not None:
        return TrainingCorpus(records, films, chosen, _bucketed_held_out(recipe, recipe.stages[-1], records, chosen))
    longest = max(recipe.sizes, key=lambda pixels: pixels.frames)
    return TrainingCorpus(
        records, films, chosen, held_out_footage(records, chosen, TrainingFormat(longest, recipe.fps))
    )


def _bucketed_held_out(recipe: Recipe, last: Stage, records: ClipRecords, chosen: TrainingSet) -> frozenset[str]:
    assert last.buckets is not None, "the caller checks it"
    sizes = tuple(map(PixelShape.parse, last.sizes))
    return bucketed_held_out(records, chosen, sizes, recipe.fps, last.buckets.frames[0])


def chosen_films(
    recipe: Recipe, groups: Sequence[FilmGroup], corpus: TrainingCorpus, which: Split = "train"
) -> tuple[FilmClip, ...]:
    """The clips of these films that the recipe wants and the ledger allows, of one split.

    Raises:
        ValueError: there are none; the message holds the rules that refused them.
    """
    chosen = tuple(
        film
        for film in corpus.films
        if split(film.seed) == which
        and (recipe.mirror or not film.mirrored)
        and len(film.captions) == recipe.captions  # the ledger may also hold other recipes' captions of a film
        and any(
            (film.world, str(film.pixels)) == (group.world, group.size) and group.first <= film.seed < group.last
            for group in groups
        )
    )
    if groups and not chosen:
        rules = sorted({refusal.decision.rule for refusal in corpus.records.refused})
        raise ValueError(f"no {which} clip may be used: {'; '.join(rules) or 'the ledger holds no such film'}")
    return chosen


def footage_plan(recipe: Recipe, data: StageData, corpus: TrainingCorpus) -> FootagePlan:
    """What a stage with buckets learns of the manifest.

    Raises:
        ValueError: no clip can be learnt.
    """
    assert corpus.footage is not None and data.buckets is not None, "a stage with buckets needs a manifest"
    sizes = tuple(map(PixelShape.parse, data.sizes))
    return plan_footage(
        corpus.records,
        corpus.footage,
        sizes,
        recipe.fps,
        corpus.held_out,
        data.buckets.pieces,
        shortest=data.buckets.frames[0],
    )


def footage_lines(recipe: Recipe, corpus: TrainingCorpus) -> Iterator[str]:
    """What the transformer's stages learn of the manifest, in words; without buckets only what they cannot."""
    shown: list[StageData] = []
    for stage in recipe.stages:
        data = recipe.data_of(stage)
        if data in shown:
            continue
        shown.append(data)
        if data.buckets is not None:
            yield from footage_plan(recipe, data, corpus).lines()
        elif corpus.footage is not None and not any(PixelShape.parse(size).frames == 1 for size in data.sizes):
            pictures = sum(clip.is_picture and clip.digest in corpus.footage.clips for clip in corpus.records.clips)
            if pictures:
                yield (
                    f"left out: {pictures} pictures, for stage {stage.name} learns {' and '.join(data.sizes)} alone;"
                    " a recipe with buckets, such as small, learns pictures beside videos"
                )


def _chosen_pieces(
    recipe: Recipe, data: StageData, corpus: TrainingCorpus, paths: RunPaths, report: Report
) -> tuple[FootageClip, ...]:
    def progress(done: int, of: int) -> None:
        report("decoding", done, of, "")

    def places() -> Mapping[str, str]:
        return read_places(places_file(paths.home))

    plan = footage_plan(recipe, data, corpus)
    return footage_pieces(corpus.records, plan, places, paths.footage, progress)


def chosen_footage(
    recipe: Recipe,
    data: StageData,
    corpus: TrainingCorpus,
    paths: RunPaths,
    report: Report,
    which: Split = "train",
) -> tuple[FootageClip, ...]:
    """The manifest's clips at the stage's sizes, of one split; none where the recipe names no manifest.

    Raises:
        ValueError: no clip can be used, or a file is not where it was.
    """
    if corpus.footage is None:
        return ()
    if data.buckets is not None:
        pieces = _chosen_pieces(recipe, data, corpus, paths, report)
        return tuple(piece for piece in pieces if (piece.digest in corpus.held_out) == (which == "held-out"))
    chosen: list[FootageClip] = []
    for size in data.sizes:

        def progress(done: int, of: int, size: str = size) -> None:
            report(f"footage {size}", done, of, recipe.manifest or "")

        wanted = TrainingFormat(PixelShape.parse(size), recipe.fps)
        places = places_file(paths.home)
        clips = footage_clips(corpus.records, corpus.footage, places, paths.footage, wanted, progress)
        chosen += [clip for clip in clips if (clip.digest in corpus.held_out) == (which == "held-out")]
    if data.sizes and not chosen and which == "train":
        raise ValueError(f"manifest {corpus.footage.manifest.name!r}: every clip that could be learnt is held out")
    return tuple(chosen)


def training_clips(
    recipe: Recipe, data: StageData, corpus: TrainingCorpus, paths: RunPaths, report: Report
) -> tuple[StoredClip, ...]:
    """The clips that a stage learns from: those of its films, then those of the manifest."""
    return (*chosen_films(recipe, data.films, corpus), *chosen_footage(recipe, data, corpus, paths, report))


def held_out_clips(
    recipe: Recipe, data: StageData, corpus: TrainingCorpus, paths: RunPaths, report: Report
) -> tuple[StoredClip, ...]:
    """Clips like a stage's that it does not learn from, not mirrored: of films, or of footage where it has no films."""
    if data.films:
        return tuple(film for film in chosen_films(recipe, data.films, corpus, "held-out") if not film.mirrored)
    return chosen_footage(recipe, data, corpus, paths, report, "held-out")


def stage_latents(
    clips: Sequence[StoredClip], autoencoder: VideoAutoencoder, paths: RunPaths, starts: int, report: Report
) -> list[LatentClip]:
    """The clips' latents, cached or encoded now; ``starts`` as in :func:`cache_latents`."""

    def progress(done: int, of: int) -> None:
        report("latents", done, of, "")

    return cache_latents(clips, FrameReader(), autoencoder, paths.latents, progress, starts)
