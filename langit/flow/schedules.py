"""Schedules of published schedulers: the levels that a solver steps along, and the level that the model hears of.

The two differ where a scheduler rounds timesteps. All values are computed as diffusers computes them, in double
precision and then rounded to single, so that the solver sees the same numbers. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TRAIN_STEPS = 1000  # Wan counts noise levels from 0 to 1000
TOP = 1e-6  # UniPC starts this much below level 1, where the signal-to-noise ratio has no logarithm


@dataclass(frozen=True)
class Schedule:
    """``levels`` fall to 0; ``told`` has one entry per step, what the model is told of the level that it starts at."""

    levels: tuple[float, ...]
    told: tuple[float, ...]

    def __post_init__(self) -> None:
        assert len(self.levels) == len(self.told) + 1 > 1, "a step has a start and an end"

    def tail(self, share: float) -> Schedule:
        """The last ``share`` of the steps, at least one: for a video that is only partly noised."""
        # The tolerance absorbs rounding of steps * share.
        taken = max(1, math.ceil(len(self.told) * share - 1e-3))
        return Schedule(self.levels[-taken - 1 :], self.told[-taken:])

    def level_for_model(self, level: float) -> float:
        """What the model is told at a level: the entry of the step that starts there, else the level itself."""
        return next((told for at, told in zip(self.levels, self.told, strict=False) if at == level), level)


def shift_level(level: np.ndarray, shift: float) -> np.ndarray:
    """Move levels towards noise (SD3, arXiv 2403.03206, eq. 23), in the form that diffusers computes."""
    shifted: np.ndarray = shift * level / (1 + (shift - 1) * level)
    return shifted


def unipc_schedule(steps: int, shift: float) -> Schedule:
    """The schedule of diffusers' ``UniPCMultistepScheduler`` with flow sigmas: timesteps are cut to whole numbers.

    Raises:
        ValueError: ``steps`` is below 1.
    """
    _check_steps(steps)
    sigmas = shift_level(np.linspace(1, 1 / TRAIN_STEPS, steps + 1)[:-1], shift)
    if abs(sigmas[0] - 1) < TOP:
        sigmas[0] -= TOP
    timesteps = (sigmas * TRAIN_STEPS).astype(np.int64)
    return _schedule(sigmas, timesteps / TRAIN_STEPS)


def euler_schedule(steps: int, shift: float) -> Schedule:
    """The schedule of diffusers' ``FlowMatchEulerDiscreteScheduler``, which shifts twice and keeps fractions.

    Raises:
        ValueError: ``steps`` is below 1.
    """
    _check_steps(steps)
    first, last = shift_level(np.array([1.0, 1 / TRAIN_STEPS], dtype=np.float32), shift)
    sigmas = shift_level(np.linspace(first * TRAIN_STEPS, last * TRAIN_STEPS, steps) / TRAIN_STEPS, shift)
    return _schedule(sigmas, sigmas.astype(np.float32).astype(np.float64))


def listed_schedule(timesteps: Sequence[float], shift: float = 1.0) -> Schedule:
    """The schedule of a model that was distilled for a few timesteps, which fall from at most 1000.

    Raises:
        ValueError: they do not fall, or are no timesteps.
    """
    ends = [*timesteps, 0.0]
    if not timesteps or any(not TRAIN_STEPS >= a > b >= 0 for a, b in zip(ends[:-1], ends[1:], strict=True)):
        raise ValueError(
            f"timesteps {', '.join(f'{t:g}' for t in timesteps)} do not fall from at most {TRAIN_STEPS} to above 0"
        )
    sigmas = shift_level(np.array(timesteps, dtype=np.float64) / TRAIN_STEPS, shift)
    return _schedule(sigmas, sigmas)


def _schedule(sigmas: np.ndarray, told: np.ndarray) -> Schedule:
    levels = [*map(float, sigmas.astype(np.float32)), 0.0]
    return Schedule(tuple(levels), tuple(map(float, told)))


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"{steps} steps are too few: use at least 1")
