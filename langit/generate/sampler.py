"""The sampling loop, unrolled: noise to latents by a solver, a schedule and a denoiser that are arguments.

There is one loop for every ability. Which patches are already known is a mask over tokens: known ones hold their value
at noise level zero, the rest are walked from noise to data. It does not know prompts, pixels or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from langit.flow.guidance import guided
from langit.flow.solvers import Solver
from langit.patches import Pack, TextPack

Denoiser = Callable[[Pack, TextPack], Tensor]
OnStep = Callable[[int, int, Pack], None]


def repeated(pack: Pack, times: int) -> Pack:
    """The videos of a pack again, ``times`` in all, end to end."""
    return replace(
        pack,
        tokens=pack.tokens.repeat(times, 1),
        positions=pack.positions.repeat(times, 1),
        noise=pack.noise.repeat(times),
        lengths=pack.lengths * times,
        grids=pack.grids * times,
    )


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    start: Pack,
    texts: TextPack,
    without: TextPack,
    *,
    levels: Sequence[float],
    solver: Solver,
    guidance: float,
    to_state: Callable[[Tensor], Tensor],
    known: Bool[Tensor, " N"] | None = None,
    on_step: OnStep | None = None,
) -> Float[Tensor, "N P"]:
    """Walk a pack's tokens along ``levels`` (from 1 to 0).

    Args:
        denoiser: gives the velocity of every token of a pack.
        start: noise where unknown, latents where known.
        texts: a prompt for each video of the pack; ``without`` the texts that guidance moves away from.
        levels: noise levels, one more than there are steps.
        solver: one step of an ordinary differential equation.
        guidance: 1 asks the model once a step; above, twice.
        to_state: turns the denoiser's layout of a token into the pack's.
        known: tokens that are given; they stay at level zero.
        on_step: told the step (from 1), the number of steps and the pack as it is.
    """
    moving = torch.ones_like(start.noise) if known is None else (~known).to(start.noise.dtype)
    both = None
    if guidance != 1.0:
        both = TextPack(torch.cat([texts.tokens, without.tokens]), texts.lengths + without.lengths)

    def field(tokens: Tensor, level: float) -> Tensor:
        here = replace(start, tokens=tokens, noise=level * moving)
        if both is None:
            velocity = to_state(denoiser(here, texts))
        else:
            with_text, plain = to_state(denoiser(repeated(here, 2), both)).chunk(2)
            velocity = guided(with_text, plain, guidance)
        return velocity * moving[:, None]

    tokens = start.tokens
    for step, (level, after) in enumerate(zip(levels[:-1], levels[1:], strict=True), start=1):
        tokens = solver(tokens, level, after, field)  # (N, P)
        if on_step is not None:
            on_step(step, len(levels) - 1, replace(start, tokens=tokens, noise=after * moving))
    return tokens
