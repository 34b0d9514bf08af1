"""What this process itself holds on a CPU beside a model: libraries, and kernels once they have run.

Knows nothing of a model's sizes.
"""

from __future__ import annotations

import functools

import torch
from torch.nn import functional

from langit.device import Placement
from langit.offload.host import return_freed_memory
from langit.plan.hardware import process_memory


def base_memory(placement: Placement, open_weights: bool = True) -> int:
    """Bytes of RAM that the process holds before a model is loaded; 0 on other devices, which hold no libraries.

    Imports and runs first what every generation does: libraries are read as far as they are used, which is 200 MB
    for those of open weights.
    """
    if placement.device.type != "cpu":
        return 0
    settle_process(placement.dtype, open_weights)
    return process_memory()


@functools.cache
@torch.no_grad()
def settle_process(dtype: torch.dtype, open_weights: bool) -> None:
    """Import the libraries, and run each kind of kernel once."""
    return_freed_memory()
    if open_weights:
        from diffusers import AutoencoderKLWan  # noqa: F401  (here for the memory that it takes)
        from transformers import AutoTokenizer, UMT5EncoderModel  # noqa: F401
    from langit.transformer.linear import Linear

    device = torch.device("cpu")  # whatever torch.set_default_device says
    tokens = torch.ones(1, 2, 64, 64, dtype=dtype, device=device)
    mask = torch.zeros(1, 1, 64, 64, dtype=dtype, device=device)
    for bias in (None, mask):
        functional.scaled_dot_product_attention(tokens, tokens, tokens, attn_mask=bias)
    layer = Linear(64, 64, device=device, dtype=dtype)
    functional.gelu(functional.layer_norm(layer(tokens), (64,)), approximate="tanh").float().unique()
    volume = torch.ones(1, 64, 3, 128, 8, device=device)  # large enough for oneDNN, see `trace.uses_onednn_convolution`
    for channels in (64, 8):
        functional.conv3d(volume[:, :channels], torch.ones(8, channels, 3, 3, 3, device=device))
    functional.conv2d(volume[0].transpose(0, 1), torch.ones(8, 64, 3, 3, device=device))
