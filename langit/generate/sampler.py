"""The sampling loop: from noise to latents with a solver, a schedule and a denoiser that are arguments.

One loop serves every ability. A mask over tokens says which patches are known: these keep their value at noise level
zero, while all others move towards data, from noise or from a lower level. All state is in the solver's value. The
module does not know prompts, pixels or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from langit.flow.guidance import guided_velocity
from langit.flow.reuse import VelocityField, reuse_velocity
from langit.flow.solvers import Solver, SolverState
from langit.offload.host import keep_freed_memory
from langit.patches import Pack, TextPack, channels_last, join_texts, unpack

Denoiser = Callable[[Pack, TextPack], Tensor]


@dataclass(frozen=True, eq=False)
class SamplingStep:
    """A finished step: ``number`` counts from 1 to ``total``.

    Steps count on over several ``windows`` where one video takes several, or several videos are generated; this one
    belongs to number ``window``, counted from 1.
    """

    number: int
    total: int
    pack: Pack
    clean: Float[Tensor, "N P"]  # the tokens that the velocity of this step points to, an estimate of the result
    state: SolverState
    guided: bool  # whether the velocity of this step was guided
    window: int = 1
    windows: int = 1

    @property
    def latents(self) -> list[Float[Tensor, "_ _ _ _"]]:
        """Estimates of the finished videos."""
        return unpack(self.pack, channels_last(self.clean, self.pack.patch))


OnStep = Callable[[SamplingStep], None]


@dataclass(frozen=True, eq=False)
class SavedStep:
    """Where the sampling of a window may go on: what its step ``number`` left, see :class:`SamplingStep`."""

    number: int
    state: SolverState
    guided: bool


@runtime_checkable
class ResumableSteps(Protocol):
    """A callback for steps that may also know where an earlier run of the same request ended."""

    def __call__(self, step: SamplingStep) -> None:
        """Report a step."""

    def resume(self, window: int) -> SavedStep | None:
        """The last saved step of window number ``window``, counted from 1; None to begin it."""


@dataclass(frozen=True)
class WindowSteps:
    """A callback that reports the steps of window ``index`` (from 0) as a part of those of all ``windows``."""

    on_step: OnStep
    index: int
    windows: int

    def __call__(self, step: SamplingStep) -> None:
        """Report a step."""
        self.on_step(
            replace(
                step,
                number=self.index * step.total + step.number,
                total=self.windows * step.total,
                window=self.index + 1,
                windows=self.windows,
            )
        )

    def resume(self, window: int) -> SavedStep | None:
        """The last saved step of this window."""
        return self.on_step.resume(self.index + window) if isinstance(self.on_step, ResumableSteps) else None


def count_over(on_step: OnStep | None, index: int, windows: int) -> OnStep | None:
    """A callback that reports the steps of window ``index`` (from 0) as a part of those of all ``windows``."""
    return None if on_step is None else WindowSteps(on_step, index, windows)


def repeat_pack(pack: Pack, times: int) -> Pack:
    """The videos of a pack ``times`` times, end to end."""
    return replace(
        pack,
        tokens=pack.tokens.repeat(times, 1),
        positions=pack.positions.repeat(times, 1),
        noise=pack.noise.repeat(times),
        lengths=pack.lengths * times,
        grids=pack.grids * times,
        control=None if pack.control is None else pack.control.repeat(times, 1),
    )


@torch.no_grad()
@keep_freed_memory()
def sample(
    denoiser: Denoiser,
    start: Pack,
    texts: TextPack,
    negatives: TextPack,
    *,
    levels: Sequence[float],
    solver: Solver,
    guidance: float,
    to_state: Callable[[Tensor], Tensor],
    guidance_from: float = 1.0,
    guidance_to: float = 0.0,
    reuse: float = 0.0,
    known: Bool[Tensor, " N"] | None = None,
    experts: Callable[[float], tuple[Denoiser, float]] | None = None,
    level_for_model: Callable[[float], float] | None = None,
    on_step: OnStep | None = None,
) -> Float[Tensor, "N P"]:
    """Solve the flow's differential equation for a pack's tokens along ``levels``.

    The videos of a pack share the levels, the decisions of step reuse and, on some machines, the last bits of their
    sums: sample a video in a pack of its own if it must not depend on others.

    Args:
        denoiser: gives the velocity of every token of a pack.
        start: latents where known; elsewhere noise, or what :func:`langit.flow.path.on_path` makes of latents at the
            first of the levels.
        texts: a prompt for each video of the pack.
        negatives: for each video the text that guidance moves away from.
        levels: falling noise levels, one more than there are steps; from 1, or from less to keep some of the start.
        solver: one step of an ordinary differential equation.
        guidance: 1 evaluates the denoiser once a step, any other number twice.
        to_state: converts the denoiser's token layout to the pack's, and its dtype to that of the state.
        guidance_from: steps that begin above this level are not guided.
        guidance_to: steps at or below this level are not guided either. Solver and reuse start afresh where guidance
            begins or ends, because the velocity field changes there.
        reuse: the threshold of :func:`langit.flow.reuse.reuse_velocity`; 0 evaluates at every step. The last step
            always evaluates.
        known: tokens that are given; they stay at level zero.
        experts: the denoiser and the guidance at a level, for models with one network for much noise and one for
            little; instead of ``denoiser`` and ``guidance``. Solvers go on from one to the other.
        level_for_model: what the denoiser is told of a level, where that is not the level itself.
        on_step: is called after every step. If it is a :class:`ResumableSteps` with a saved step, the steps up to that
            one are not taken again; the result is the same to the bit.

    Raises:
        ValueError: a step gives values that are not finite, which would be shown as black frames.
    """
    steps = list(zip(levels[:-1], levels[1:], strict=True))
    assert steps and all(1 >= level > after >= 0 for level, after in steps), f"levels {list(levels)} do not fall"
    given = torch.zeros_like(start.noise, dtype=torch.bool) if known is None else known
    moving = (~given).to(start.noise.dtype)
    both = join_texts(texts, negatives)
    choose = (lambda level: (denoiser, guidance)) if experts is None else experts  # noqa: ARG005
    hear = (lambda level: level) if level_for_model is None else level_for_model

    def velocity(tokens: Tensor, level: float) -> Tensor:
        here = replace(start, tokens=tokens, noise=hear(level) * moving)
        return to_state(choose(level)[0](here, texts)) * moving[:, None]

    def velocity_with_guidance(tokens: Tensor, level: float) -> Tensor:
        here = replace(start, tokens=tokens, noise=hear(level) * moving)
        expert, scale = choose(level)
        # One pack with every video twice: the two halves cost less together than one after the other.
        positive, negative = to_state(expert(repeat_pack(here, 2), both)).chunk(2)
        return guided_velocity(positive, negative, scale) * moving[:, None]

    saved = on_step.resume(1) if isinstance(on_step, ResumableSteps) else None
    done, state, guided = 0, SolverState(start.tokens, levels[0]), False
    expert = choose(levels[0])[0]
    if saved is not None:
        done, state, guided = saved.number, saved.state, saved.guided
        assert state.level == levels[done], f"the saved state is at level {state.level:g}, not {levels[done]:g}"
    for number, (level, after) in enumerate(steps[done:], start=done + 1):
        now, scale = choose(level)
        if now is not expert:
            state, expert = replace(state, memory=None), now  # a velocity of another network is not reused
        now_guided = scale != 1.0 and guidance_to < level <= guidance_from
        if now_guided != guided:
            state, guided = SolverState(state.x, level), now_guided  # multistep solvers forget the other field
        field = velocity_with_guidance if guided else velocity
        reusing: VelocityField = reuse_velocity(field, reuse if number < len(steps) else 0.0, ~given)
        before, state = state, solver(state, after, reusing)
        # Solvers leave rounding errors in tokens of velocity zero; known ones must stay equal to the bit.
        state = replace(state, x=torch.where(given[:, None], start.tokens, state.x))  # N P
        if not state.x.isfinite().all():
            raise ValueError(
                f"step {number} of {len(steps)} gave values that are not finite: weights are damaged (get them again),"
                " too large for the dtype (use --dtype bf16 or fp32), or the guidance is far too strong"
            )
        if on_step is not None:
            slope = (state.x - before.x) / (after - level)
            here = replace(start, tokens=state.x, noise=after * moving)
            on_step(SamplingStep(number, len(steps), here, state.x - after * slope, state, guided))
    return state.x
