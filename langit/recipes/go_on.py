"""Going on from a finished model of a recipe: more films of the world that it knows least, and half of the draws.

The autoencoder's latents stay as they are, to the bit, so that the transformer goes on where it was; its decoder is
trained further. The rate begins lower than for random weights and falls for longer, and the adapter is made anew.
"""

from __future__ import annotations

from dataclasses import replace

from langit.recipes.recipe import AutoencoderStage, FilmGroup, Recipe, Stage, WorldShare

WORLD, SHARE = "story-1", 0.5
MORE = 2.5  # times as many films of that world
RATE, FALL = 0.6, 0.6  # of the recipe's peak rates, and the share of the time over which they fall


def go_on(recipe: Recipe, base: str) -> Recipe:
    """The recipe, beginning with a model that it made, under a name of its own.

    Raises:
        ValueError: the recipe has no stages that can be gone on with like this.
    """
    worlds = {group.world for group in recipe.films}
    if recipe.clock is None or not recipe.stages[-1].flow.one_shape or WORLD not in worlds:
        raise ValueError(
            f"--from {base}: recipe {recipe.name!r} is not made to be gone on with by the clock; --base {base} begins"
            " with its weights"
        )
    (stage, (pixels, *_)) = recipe.stages[-1], recipe.autoencoder_stages
    return replace(
        recipe,
        name=f"{recipe.name}-on",
        base=base,
        stages=(_further(stage),),
        autoencoder_stages=(_decoder(pixels, stage),),
        clock=replace(recipe.clock, fall=FALL),
    )


def _further(stage: Stage) -> Stage:
    optim = stage.training.optim
    slower = replace(
        optim,
        matrix_rate=RATE * optim.matrix_rate,
        other_rate=RATE * optim.other_rate,
        score_rate=RATE * optim.score_rate,
    )
    return replace(
        stage,
        name="further",
        films=tuple(map(_more, stage.films)),
        flow=replace(stage.flow, thing_after=0),
        training=replace(stage.training, seed=stage.training.seed + 1, optim=slower),
        fresh_scores=False,
        shares=(WorldShare(WORLD, SHARE),),
        autoencoder="",
    )


def _decoder(stage: AutoencoderStage, flow: Stage) -> AutoencoderStage:
    return replace(
        stage,
        name="decoder",
        films=tuple(map(_more, flow.films)),
        reconstruction=replace(stage.reconstruction, decoder_only=True),
        training=replace(stage.training, seed=stage.training.seed + 1),
    )


def _more(group: FilmGroup) -> FilmGroup:
    if group.world != WORLD:
        return group
    return replace(group, last=group.first + round(MORE * len(group.seeds)))
