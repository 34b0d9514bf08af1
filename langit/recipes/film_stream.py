"""The films of a run that is trained while they are drawn: from worker processes into the ledger, then to the stages.

A stage gets only clips that the ledger holds and allows. Knows no model and no clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from langit.autoencoder.protocol import VideoAutoencoder
from langit.feed.catalogue import StoredClip
from langit.feed.latents import LatentClip
from langit.ledger.store import Ledger
from langit.recipes.films import Report, RunPaths, TrainingCorpus, read_corpus, stage_latents, training_clips
from langit.recipes.recipe import Recipe, StageData
from langit.worlds.background import BackgroundFarm, FilmRequest, ShardRequest, shard_requests

ENOUGH = 0.2  # of all films, with which training may begin where every world has some


def run_shards(recipe: Recipe, paths: RunPaths) -> list[ShardRequest]:
    """The shards of all films that any stage learns."""
    films = [FilmRequest(group.seeds, group.pixels, group.world) for group in recipe.all_films]
    return shard_requests(films, paths.films)


@dataclass
class FilmStream:
    """What has arrived, as a training corpus."""

    farm: BackgroundFarm
    recipe: Recipe
    paths: RunPaths
    report: Report
    corpus: TrainingCorpus | None = None
    arrived: list[ShardRequest] = field(default_factory=list)
    on_arrival: Callable[[list[ShardRequest]], None] = lambda _: None
    _worlds: set[str] = field(default_factory=set)

    def take(self) -> bool:
        """Enter what has arrived in the ledger and read what it allows now; False where nothing has.

        Raises:
            OSError: nothing can be drawn here.
        """
        new = self.farm.take_arrived()
        if new:
            Ledger(self.paths.ledger).add([record for each in new for record in each.records])
            shards = [each.shard for each in new]
            self._worlds |= {shard.world for shard in shards}
            self.arrived += shards
            self.on_arrival(shards)
            self.corpus = read_corpus(self.recipe, self.paths, self.corpus)
        self.report("films", self.farm.done, self.farm.total, "")
        return bool(new)

    def wait(
        self, until: float, check: Callable[[], None], now: Callable[[], float] = time.monotonic
    ) -> TrainingCorpus:
        """Wait for the films with which training can begin: a fifth of all with some of every world, all, or ``until``.

        ``check`` is called all the while, and may raise.

        Raises:
            ValueError: the time has come and there are none.
            OSError: nothing can be drawn here.
        """
        worlds = {group.world for group in self.recipe.all_films}
        while True:
            check()
            busy = self.farm.busy  # before taking: what arrived last is taken, too
            enough = self.farm.done >= ENOUGH * self.farm.total
            if enough or not busy or now() >= until or not self.farm.total:
                self.take()
                if not busy or now() >= until or worlds <= self._worlds:
                    break
            time.sleep(0.1)
        check()
        if self.corpus is None and self.farm.done == 0 and self.recipe.all_films:
            raise ValueError(
                "no film was drawn in the time that a deadline leaves for it, so nothing was trained: give a longer"
                " deadline, more --workers, or render films first and --resume"
            )
        self.corpus = read_corpus(self.recipe, self.paths, self.corpus)
        return self.corpus

    def later_latents(
        self, data: StageData, autoencoder: VideoAutoencoder, starts: int, clips: list[StoredClip]
    ) -> Callable[[], list[LatentClip] | None]:
        """A function for `feed.growing`: the latents of the stage's clips that have arrived since it was last called.

        Args:
            data: of the stage.
            autoencoder: whose latents.
            starts: as in :func:`stage_latents`.
            clips: those that the stage has already; new ones are added to it.
        """

        def more() -> list[LatentClip] | None:
            busy = self.farm.busy
            if not self.take():
                return [] if busy else None
            assert self.corpus is not None
            known = {clip.digest for clip in clips}
            chosen = training_clips(self.recipe, data, self.corpus, self.paths, self.report)
            new = [clip for clip in chosen if clip.digest not in known]
            clips.extend(new)
            return stage_latents(new, autoencoder, self.paths, starts, self.report)

        return more
