"""Sampling settings of a model: plain values, kept in its bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from langit.flow.levels import LevelsConfig, sampling_levels
from langit.flow.schedules import Schedule, euler_schedule, listed_schedule, unipc_schedule
from langit.flow.solvers import Solver, renoising, solver
from langit.text.prompt import LATIN, check_form, check_prompt, normalize_prompt


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
                self._check_negative()
            except ValueError as error:
                raise ValueError(f"negative prompt: {error}") from error

    def _check_negative(self) -> None:
        check_prompt(self.negative, LATIN)

    def schedule(self, tokens: int, share: float) -> Schedule:
        """The levels of the last ``share`` of the steps, for a video of so many tokens."""
        levels = sampling_levels(self.steps, tokens, self.levels, share).tolist()
        return Schedule(tuple(levels), tuple(levels[:-1]))

    def step(self, draw: Callable[[float], Tensor]) -> Solver:  # noqa: ARG002  (for samplers that add noise)
        """The solver; ``draw`` gives it fresh noise for a level, if it asks for it."""
        return solver(self.solver)

    @property
    def negative_text(self) -> str:
        """The negative prompt, normalized like any prompt."""
        return normalize_prompt(self.negative) if self.negative else ""


@dataclass(frozen=True)
class OpenSampling(SamplingConfig):
    """How open weights are sampled: by the schedules of published schedulers, with one shift for all sizes.

    scheduler: "unipc" or "euler", as diffusers' schedulers; or "listed", the ``timesteps`` of a few-step model.
    shift: moves the schedule towards noise.
    boundary, guidance_low: below this level the second expert samples, with guidance of its own.
    renoise: each step noises its prediction again with fresh noise, instead of the solver's step.
    """

    solver: str = "unipc"
    scheduler: str = "unipc"
    shift: float = 5.0
    boundary: float | None = None
    guidance_low: float | None = None
    timesteps: tuple[float, ...] = ()
    renoise: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scheduler not in ("unipc", "euler", "listed"):
            raise ValueError(f"scheduler {self.scheduler!r} is unknown: use unipc, euler or listed")
        if not 0.1 <= self.shift <= 100:
            raise ValueError(f"shift {self.shift} is out of range: use a number from 0.1 to 100")
        if self.boundary is not None and not 0 < self.boundary < 1:
            raise ValueError(f"boundary {self.boundary} is not between noise and data: use a number between 0 and 1")
        if self.guidance_low is not None and not 0 <= self.guidance_low <= 50:
            raise ValueError(f"guidance_low {self.guidance_low} is out of range: use 0 to 50 (1 is none)")
        if self.scheduler == "listed" and self.steps != len(self.timesteps):
            raise ValueError(
                f"{self.steps} steps are not the {len(self.timesteps)} that these weights were distilled for"
                f" ({', '.join(f'{t:g}' for t in self.timesteps)}): leave steps out, or set them to"
                f" {len(self.timesteps)}"
            )
        if self.renoise and self.solver != "euler":
            raise ValueError(f"solver {self.solver} does not count where each step adds fresh noise: leave it out")
        if self.renoise and self.reuse:
            raise ValueError(f"reuse {self.reuse:g} contradicts steps that add fresh noise: leave it out")
        self.schedule(1, 1.0)  # raises on timesteps that do not fall

    def _check_negative(self) -> None:
        check_form(self.negative, longest=None)

    @property
    def negative_text(self) -> str:
        """The negative prompt as it was written: these models clean it themselves."""
        return self.negative

    def schedule(self, tokens: int, share: float) -> Schedule:  # noqa: ARG002  (the same for all sizes)
        """The levels of the last ``share`` of the steps."""
        if self.scheduler == "listed":
            return listed_schedule(self.timesteps, self.shift).tail(share)
        make = unipc_schedule if self.scheduler == "unipc" else euler_schedule
        return make(self.steps, self.shift).tail(share)

    def step(self, draw: Callable[[float], Tensor]) -> Solver:
        """The solver, or the sampler that noises again."""
        return renoising(draw) if self.renoise else super().step(draw)
