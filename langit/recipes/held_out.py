"""Loss by noise level on clips that a stage does not learn, measured with the averaged weights at every preview.

The same clips, noise and levels each time, levels spread evenly from clean to noise, captions whole and no known
patches: so figures compare over steps and between runs. Rows are in ``held-out.jsonl`` beside the checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from langit.feed.loader import LatentFeed
from langit.feed.windows import WindowConfig
from langit.files import atomic_write
from langit.flow.levels import LevelsConfig
from langit.generate.model import Model
from langit.patches.known import KnownConfig
from langit.recipes.films import RunPaths, held_out_clips, read_corpus, stage_latents
from langit.recipes.progress import noted_preview
from langit.recipes.recipe import Recipe, Stage
from langit.train.journal import LEVELS, LevelLosses
from langit.train.tasks import FlowTask, SavePreview
from langit.worlds.scene import split

FILE: Final = "held-out.jsonl"
CLIPS: Final = 32  # at most, spread over all held-out ones
DRAWN: Final = 96  # videos in all, each at a level of its own: about ten for each range of levels
SEED: Final = 20_260_102
Measured = tuple[int, tuple[float | None, ...]]
"""A number of clips, and the loss of each range of levels."""
EVEN: Final = LevelsConfig(shift=1.0, base_tokens=10**9, uniform_share=1.0)


@dataclass(frozen=True)
class HeldOutRow:
    """The loss of each of ten equal ranges of noise, the cleanest first. Field names are keys of the file."""

    step: int
    clips: int
    loss_by_level: tuple[float | None, ...]


@torch.no_grad()
def held_out_levels(
    recipe: Recipe, stage: Stage, paths: RunPaths, model: Model
) -> tuple[int, tuple[float | None, ...]]:
    """The number of held-out clips, and their loss by noise level; without any, 0 and nothing."""
    data = recipe.data_of(stage)
    if data.films and all(split(seed) == "train" for group in data.films for seed in group.seeds):
        return 0, ()  # fewer than ten films of a group may have no held-out one
    found = held_out_clips(recipe, data, read_corpus(recipe, paths), paths, lambda *_: None)
    chosen = found[:: max(1, len(found) // CLIPS)][:CLIPS]
    clips = stage_latents(chosen, model.autoencoder, paths, 0, lambda *_: None) if chosen else []
    if not clips:
        return 0, ()
    plain = replace(
        stage.flow, drop_caption=0.0, drop_word=0.0, windows=WindowConfig(), known=KnownConfig(), levels=EVEN
    )
    task = FlowTask(model.transformer, model.text, plain, lambda *_: None)
    feed = LatentFeed(clips, stage.flow.token_budget, SEED)
    losses, drawn, step = LevelLosses(), 0, 0
    device = next(model.transformer.parameters()).device
    while drawn < DRAWN:
        batch = feed.batch(step).to(device)
        errors, levels = task.losses(batch, torch.Generator().manual_seed(SEED + step))
        losses.add(errors, levels)
        drawn, step = drawn + len(batch.clips), step + 1
    return len(clips), losses.take()


def measured_preview(save: SavePreview, measure: Callable[[], Measured]) -> SavePreview:
    """A preview that also measures, and writes what it found to `FILE`."""

    def save_and_measure(step: int, folder: Path) -> None:
        save(step, folder)
        clips, losses = measure()
        if not clips:
            return
        rounded = tuple(None if loss is None else round(loss, 5) for loss in losses)
        # Rows of later steps are of a run that went on from before them.
        rows = [*(row for row in read_held_out(folder) if row.step < step), HeldOutRow(step, clips, rounded)]
        with atomic_write(folder / FILE) as unfinished:
            unfinished.write_text("".join(json.dumps(vars(row)) + "\n" for row in rows), encoding="utf-8")

    return save_and_measure


def watched_preview(
    save: SavePreview, recipe: Recipe, stage: Stage, paths: RunPaths, model: Model, note: Callable[[str], None]
) -> SavePreview:
    """A stage's preview that measures held-out clips as well, and says where its sheet lies."""
    measured = measured_preview(save, lambda: held_out_levels(recipe, stage, paths, model))
    return noted_preview(measured, stage.name, note)


def read_held_out(folder: Path) -> Iterator[HeldOutRow]:
    """The rows of a stage's file, in order; none where there is no file.

    Raises:
        ValueError: a row is not one of this format.
    """
    path = folder / FILE
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            plain = json.loads(line)
            row = HeldOutRow(**plain | {"loss_by_level": tuple(plain["loss_by_level"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}, line {number}, is no row of losses ({error}): remove the line") from error
        yield row


def middle_of(levels: tuple[float | None, ...]) -> tuple[tuple[float, float], ...]:
    """The middle of each range of levels that has a loss, and the loss."""
    return tuple(((place + 0.5) / LEVELS, loss) for place, loss in enumerate(levels) if loss is not None)
