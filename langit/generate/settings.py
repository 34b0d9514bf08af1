"""Sampling settings of a model: plain values, kept in its bundle."""

from __future__ import annotations

from dataclasses import dataclass

from langit.flow.levels import LevelsConfig
from langit.flow.solvers import solver
from langit.text.prompt import LATIN, check_prompt, normalize_prompt


@dataclass(frozen=True)
class SamplingConfig:
    """How a model is sampled unless a request says otherwise. Noise levels fall from 1 (noise) to 0 (data).

    The default solver and steps come from `benchmarks/r5_steps.py`: they are nearer to the exact solution than 25
    Euler steps, at half the cost, with the same fidelity to the prompt.
    """

    steps: int = 12
    guidance: float = 4.0
    solver: str = "ab2"
    guidance_from: float = 1.0  # steps that begin above this level are not guided,
    guidance_to: float = 0.0  # nor are those at or below this one: they evaluate the denoiser once instead of twice
    negative: str = ""  # the text that guidance moves away from
    reuse: float = 0.0  # predicted relative change up to which the last velocity is used again; 0 always evaluates
    levels: LevelsConfig = LevelsConfig()
    adapter: str = ""  # name of the bundle's adapter to sample with; empty for the model's own weights

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps {self.steps} is too few: use at least 1")
        if self.steps > 1000:
            # models are trained on 1000 discrete timesteps
            raise ValueError(f"steps {self.steps} is more than the 1000 timesteps of training: use at most 1000")
        if not 0 <= self.guidance <= 50:
            raise ValueError(f"guidance {self.guidance} is out of range: use 0 to 50 (1 is none)")
        for name in ("guidance_from", "guidance_to"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} is not a noise level: use 0 (data) to 1 (noise)")
        if self.guidance_to >= self.guidance_from:
            raise ValueError(
                f"guidance from level {self.guidance_from} down to {self.guidance_to} covers no step:"
                " set guidance_to below guidance_from, or guidance=1 to turn guidance off"
            )
        if not 0 <= self.reuse <= 1:
            raise ValueError(f"reuse {self.reuse} is not a relative change: use 0 (none) to 1, such as 0.05")
        solver(self.solver)
        if self.negative:
            try:
                check_prompt(self.negative, LATIN)
            except ValueError as error:
                raise ValueError(f"negative prompt: {error}") from error

    @property
    def negative_text(self) -> str:
        """The negative prompt, normalized like any prompt."""
        return normalize_prompt(self.negative) if self.negative else ""
