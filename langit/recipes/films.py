"""A recipe's films: rendered, entered in the ledger, and which of them (and of curated footage) a stage may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from langit.autoencoder.model import Autoencoder
from langit.feed.catalogue import Entry, Films, catalogue
from langit.feed.footage import Wanted, find_manifest, footage_entries
from langit.feed.latents import LatentClip, cache_latents
from langit.generate.model import Model
from langit.ledger.rights import Policy
from langit.ledger.store import Ledger
from langit.recipes.recipe import FilmGroup, Recipe
from langit.shapes import PixelShape
from langit.worlds import farm
from langit.worlds.scene import Split, split
from langit.worlds.shard import open_shards

Report = Callable[[str, int, int, str], None]
"""Told of a stage by name: done, of how many, and a line of facts."""


@dataclass(frozen=True)
class Places:
    """Where a run keeps what it makes, under LANGIT_HOME."""

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

    def stage(self, name: str) -> Path:
        """Checkpoints and the exposure log of a stage."""
        return self.home / "runs" / self.name / name

    @property
    def bundle(self) -> Path:
        return self.home / "models" / self.name


def render_films(groups: Sequence[FilmGroup], places: Places, workers: int, report: Report) -> None:
    """Render every film of the groups that is not there yet."""
    for group in groups:

        def tell(done: int, of: int, name: str = f"films {group.world} {group.size}") -> None:
            report(name, done, of, "")

        farm.render_many(group.seeds, group.pixels, places.films, workers, tell, group.world)


def enter_films(recipe: Recipe, groups: Sequence[FilmGroup], places: Places, report: Report) -> None:
    """Enter the groups' films and clips in the ledger; what is there already is not entered twice."""
    ledger = Ledger(places.ledger)
    for group in groups:
        every = open_shards(places.films, group.pixels, group.world)
        shards = [shard for shard in every if _within(shard.seeds, group)]
        for done, shard in enumerate(shards, start=1):
            farm.enter(ledger, shard, recipe.captions, recipe.mirror)
            report(f"ledger {group.world} {group.size}", done, len(shards), f"{ledger.size} entries")


def _within(seeds: Sequence[int], group: FilmGroup) -> bool:
    return group.first <= seeds[0] and seeds[-1] < group.last


def allowed(recipe: Recipe, groups: Sequence[FilmGroup], places: Places, which: Split = "train") -> tuple[Entry, ...]:
    """The clips of these films that the recipe wants and the ledger allows, of one split.

    Raises:
        ValueError: there are none; the message holds the rules that fired.
    """
    entries, refused = catalogue(Ledger(places.ledger), Policy(), places.films)
    chosen = tuple(
        entry
        for entry in entries
        if split(entry.seed) == which
        and (recipe.mirror or not entry.mirrored)
        and len(entry.captions) == recipe.captions  # the ledger may also hold what other recipes said of a film
        and any(
            (entry.world, str(entry.pixels)) == (group.world, group.size) and group.first <= entry.seed < group.last
            for group in groups
        )
    )
    if not chosen:
        why = "; ".join(sorted({refusal.decision.rule for refusal in refused})) or "the ledger holds no such film"
        raise ValueError(f"no {which} clip may be used: {why}")
    return chosen


def curated(
    recipe: Recipe, groups: Sequence[FilmGroup], places: Places, fps: float, report: Report
) -> tuple[Entry, ...]:
    """The clips of the recipe's manifest, at the sizes of these films; none where it names no manifest."""
    if recipe.manifest is None:
        return ()
    ledger = Ledger(places.ledger)
    manifest = find_manifest(ledger, recipe.manifest)
    found: list[Entry] = []
    for size in dict.fromkeys(group.size for group in groups):
        wanted = Wanted(PixelShape.parse(size), fps)

        def tell(done: int, of: int, size: str = size) -> None:
            report("footage " + size, done, of, manifest.name)

        noted = places.home / "curation" / "places.json"
        found += footage_entries(ledger, Policy(), manifest, noted, places.home / "footage", wanted, tell)
    return tuple(found)


def learnt(recipe: Recipe, groups: Sequence[FilmGroup], places: Places, report: Report) -> tuple[Entry, ...]:
    """The clips that a stage with these films learns from: the films', and the manifest's where there is one."""
    return (*allowed(recipe, groups, places), *curated(recipe, groups, places, Model.fps, report))


def latents(
    entries: Sequence[Entry], autoencoder: Autoencoder, places: Places, starts: int, report: Report
) -> list[LatentClip]:
    """The entries' latents, from the cache or made now; ``starts`` as :func:`cache_latents` has them."""

    def tell(done: int, of: int) -> None:
        report("latents", done, of, "")

    return cache_latents(entries, Films(), autoencoder, places.latents, tell, starts)
