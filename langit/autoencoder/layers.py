"""Layers of the autoencoder: channel norm, residual block in space, causal convolution in time.

Layers take groups of frames (B, G, c, h, w), where G counts groups of ``time`` pixel frames. Layers that look back in
time take their state as an argument and return the next one. They know nothing of whole videos.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Groups = Float[Tensor, "B G c h w"]
Past = Float[Tensor, "B K c h w"]


class ChannelNorm(nn.Module):
    """RMS norm over channels at each position, so that a video gives the same result whole or in pieces."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        scale = torch.rsqrt(x.square().mean(dim=1, keepdim=True) + self.eps)
        return x * scale * self.gain


def zero_init(layer: nn.Conv2d) -> nn.Conv2d:
    """Set a layer's weights and bias to zero, so that its residual path starts as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class SpaceBlock(nn.Module):
    """Two 3x3 convolutions with a residual connection. The second starts at zero: the block starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = ChannelNorm(channels)
        self.conv2 = zero_init(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        y = self.conv1(functional.silu(self.norm1(x)))  # (n, c, h, w)
        out: Tensor = x + self.conv2(functional.silu(self.norm2(y)))  # (n, c, h, w)
        return out


class TimeBlock(nn.Module):
    """Causal 1-D convolution over groups: each output depends on its group and the ``kernel - 1`` before it.

    The state is these last groups, zeros at the start of a video.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.norm = ChannelNorm(channels)
        self.conv = zero_init(nn.Conv2d(channels * kernel, channels, 1))

    def start(self, like: Groups) -> Past:
        """The state before the first group, for a video of the shape, device and dtype of ``like``."""
        batch, _, channels, height, width = like.shape
        return like.new_zeros(batch, self.kernel - 1, channels, height, width)

    def forward(self, x: Groups, state: Past) -> tuple[Groups, Past]:
        batch, groups, channels, height, width = x.shape
        y = functional.silu(self.norm(x.flatten(0, 1))).view_as(x)
        padded = torch.cat([state, y], dim=1)  # (B, kernel - 1 + G, c, h, w)
        # A 1-D convolution over groups, as a 1x1 convolution over shifted copies.
        window = torch.cat([padded[:, back : back + groups] for back in range(self.kernel)], dim=2)
        mixed = self.conv(window.reshape(batch * groups, -1, height, width)).view(
            batch, groups, channels, height, width
        )
        return x + mixed, padded[:, groups:]
