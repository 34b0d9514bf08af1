"""How a model is sampled when a person says nothing about it: plain values, kept in the bundle."""

from __future__ import annotations

from dataclasses import dataclass

from langit.flow.levels import LevelsConfig
from langit.flow.solvers import solver
from langit.text.prompt import check_prompt


@dataclass(frozen=True)
class SamplingConfig:
    """How a model is sampled when a person says nothing about it. Levels of noise run from 1 to 0 (data).

    Solver and steps are those of `benchmarks/r5_steps.py`: nearer to the exact walk than Euler at 25 steps, at half the
    cost, and no less of what the prompt tells.
    """

    steps: int = 12
    guidance: float = 4.0
    solver: str = "ab2"
    guidance_from: float = 1.0  # steps that begin above this level are not guided,
    guidance_to: float = 0.0  # nor are those at or below this one: they ask the model once instead of twice
    negative: str = ""  # what guidance moves away from
    reuse: float = 0.0  # predicted relative change up to which the last answer serves again; 0 asks at every step
    levels: LevelsConfig = LevelsConfig()
    adapter: str = ""  # of the bundle, whose weights are walked with; empty for the model's own

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps cannot make a video: use at least 1")
        if self.steps > 1000:
            raise ValueError(f"{self.steps} steps are more than the levels that a model tells apart: use at most 1000")
        if not 0 <= self.guidance <= 50:
            raise ValueError(f"guidance {self.guidance} is out of range: use 0 to 50 (1 is none)")
        for name in ("guidance_from", "guidance_to"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} is not a level of noise: use 0 (data) to 1 (noise)")
        if self.guidance_to >= self.guidance_from:
            raise ValueError(
                f"guidance from level {self.guidance_from} down to {self.guidance_to} is nowhere:"
                " let guidance_to be the smaller, or set guidance=1 for none"
            )
        if not 0 <= self.reuse <= 1:
            raise ValueError(f"reuse {self.reuse} is not a share of change: use 0 (none) to 1, such as 0.05")
        solver(self.solver)
        if self.negative:
            try:
                check_prompt(self.negative)
            except ValueError as error:
                raise ValueError(f"negative prompt: {error}") from error

    @property
    def without(self) -> str:
        """The text that guidance moves away from, as a prompt is read."""
        return check_prompt(self.negative) if self.negative else ""
