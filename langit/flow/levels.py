"""Noise levels: drawn for training, and the schedule for sampling. Both use the same shift.

The shift moves levels towards noise, t' = s t / (1 + (s - 1) t) (SD3, arXiv 2403.03206, eq. 23). s grows with the
square root of the token count: more tokens average out more noise, so large videos need more of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LevelsConfig:
    """The shift at ``base_tokens`` tokens, and the mixture that training draws levels from."""

    shift: float = 3.0
    base_tokens: int = 80
    mean: float = 0.0  # of the logit-normal
    spread: float = 1.0
    uniform_share: float = 0.2  # share of draws that are uniform: the logit-normal hardly reaches the ends

    def __post_init__(self) -> None:
        if not 1 <= self.shift <= 100:  # above 100 the first levels of a schedule round to the same number
            raise ValueError(f"shift {self.shift} is out of range: use a number from 1 to 100")
        if self.base_tokens < 1:
            raise ValueError(f"base_tokens {self.base_tokens} is too small: use a whole number of at least 1")
        if not 0 < self.spread < math.inf:
            raise ValueError(f"spread {self.spread} is not positive and finite: use a number above 0")
        if not 0 <= self.uniform_share <= 1:
            raise ValueError(f"uniform_share {self.uniform_share} is out of range: use a number from 0 to 1")


def shift_for(tokens: int, config: LevelsConfig) -> float:
    """The shift for a video of that many tokens: ``config.shift`` x sqrt(tokens / base_tokens), at least 1."""
    return max(1.0, config.shift * math.sqrt(tokens / config.base_tokens))


def shift_levels(level: Float[Tensor, "*n"], shift: float | Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Move levels in [0, 1] towards noise by ``shift``; 1 leaves them, and 1 / shift is the inverse."""
    # Unlike eq. 23 as written, this form gives exactly 1 at level 1 in floating point, and never more.
    return shift * level / (shift * level + (1 - level))


def draw_levels(token_counts: tuple[int, ...], config: LevelsConfig, generator: torch.Generator) -> Float[Tensor, " n"]:
    """Draw one training level per video, on the CPU: logit-normal or uniform, then shifted by its token count."""
    count = len(token_counts)
    logits = config.mean + config.spread * torch.randn(count, generator=generator, device="cpu")
    uniform = torch.rand(count, generator=generator, device="cpu")
    pick = torch.rand(count, generator=generator, device="cpu") < config.uniform_share
    shifts = torch.tensor([shift_for(tokens, config) for tokens in token_counts], device="cpu")
    return shift_levels(torch.where(pick, uniform, torch.sigmoid(logits)), shifts)


def sampling_levels(steps: int, tokens: int, config: LevelsConfig, start: float = 1.0) -> Float[Tensor, " m"]:
    """The schedule of noise levels for sampling, on the CPU, from 1 (noise) to 0 (data).

    Args:
        steps: steps of a full schedule.
        tokens: the video's token count.
        config: the shift.
        start: the level before the shift that sampling starts from, above 0; below 1 for a video that is only partly
            noised. Steps are as long as those of the full schedule; the last one ends at 0 and may be shorter.

    Raises:
        ValueError: ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps are too few: use at least 1")
    assert 0 < start <= 1, f"start {start} is not in (0, 1]"
    taken = max(1, math.ceil(steps * start - 1e-3))  # the tolerance absorbs rounding of steps * start
    levels = torch.linspace(start, start - taken / steps, taken + 1, device="cpu")
    levels[-1] = 0.0
    return shift_levels(levels, shift_for(tokens, config))
