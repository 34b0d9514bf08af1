"""A run whose films are drawn beside training and whose stages end by the clock, as its stages see it.

`recipes.timed_run` walks it. A stage that cannot begin or was stopped ends the run with one line that says which
checkpoint there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import nn

from langit.recipes.clock import RunClock
from langit.recipes.compiling import QUICK, compile_stage
from langit.recipes.film_stream import FilmStream
from langit.recipes.films import Report, RunPaths
from langit.recipes.recipe import AutoencoderStage, DistilStage, FilmGroup, Stage
from langit.train import checkpoint
from langit.train.clock import StageClock
from langit.train.tasks import FlowConfig


@dataclass
class Beside:
    """The clock and the films of one run; ``compile`` and ``graphs`` say what its machine is good for."""

    clock: RunClock
    films: FilmStream
    paths: RunPaths
    compile: bool = False
    graphs: bool = False

    def autoencoder_clock(self, stage: AutoencoderStage) -> StageClock:
        """The clock of a stage that begins now."""
        self.check(f"before stage {stage.name} began")
        return self.clock.autoencoder(self._left([each.name for each in self.films.recipe.autoencoder_stages]))

    def flow_clock(self, stage: Stage) -> StageClock:
        """The clock of a stage that begins now."""
        self.check(f"before stage {stage.name} began")
        recipe = self.films.recipe
        adapters = self._left([each.name for each in recipe.distil], at_least=0)
        return self.clock.flow(self._left([each.name for each in recipe.stages]), adapters)

    def adapter_clock(self, stage: DistilStage) -> StageClock:
        """The clock of a stage that begins now."""
        self.check(f"before stage {stage.name} began")
        return self.clock.adapter(self._left([each.name for each in self.films.recipe.distil]))

    def _left(self, names: Sequence[str], at_least: int = 1) -> int:
        """How many of these stages are not finished."""
        return max(at_least, sum(not self._is_finished(name) for name in names))

    def _is_finished(self, name: str) -> bool:
        newest = checkpoint.latest(self.paths.stage(name))
        return newest is not None and bool(checkpoint.facts(newest)[1].get("clock", {}).get("finished"))

    def compile_blocks(
        self, blocks: Sequence[nn.Module], flow: FlowConfig, films: Sequence[FilmGroup]
    ) -> AbstractContextManager[None]:
        """Blocks that are compiled where the machine is good for it."""
        if not (self.compile and flow.one_shape):
            return nullcontext()
        return compile_stage(blocks, flow, films, self.graphs, QUICK)

    def check(self, doing: str) -> None:
        """Check that there is time left.

        Raises:
            ValueError: the deadline was reached, or a signal said to stop.
        """
        if self.clock.stopped or self.clock.left <= 0:
            raise self.end_error(doing)

    def check_trained(self, name: str) -> None:
        """Check that a stage was not stopped before its time, and took a step at all.

        Raises:
            ValueError: it was or did not.
        """
        newest = checkpoint.latest(self.paths.stage(name))
        if self.clock.stopped:
            raise self.end_error(f"in stage {name}, at step {checkpoint.facts(newest)[0] if newest else 0}")
        if newest is None:
            raise self.end_error(f"before stage {name} took a step")

    def watching(self, doing: str) -> Report:
        """The run's report, with :meth:`check` at every call; not for training, which saves before it ends."""

        def report(stage: str, done: int, of: int, line: str) -> None:
            self.films.report(stage, done, of, line)
            self.check(doing)

        return report

    def end_error(self, doing: str) -> ValueError:
        """The error for a run that ends here: why, and what there is to go on from."""
        why = f"stopped by {self.clock.stopped}" if self.clock.stopped else "the deadline was reached"
        stages = [self.paths.stage(name) for name in self.films.recipe.stage_names]
        newest = [path for path in map(checkpoint.latest, stages) if path is not None]
        films = f"{self.films.farm.done} of {self.films.farm.total} films"
        last = f"the last checkpoint is {newest[-1]}" if newest else "there is no checkpoint yet"
        return ValueError(f"{why} {doing}: {last}, {films} are kept; go on with --resume")
