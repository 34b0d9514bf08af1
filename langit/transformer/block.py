"""One transformer block: self-attention, cross-attention and feed-forward, modulated by the noise level.

Modulation is adaptive layer norm with a scale-shift table (AdaLN-single, PixArt-alpha, arXiv 2310.00426). Parameter
names are those of diffusers' ``WanTransformerBlock``. Knows nothing of how noise levels and prompts are embedded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from langit.transformer.attention import Angles, CrossAttention, SelfAttention, TextContext
from langit.transformer.linear import Linear, onednn_linear, uses_onednn
from langit.transformer.low_rank import change_of


@dataclass(frozen=True)
class LevelModulation:
    """The embedded noise levels of a pack, one row for all tokens of a level.

    Without ``index``, row i of ``rows`` belongs to the i-th of R equal stretches of the pack and broadcasts over its
    tokens. With ``index``, token n uses row ``index[n]``.
    """

    rows: Float[Tensor, "R parts D"]
    index: Int[Tensor, " N"] | None

    def modulate(self, table: Float[Tensor, "1 parts D"]) -> tuple[Float[Tensor, "R 1 D"], ...]:
        """Add a layer's own table: one tensor per part (shift, scale, gate ...), for tokens cut by :meth:`stretch`."""
        rows = (table.float() + self.rows.float()).split(1, dim=1)
        return rows if self.index is None else tuple(row[self.index] for row in rows)

    def stretch(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "R r D"]:
        """Cut a pack's tokens into the stretches that rows belong to."""
        return x.view(self.rows.shape[0] if self.index is None else x.shape[0], -1, x.shape[-1])


def layer_norm(x: Tensor, eps: float) -> Tensor:
    """Layer norm without weights, in single precision whatever the input's dtype."""
    return F.layer_norm(x.float(), x.shape[-1:], eps=eps)


class Norm(nn.LayerNorm):
    """Layer norm with weights, in single precision whatever the dtype of its input."""

    def forward(self, x: Tensor) -> Tensor:
        out = F.layer_norm(x.float(), self.normalized_shape, self.weight.float(), self.bias.float(), self.eps)
        return out.to(x.dtype)


def gelu(x: Tensor) -> Tensor:
    """GELU by its tanh approximation."""
    if torch.compiler.is_compiling():
        # 0.5 (1 + tanh(y)) = sigmoid(2 y): the same function, but the compiled kernel takes half the time.
        return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
    return F.gelu(x, approximate="tanh")


class Gelu(nn.Module):
    """A linear layer and GELU; one fused kernel for inference on a CPU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.proj = Linear(width, hidden)

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N hidden"]:
        plain = change_of(self.proj) is None and not torch.is_grad_enabled()
        if plain and uses_onednn(x, self.proj.weight):
            return onednn_linear(x, self.proj.weight, self.proj.bias, "gelu")
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
    """Self-attention, cross-attention and feed-forward, each with a residual connection."""

    def __init__(
        self, width: int, heads: int, hidden: int, cross_norm: bool, eps: float, pictures: int | None = None
    ) -> None:
        super().__init__()
        self.eps = eps
        self.attn1 = SelfAttention(width, heads, eps)
        self.norm2 = Norm(width, eps) if cross_norm else nn.Identity()
        self.attn2 = CrossAttention(width, heads, eps, pictures)
        self.ffn = FeedForward(width, hidden)
        self.scale_shift_table = nn.Parameter(nn.init.normal_(torch.empty(1, 6, width), std=width**-0.5))

    def forward(
        self,
        x: Float[Tensor, "R r D"],
        levels: LevelModulation,
        angles: Angles,
        text: TextContext,
        runs: tuple[tuple[int, int], ...],
    ) -> Float[Tensor, "R r D"]:
        shift, scale, gate, shift_ffn, scale_ffn, gate_ffn = levels.modulate(self.scale_shift_table)  # R 1 D each

        # addcmul(a, b, c) = a + b c. Norms, modulation and gates are in single precision, as in diffusers.
        modulated = torch.addcmul(shift, layer_norm(x, self.eps), 1 + scale).to(x.dtype)
        attention = self.attn1(modulated.flatten(0, 1), angles, runs)  # N D
        x = torch.addcmul(x.float(), levels.stretch(attention), gate).to(x.dtype)

        cross_attention = self.attn2(self.norm2(x.flatten(0, 1)), text, runs)  # N D
        x = x + levels.stretch(cross_attention)

        modulated = torch.addcmul(shift_ffn, layer_norm(x, self.eps), 1 + scale_ffn).to(x.dtype)
        feed_forward = self.ffn(modulated.flatten(0, 1))  # N D
        return torch.addcmul(x.float(), levels.stretch(feed_forward), gate_ffn).to(x.dtype)
