"""The layers of the autoencoder: channel norm, residual block, causal mixing in time.

Knows nothing of videos as a whole: every layer takes groups of frames (B, G, c, h, w), where G counts groups of
``time`` pixel frames, and the layers that look back in time take and give their state as a value.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Groups = Float[Tensor, "B G c h w"]
Past = Float[Tensor, "B K c h w"]


class ChannelNorm(nn.Module):
    """Root-mean-square norm over channels at each position: the same whether a video comes whole or in pieces."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        scale = torch.rsqrt(x.square().mean(dim=1, keepdim=True) + self.eps)
        return x * scale * self.gain


def silent(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights and bias of zero: a residual path that says nothing at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class SpaceBlock(nn.Module):
    """Two 3x3 convolutions around a residual path; the second starts at zero, so the block starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = ChannelNorm(channels)
        self.conv2 = silent(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = self.conv1(functional.silu(self.norm1(x)))  # (n, c, h, w)
        out: Tensor = x + self.conv2(functional.silu(self.norm2(y)))  # (n, c, h, w)
        return out


class TimeBlock(nn.Module):
    """Causal 1-D convolution over groups: each group sees itself and ``kernel - 1`` groups before it.

    The state is those last groups, zeros at the start of a video.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.norm = ChannelNorm(channels)
        self.conv = silent(nn.Conv2d(channels * kernel, channels, 1))

    def start(self, like: Groups) -> Past:
        """The state before the first group of a video shaped like ``like``."""
        batch, _, channels, height, width = like.shape
        return like.new_zeros(batch, self.kernel - 1, channels, height, width)

    def forward(self, x: Groups, state: Past) -> tuple[Groups, Past]:
        batch, groups, channels, height, width = x.shape
        y = functional.silu(self.norm(x.flatten(0, 1))).view_as(x)
        seen = torch.cat([state, y], dim=1)  # (B, kernel - 1 + G, c, h, w)
        window = torch.cat([seen[:, back : back + groups] for back in range(self.kernel)], dim=2)
        mixed = self.conv(window.reshape(batch * groups, -1, height, width)).view(
            batch, groups, channels, height, width
        )
        return x + mixed, seen[:, groups:]
