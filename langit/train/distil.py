"""Distillation: an adapter learns to go, in one unguided evaluation, as far as the guided model goes in several.

The student is the frozen base with an adapter; the teacher is the base alone, evaluated with the caption and without.
From a clip at noise level t the teacher moves to t', the student's next level, in ``substeps`` guided steps of the
midpoint rule. The student's answer at t is trained towards the straight line between the two,
(x_t' - x_t) / (t' - t): progressive distillation (arXiv 2202.00512) in one go, with guidance folded in
(arXiv 2210.03142). Sampled with Euler's steps such a student arrives where the teacher does.

The midpoint rule is of second order and evaluates nothing at level 0, which the model was never trained at. Where the
caption is empty both answers of the teacher are the same, so the student learns unguided sampling there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.flow.guidance import guided_velocity
from langit.flow.levels import LevelsConfig, draw_levels, shift_for, shift_levels
from langit.flow.reuse import reuse_velocity
from langit.flow.solvers import SolverState, midpoint
from langit.patches import Pack, TextPack, channels_first, channels_last
from langit.text.encoder import TextEncoder
from langit.train.drawing import draw_captions, draw_noised, weighted_mean
from langit.train.microbatch import sharing_weights
from langit.train.optim import ParameterKind
from langit.train.tasks import FlowConfig, SavePreview, averaged_weights
from langit.transformer.adapter import Adapter
from langit.transformer.protocol import Denoiser

MIN_LEVEL = 1e-3  # the lowest level that is drawn: at 0 nothing is left to move


@dataclass(frozen=True)
class DistilConfig:
    """What the student is to do, and what the teacher does for it.

    Most clips are drawn at one of the ``steps`` levels at which sampling evaluates the student, a share of ``free`` at
    any level, as training the flow draws them, so that neighbouring levels agree.
    """

    rank: int = 64  # of the adapter
    steps: int = 6  # of the student's sampling, one evaluation each
    guidance: float = 4.0  # of the teacher
    substeps: int = 2  # of the teacher within one of the student's: four evaluations each
    free: float = 0.2

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "substeps"):
            if getattr(self, name) < 1:
                raise ValueError(f"distil.{name} {getattr(self, name)}: use a whole number of at least 1")
        if not 0 <= self.guidance <= 50:
            raise ValueError(f"distil.guidance {self.guidance} is out of range: use 0 to 50 (1 is no guidance)")
        if not 0 <= self.free <= 1:
            raise ValueError(f"distil.free {self.free} is not a share: use 0 to 1")


def draw_intervals(
    counts: tuple[int, ...],
    config: DistilConfig,
    sampling: LevelsConfig,
    free: LevelsConfig,
    generator: torch.Generator,
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """Draw for each video a level, and the level that the student's step from there leads to.

    Args:
        counts: tokens of each video.
        config: the student's steps, and the share of levels that are drawn freely.
        sampling: the levels that sampling goes through.
        free: how the others are drawn.
        generator: a CPU generator.
    """
    shifts = torch.tensor([shift_for(count, sampling) for count in counts])
    number = torch.randint(1, config.steps + 1, (len(counts),), generator=generator)
    pick = torch.rand(len(counts), generator=generator) < config.free
    drawn = draw_levels(counts, free, generator).clamp(min=MIN_LEVEL)
    # Before the shift the student's levels are evenly spaced, so the next one is 1 / steps below.
    flat = torch.where(pick, shift_levels(drawn, 1 / shifts), number / config.steps)
    after = (flat - 1 / config.steps).clamp(min=0.0)
    return shift_levels(flat, shifts), shift_levels(after, shifts)


class DistilTask:
    """The student's answer against the teacher's, on what :class:`langit.train.tasks.FlowTask` would draw."""

    def __init__(
        self,
        transformer: Denoiser,
        text: TextEncoder,
        adapter: Adapter,
        config: DistilConfig,
        flow: FlowConfig,
        sampling: LevelsConfig,
        preview: SavePreview,
    ) -> None:
        self.transformer = transformer.requires_grad_(False)
        self.text, self.adapter, self.preview = text, adapter, preview
        self.config, self.flow, self.sampling = config, flow, sampling

    def modules(self) -> dict[str, nn.Module]:
        return {"adapter": self.adapter}

    def replica(self) -> DistilTask:
        transformer, adapter = sharing_weights(self.transformer), sharing_weights(self.adapter)
        return DistilTask(transformer, self.text, adapter, self.config, self.flow, self.sampling, self.preview)

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:  # noqa: ARG002
        """AdamW for all: Muon would move every direction of a thin factor alike, which low-rank factors must not."""
        return "other"

    def loss(self, batch: Batch[LatentItems], step: int, generator: torch.Generator) -> Tensor:
        errors, levels = self.losses(batch, generator)
        weight = self.flow.thing_weight if step >= self.flow.thing_after else 0.0
        return weighted_mean(errors, levels, batch.items.shares, weight)

    def losses(self, batch: Batch[LatentItems], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Squared error of each token's velocity (N,), and each token's noise level (N,): zero where it is known."""
        items, flow = batch.items, self.flow
        with torch.no_grad():
            prompts = draw_captions(items.captions, self.text, flow.drop_caption, flow.drop_word, generator)
            levels, after = draw_intervals(items.lengths, self.config, self.sampling, flow.levels, generator)
            noised = draw_noised(items, levels, flow.known, generator)
            interval = (levels - after).repeat_interleave(torch.tensor(noised.clean.lengths))
            target = self.teacher_velocity(noised.shown, prompts, interval.to(noised.clean.tokens.device))
        predicted = self.adapter.adapted_forward(self.transformer, noised.shown, prompts)
        errors = predicted.float() - channels_last(target, noised.clean.patch)
        return errors.square().mean(1), noised.shown.noise

    @torch.no_grad()
    def teacher_velocity(self, shown: Pack, prompts: TextPack, interval: Float[Tensor, " N"]) -> Float[Tensor, "N P"]:
        """The slope of the straight line to where the teacher arrives; zero where tokens are known.

        Videos are at levels of their own, so they are solved together over a variable that runs from 1 to 0 across each
        one's interval: dx/ds is the interval times the velocity, and a linear change of the variable leaves the
        midpoint rule what it is.
        """
        moving = (shown.noise > 0).to(shown.noise.dtype)
        empty, lengths = self.text.encode([""])
        unconditional = TextPack(empty.repeat(len(prompts.lengths), 1), lengths * len(prompts.lengths))
        scale = self.config.guidance

        def velocity(x: Tensor, part: float) -> Tensor:
            here = replace(shown, tokens=x, noise=(shown.noise - (1 - part) * interval) * moving)
            slope = self.transformer(here, prompts).float()
            if scale != 1:
                slope = guided_velocity(slope, self.transformer(here, unconditional).float(), scale)
            return channels_first(slope, shown.patch) * (interval * moving)[:, None]

        state = SolverState(shown.tokens, 1.0)
        for number in range(self.config.substeps, 0, -1):
            state = midpoint(state, (number - 1) / self.config.substeps, reuse_velocity(velocity, 0.0))
        return (shown.tokens - state.x) / interval[:, None] * moving[:, None]

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        with averaged_weights(self.modules(), ema), torch.no_grad():
            self.preview(step, folder)
