"""Noise levels: how training draws them and sampling walks them. One shift for both.

The shift moves levels towards noise, t' = s t / (1 + (s - 1) t) (SD3, arXiv 2403.03206, eq. 23); s grows with the
square root of the token count, so that large videos are not under-noised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LevelsConfig:
    """Shift at ``base_tokens`` tokens, and the mixture that training draws from."""

    shift: float = 3.0
    base_tokens: int = 80
    mean: float = 0.0  # of the logit-normal
    spread: float = 1.0
    uniform_share: float = 0.2  # of the draws are uniform, so that the ends are learnt too

    def __post_init__(self) -> None:
        if not 1 <= self.shift <= 100:  # beyond, the first levels of a walk are the same number
            raise ValueError(f"shift {self.shift} is not a shift towards noise: give a number from 1 to 100")
        if self.base_tokens < 1:
            raise ValueError(f"base_tokens {self.base_tokens}: give a whole number of at least 1")
        if not 0 < self.spread < math.inf:
            raise ValueError(f"spread {self.spread} of the levels: give a number above 0")
        if not 0 <= self.uniform_share <= 1:
            raise ValueError(f"uniform_share {self.uniform_share} is not a share: give 0 to 1")


def shift_for(tokens: int, config: LevelsConfig) -> float:
    """The shift for a video of that many tokens: ``config.shift`` x sqrt(tokens / base_tokens), at least 1."""
    return max(1.0, config.shift * math.sqrt(tokens / config.base_tokens))


def shifted(level: Float[Tensor, "*n"], shift: float | Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Move levels in [0, 1] towards noise by ``shift`` (1 leaves them, 1 / shift moves them back)."""
    return shift * level / (shift * level + (1 - level))  # in this form exactly 1 at 1, and never above


def draw_levels(token_counts: tuple[int, ...], config: LevelsConfig, generator: torch.Generator) -> Float[Tensor, " n"]:
    """One training level for each video: logit-normal (or, for a share, uniform), then shifted by its token count."""
    count = len(token_counts)
    normal = torch.sigmoid(config.mean + config.spread * torch.randn(count, generator=generator))
    flat = torch.rand(count, generator=generator)
    pick = torch.rand(count, generator=generator) < config.uniform_share
    shifts = torch.tensor([shift_for(tokens, config) for tokens in token_counts])
    base = torch.where(pick, flat, normal)
    return shifts * base / (shifts * base + (1 - base))


def walk(steps: int, tokens: int, config: LevelsConfig, start: float = 1.0) -> Float[Tensor, " m"]:
    """The levels that sampling walks, from 1 (noise) to 0 (data).

    Args:
        steps: of the whole way.
        tokens: how many the video has.
        config: how levels are shifted for so many.
        start: the share of the way, above 0 and before the shift, that is walked: in steps as long as the whole way's,
            of which the last ends where the data are.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps cannot make a video: use at least 1")
    assert 0 < start <= 1, "a share of the way"
    walked = max(1, math.ceil(steps * start - 1e-3))
    levels = torch.linspace(start, start - walked / steps, walked + 1)
    levels[-1] = 0.0
    return shifted(levels, shift_for(tokens, config))
