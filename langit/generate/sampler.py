"""The sampling loop, unrolled: noise to latents by a solver, a schedule and a denoiser that are arguments.

There is one loop for every ability. Which patches are already known is a mask over tokens: known ones hold their value
at noise level zero, the rest are walked towards data, from noise or from any level below it. All that the walk
remembers is a state, stepped by the solver. It does not know prompts, pixels or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from langit.flow.guidance import guided
from langit.flow.reuse import Field, reusing
from langit.flow.solvers import Solver, State
from langit.patches import Pack, TextPack, channels_last, unpack

Denoiser = Callable[[Pack, TextPack], Tensor]


@dataclass(frozen=True, eq=False)
class Step:
    """A step that was made: the ``number``-th ``of`` so many. ``clean`` holds the tokens that it was heading for.

    Steps count on over ``walks`` where one video takes several, or several are made; this one is of the ``walk``-th.
    """

    number: int
    of: int
    pack: Pack
    clean: Float[Tensor, "N P"]
    walk: int = 1
    walks: int = 1

    @property
    def latents(self) -> list[Float[Tensor, "_ _ _ _"]]:
        """The videos as they seem to become."""
        return unpack(self.pack, channels_last(self.clean, self.pack.patch))


OnStep = Callable[[Step], None]


def counted(on_step: OnStep | None, index: int, walks: int) -> OnStep | None:
    """Tells of the steps of one walk as part of those of ``walks``, of which it is number ``index``."""
    if on_step is None:
        return None
    return lambda step: on_step(
        replace(step, number=index * step.of + step.number, of=walks * step.of, walk=index + 1, walks=walks)
    )


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
    guidance_from: float = 1.0,
    guidance_to: float = 0.0,
    reuse: float = 0.0,
    known: Bool[Tensor, " N"] | None = None,
    on_step: OnStep | None = None,
) -> Float[Tensor, "N P"]:
    """Walk a pack's tokens along ``levels``.

    The videos of a pack share the levels, the decisions of step reuse and, on some machines, the last bits of their
    sums: a video that must not depend on others is walked in a pack of its own.

    Args:
        denoiser: gives the velocity of every token of a pack.
        start: latents where known; elsewhere noise, or what :func:`langit.flow.path.on_path` makes of latents at the
            first of the levels.
        texts: a prompt for each video of the pack; ``without`` the texts that guidance moves away from.
        levels: falling noise levels, one more than there are steps; from 1, or from less to keep some of the start.
        solver: one step of an ordinary differential equation.
        guidance: 1 asks the model once a step; any other number twice.
        to_state: turns the denoiser's layout of a token into the pack's.
        guidance_from: steps that begin above this level are not guided, nor are those at or below ``guidance_to``.
        guidance_to: see there. Where guidance begins or ends the field changes, and solver and reuse begin anew.
        reuse: the threshold of :func:`langit.flow.reuse.reusing`; 0 asks at every step. The last step always asks.
        known: tokens that are given; they stay at level zero.
        on_step: told of every step.
    """
    steps = list(zip(levels[:-1], levels[1:], strict=True))
    assert steps and all(1 >= level > after >= 0 for level, after in steps), f"levels {list(levels)} do not fall"
    given = torch.zeros_like(start.noise, dtype=torch.bool) if known is None else known
    moving = (~given).to(start.noise.dtype)
    both = TextPack(torch.cat([texts.tokens, without.tokens]), texts.lengths + without.lengths)

    def told(tokens: Tensor, level: float) -> Tensor:
        here = replace(start, tokens=tokens, noise=level * moving)
        return to_state(denoiser(here, texts)) * moving[:, None]

    def told_twice(tokens: Tensor, level: float) -> Tensor:
        here = replace(start, tokens=tokens, noise=level * moving)
        with_text, plain = to_state(denoiser(repeated(here, 2), both)).chunk(2)
        return guided(with_text, plain, guidance) * moving[:, None]

    state, guiding = State(start.tokens, levels[0]), False
    for step, (level, after) in enumerate(steps, start=1):
        now = guidance != 1.0 and guidance_to < level <= guidance_from
        if now != guiding:
            state, guiding = State(state.x, level), now
        field: Field = reusing(told_twice if now else told, reuse if step < len(steps) else 0.0, ~given)
        before, state = state, solver(state, after, field)
        state = replace(state, x=torch.where(given[:, None], start.tokens, state.x))  # (N, P), to the bit
        if on_step is not None:
            slope = (state.x - before.x) / (after - level)
            here = replace(start, tokens=state.x, noise=after * moving)
            on_step(Step(step, len(steps), here, state.x - after * slope))
    return state.x
