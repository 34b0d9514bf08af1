"""Distillation: an adapter learns to go in one unguided answer as far as the guided model goes in many.

The student is the frozen base and an adapter; the teacher is the base alone, asked with the caption and without. From
a clip at noise level t the teacher walks to t', the student's next level, in ``substeps`` guided steps of the midpoint
rule; the student's answer at t is to be the straight line there, (x_t' - x_t) / (t' - t): progressive distillation
(arXiv 2202.00512) in one go, with guidance folded in (arXiv 2210.03142). Walked by Euler's steps such a student lands
where the teacher does. The midpoint rule is of second order and asks nothing at level 0, of which the model knows
nothing. Where the caption is empty both answers of the teacher are one, so the student learns the plain walk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.flow.guidance import guided
from langit.flow.levels import LevelsConfig, draw_levels, shift_for, shifted
from langit.flow.reuse import reusing
from langit.flow.solvers import State, midpoint
from langit.patches import Pack, TextPack, channels_first, channels_last
from langit.text.encoder import TextEncoder
from langit.train.drawing import draw_captions, draw_noised, weighed
from langit.train.lanes import shared
from langit.train.optim import Kind
from langit.train.tasks import FlowConfig, Look, averaged
from langit.transformer.adapter import Adapter
from langit.transformer.model import VideoTransformer

LEAST = 1e-3  # the lowest level that is drawn: at 0 there is nothing left to walk


@dataclass(frozen=True)
class DistilConfig:
    """Who the student is to become, and what the teacher does for it.

    Most clips are drawn at one of the ``steps`` levels at which generating asks the student, a share of ``free`` at any
    level, as training the flow draws them, so that neighbouring levels agree.
    """

    rank: int = 64  # of the adapter
    steps: int = 6  # of the student's walk, one evaluation each
    guidance: float = 4.0  # of the teacher
    substeps: int = 2  # of the teacher within one of the student's: four evaluations each
    free: float = 0.2

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "substeps"):
            if getattr(self, name) < 1:
                raise ValueError(f"distil.{name} {getattr(self, name)}: give a whole number of at least 1")
        if not 0 <= self.guidance <= 50:
            raise ValueError(f"distil.guidance {self.guidance} is out of range: use 0 to 50 (1 is none)")
        if not 0 <= self.free <= 1:
            raise ValueError(f"distil.free {self.free} is not a share: give 0 to 1")


def draw_steps(
    counts: tuple[int, ...], config: DistilConfig, walk: LevelsConfig, free: LevelsConfig, generator: torch.Generator
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """For each video a level and the one that the student's step from there leads to.

    Args:
        counts: tokens of each video.
        config: the student's steps, and the share of levels that are drawn freely.
        walk: the levels that generating walks.
        free: how the others are drawn.
        generator: of all that is drawn.
    """
    shifts = torch.tensor([shift_for(count, walk) for count in counts])
    number = torch.randint(1, config.steps + 1, (len(counts),), generator=generator)
    pick = torch.rand(len(counts), generator=generator) < config.free
    drawn = draw_levels(counts, free, generator).clamp(min=LEAST)
    flat = torch.where(pick, shifted(drawn, 1 / shifts), number / config.steps)
    after = (flat - 1 / config.steps).clamp(min=0.0)
    return shifted(flat, shifts), shifted(after, shifts)


class DistilTask:
    """The student's answer against the teacher's walk, on what :class:`langit.train.tasks.FlowTask` would draw."""

    def __init__(
        self,
        transformer: VideoTransformer,
        text: TextEncoder,
        adapter: Adapter,
        config: DistilConfig,
        flow: FlowConfig,
        walk: LevelsConfig,
        look: Look,
    ) -> None:
        self.transformer = transformer.requires_grad_(False)
        self.text, self.adapter, self.config, self.flow, self.walk, self.look = text, adapter, config, flow, walk, look

    def modules(self) -> dict[str, nn.Module]:
        return {"adapter": self.adapter}

    def twin(self) -> DistilTask:
        mine = shared(self.transformer), self.text, shared(self.adapter)
        return DistilTask(*mine, self.config, self.flow, self.walk, self.look)

    def kind_of(self, name: str, parameter: nn.Parameter) -> Kind:  # noqa: ARG002
        """Thin factors are no matrices whose directions should all count alike: AdamW moves them."""
        return "other"

    def loss(self, batch: Batch, step: int, generator: torch.Generator) -> Tensor:
        wrong, level = self.losses(batch, generator)
        weight = self.flow.thing_weight if step >= self.flow.thing_after else 0.0
        return weighed(wrong, level, batch.items.shares, weight)

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Squared error of each token's slope (N,), and each token's noise level (N,): zero where it is known."""
        with torch.no_grad():
            prompts = draw_captions(
                batch.items.captions, self.text, self.flow.drop_caption, self.flow.drop_word, generator
            )
            levels, after = draw_steps(batch.kind, self.config, self.walk, self.flow.levels, generator)
            noised = draw_noised(batch.items, levels, self.flow.known, generator)
            stretch = (levels - after).repeat_interleave(torch.tensor(noised.clean.lengths))
            target = self.target(noised.shown, prompts, stretch)
        answer = self.adapter.ask(self.transformer, noised.shown, prompts)
        wrong = answer - channels_last(target, noised.clean.patch)
        return wrong.square().mean(1), noised.shown.noise

    @torch.no_grad()
    def target(self, shown: Pack, prompts: TextPack, stretch: Float[Tensor, " N"]) -> Float[Tensor, "N P"]:
        """The slope of the straight line to where the teacher gets; zero where tokens are known.

        Videos are at levels of their own, so they walk together from 1 to 0 of their stretches: dx/ds is the stretch
        times the velocity, and a straight change of the variable leaves the midpoint rule what it is.
        """
        moving = (shown.noise > 0).to(shown.noise.dtype)
        words, lengths = self.text.encode([""])
        nothing = TextPack(words.repeat(len(prompts.lengths), 1), lengths * len(prompts.lengths))
        scale = self.config.guidance

        def velocity(x: Tensor, part: float) -> Tensor:
            here = replace(shown, tokens=x, noise=(shown.noise - (1 - part) * stretch) * moving)
            slope = self.transformer(here, prompts)
            if scale != 1:
                slope = guided(slope, self.transformer(here, nothing), scale)
            return channels_first(slope, shown.patch) * (stretch * moving)[:, None]

        state = State(shown.tokens, 1.0)
        for number in range(self.config.substeps, 0, -1):
            state = midpoint(state, (number - 1) / self.config.substeps, reusing(velocity, 0.0))
        return (shown.tokens - state.x) / stretch[:, None] * moving[:, None]

    def show(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        with averaged(self.modules(), ema), torch.no_grad():
            self.look(step, folder)
