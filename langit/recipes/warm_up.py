"""What a GPU does before films are there: its memory is checked, and the blocks are compiled for the common shapes.

Compiled code is kept on disk under the hash of what was compiled, so that the stage itself finds it there.
"""

from __future__ import annotations

import torch

from langit.device import Placement
from langit.feed.shaped import batch_size
from langit.plan.hardware import GIB, parse_devices
from langit.recipes.beside import Beside
from langit.recipes.compiling import QUICK, static_shapes
from langit.recipes.costs import plan_recipe
from langit.recipes.recipe import Recipe
from langit.shapes import TokenGrid
from langit.transformer.batched import batched_velocity
from langit.transformer.model import VideoTransformer

WORDS = 48  # of a caption, as batches of one shape have them


def check_memory(recipe: Recipe, placement: Placement) -> None:
    """Check that the device has the memory that the recipe's largest step takes.

    Raises:
        ValueError: it has not.
    """
    free, _ = torch.cuda.mem_get_info(placement.device)
    need_memory(recipe, free)


def need_memory(recipe: Recipe, free: int) -> None:
    """Check that so many bytes are enough for the recipe's largest step.

    Raises:
        ValueError: they are not; the message says which batch would fit.
    """
    largest = max(plan_recipe(recipe, parse_devices("H200")[1], 1).stages, key=lambda stage: stage.memory)
    if largest.memory <= free:
        return
    budget = recipe.stages[-1].flow.token_budget
    fits = max(1, round(budget * free / largest.memory * 0.8))
    raise ValueError(
        f"stage {largest.name} needs about {largest.memory / GIB:.1f} GiB and the device has {free / GIB:.1f} free: end"
        f" what else runs on it, or use stages.{recipe.stages[-1].name}.flow.token_budget={fits} in place of {budget};"
        " nothing was trained"
    )


def warm_up(recipe: Recipe, beside: Beside, placement: Placement) -> None:
    """Compile what the first flow stage computes, on random batches; nothing is learnt."""
    stage = recipe.stages[0]
    films = recipe.data_of(stage).films
    model = Placement(placement.device).put(VideoTransformer(recipe.transformer))
    rare = (TokenGrid(3, 8, 8), TokenGrid(2, 6, 10))  # two: the first dynamic graph still has sides as constants
    grids = [*(TokenGrid(1, 1, tokens) for _, tokens in static_shapes(stage.flow, films, QUICK)), *rare]
    with (
        beside.compile_blocks(list(model.blocks), stage.flow, films),
        torch.autocast(placement.device.type, placement.dtype),
    ):
        for grid in grids:
            videos = batch_size(stage.flow.token_budget, grid.count)
            shape = (videos, grid.count)
            channels = recipe.transformer.in_channels * 4
            on = placement.device
            velocity = batched_velocity(
                model,
                torch.randn(*shape, channels, device=on),
                torch.rand(videos, device=on),
                torch.rand(shape, device=on) < 0.2,
                grid,
                torch.randn(videos, WORDS, recipe.text.d_model, device=on, requires_grad=True),
                torch.ones(videos, WORDS, dtype=torch.bool, device=on),
            )
            velocity.float().square().mean().backward()
            beside.check("while the first films were drawn and blocks were compiled")
    placement.synchronize()
