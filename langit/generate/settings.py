"""How a model is sampled when a person says nothing about it: plain values, kept in the bundle."""

from __future__ import annotations

from dataclasses import dataclass

from langit.flow.levels import LevelsConfig
from langit.flow.solvers import solver


@dataclass(frozen=True)
class SamplingConfig:
    """How a model is sampled when a person says nothing about it."""

    steps: int = 25
    guidance: float = 4.0
    solver: str = "euler"
    levels: LevelsConfig = LevelsConfig()

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps cannot make a video: use at least 1")
        if not 0 <= self.guidance <= 50:
            raise ValueError(f"guidance {self.guidance} is out of range: use 0 to 50 (1 is none)")
        solver(self.solver)
