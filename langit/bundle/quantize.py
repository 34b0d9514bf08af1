"""Weight-only int8 for files: a matrix as whole numbers from -127 to 127 and one scale for each output channel.

Half the size of half precision. Only storage changes: weights are restored to floating point when they are read, and
everything computes as before. Symmetric absolute-maximum quantization (LLM.int8(), arXiv 2208.07339, section 2.1).
Knows nothing of files or models.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float, Float32, Int8
from torch import Tensor

SCALE_SUFFIX: Final = ".int8_scale"
"""What the name of a weight's scales ends in, beside the weight's own name in a file."""
LEVELS: Final = 127
SMALLEST: Final = 4096
"""Elements below which a weight stays in half precision: biases, norms and tables, which are small and sensitive."""


def is_quantizable(tensor: Tensor) -> bool:
    """Whether a weight is a matrix or a convolution large enough to be worth it."""
    return tensor.is_floating_point() and tensor.ndim in (2, 4, 5) and tensor.numel() >= SMALLEST


def quantize_rows(weight: Float[Tensor, "out ..."]) -> tuple[Int8[Tensor, "out ..."], Float32[Tensor, " out"]]:
    """Quantize each output channel by its largest absolute value.

    What :func:`dequantize_rows` restores is off by half a scale at most, 0.4% of the channel's largest weight, and
    quantizes to the same numbers again.

    Raises:
        ValueError: a value is not finite.
    """
    rows = weight.detach().to("cpu", torch.float32).flatten(1)
    scale = rows.abs().amax(dim=1) / LEVELS
    # Kept to 16 of 24 significant bits: its products with whole numbers up to 127 are then exact, so that a restored
    # weight gives the same scale again.
    scale = ((scale.view(torch.int32) + 0x80) & ~0xFF).view(torch.float32)
    if not (rows.isfinite().all() and scale.isfinite().all()):
        raise ValueError("a weight is not finite: it cannot be saved")
    # A channel of zeros has the scale 0: its numbers are 0 as well.
    divisor = scale[:, None].masked_fill(scale[:, None] == 0, torch.inf)
    quantized = (rows / divisor).round().clamp(-LEVELS, LEVELS).to(torch.int8)
    return quantized.view(weight.shape), scale


def dequantize_rows(quantized: Int8[Tensor, "out ..."], scale: Float32[Tensor, " out"]) -> Float[Tensor, "out ..."]:
    """Restore a weight in single precision, where the products are exact."""
    return quantized.float() * scale.view(-1, *[1] * (quantized.ndim - 1))
