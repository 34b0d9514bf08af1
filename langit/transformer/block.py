"""One block of the transformer: self-attention, cross-attention, feed-forward, moved by the noise level.

Knows nothing of how noise levels and prompts were embedded. Adaptive layer norm with a scale-shift table (AdaLN-single,
PixArt-alpha, arXiv 2310.00426); parameter names are those of diffusers' ``WanTransformerBlock``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from langit.transformer.attention import Angles, CrossAttention, SelfAttention
from langit.transformer.linear import Linear, on_onednn, product


@dataclass(frozen=True)
class Levels:
    """What the noise levels say to a layer, shared by all tokens of a level.

    Without ``index``, row i of ``rows`` belongs to the i-th of R equal stretches of the pack, and is never copied to
    the tokens of the stretch. With it, token n takes row ``index[n]``.
    """

    rows: Float[Tensor, "R parts D"]
    index: Int[Tensor, " N"] | None

    def parts(self, table: Float[Tensor, "1 parts D"]) -> tuple[Float[Tensor, "R 1 D"], ...]:
        """The rows moved by a layer's own table, one tensor for each part, to be used on :meth:`stretch`."""
        rows = (table.float() + self.rows.float()).split(1, dim=1)
        return rows if self.index is None else tuple(row[self.index] for row in rows)

    def stretch(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "R r D"]:
        """A pack's tokens cut into the stretches that rows belong to."""
        return x.view(self.rows.shape[0] if self.index is None else x.shape[0], -1, x.shape[-1])


def norm(x: Tensor, eps: float) -> Tensor:
    """Layer norm without weights, in single precision."""
    return F.layer_norm(x.float(), x.shape[-1:], eps=eps)


def gelu(x: Tensor) -> Tensor:
    """GELU by its tanh formula. Compiled, in the equal form by a sigmoid, whose kernel takes half the time."""
    if torch.compiler.is_compiling():
        return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
    return F.gelu(x, approximate="tanh")


class Gelu(nn.Module):
    """Linear layer, then GELU; one kernel where nothing is learnt."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.proj = Linear(width, hidden)

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N hidden"]:
        if on_onednn(x) and not torch.is_grad_enabled():
            return product(x, self.proj.weight, self.proj.bias, "gelu")
        return gelu(self.proj(x))


class FeedForward(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.ModuleDict({"0": Gelu(width, hidden), "2": Linear(hidden, width)})

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net["2"](self.net["0"](x))
        return out


class Block(nn.Module):
    """Self-attention, cross-attention and feed-forward, each added to what came in."""

    def __init__(self, width: int, heads: int, hidden: int, cross_norm: bool, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.attn1 = SelfAttention(width, heads, eps)
        self.norm2 = nn.LayerNorm(width, eps) if cross_norm else nn.Identity()
        self.attn2 = CrossAttention(width, heads, eps)
        self.ffn = FeedForward(width, hidden)
        self.scale_shift_table = nn.Parameter(nn.init.normal_(torch.empty(1, 6, width), std=width**-0.5))

    def forward(
        self,
        x: Float[Tensor, "R r D"],
        levels: Levels,
        angles: Angles,
        text: Float[Tensor, "B S D"],
        real: Bool[Tensor, "B S"] | None,
        runs: tuple[tuple[int, int], ...],
    ) -> Float[Tensor, "R r D"]:
        shift, scale, gate, shift_ffn, scale_ffn, gate_ffn = levels.parts(self.scale_shift_table)  # R 1 D each

        moved = torch.addcmul(shift, norm(x, self.eps), 1 + scale).to(x.dtype)
        seen = self.attn1(moved.flatten(0, 1), angles, runs)
        x = torch.addcmul(x.float(), levels.stretch(seen), gate).to(x.dtype)

        told = self.attn2(self.norm2(x.flatten(0, 1)), text, real, runs)
        x = x + levels.stretch(told)

        moved = torch.addcmul(shift_ffn, norm(x, self.eps), 1 + scale_ffn).to(x.dtype)
        thought = self.ffn(moved.flatten(0, 1))
        return torch.addcmul(x.float(), levels.stretch(thought), gate_ffn).to(x.dtype)
