"""Attention over many tokens on a CPU, as plain products of oneDNN, a stretch of queries after the other.

torch's fused kernel multiplies with MKL, at half the speed of oneDNN on AMD processors (1,600 tokens of 12 heads: 155
ms on a Zen 5 core, 99 ms here, docs/benchmarks.md). Scores of one stretch and head are held at a time. Without
autograd, masks or dropout. Knows nothing of transformers.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula

from langit.transformer.linear import ONEDNN, onednn_linear

STRETCH = 256
"""Queries whose scores are held at once: with a head's keys and values they stay in a core's second-level cache."""
FEWEST = 1024
"""Tokens from which this is used: shorter attention is a small share of a block, and keeps the bits that it had."""
FEWEST_KEYS = 128

_library = torch.library.Library("langit", "FRAGMENT")
_library.define("attend(Tensor query, Tensor key, Tensor value, Tensor? bias, bool half) -> Tensor")


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, half: bool) -> Tensor:
    dtype = torch.bfloat16 if half else torch.float32
    product = functional.linear if half else onednn_linear
    width = query.shape[-1]
    out = torch.empty(query.shape, dtype=dtype, device="cpu")
    for video in range(query.shape[0]):
        queries = (query[video] * width**-0.5).to(dtype).transpose(0, 1).contiguous()  # heads N width
        keys = key[video].to(dtype).transpose(0, 1).contiguous()  # heads S width
        values = value[video].to(dtype).transpose(0, 1).contiguous().mT  # heads width S; faster than such a copy
        added = None if bias is None else bias[video].to(dtype)
        for head in range(query.shape[2]):
            for first in range(0, query.shape[1], STRETCH):
                last = first + STRETCH
                scores = product(queries[head, first:last], keys[head])
                if added is not None:
                    scores += added
                torch.softmax(scores, -1, out=scores)
                out[video, first:last, head] = product(scores, values[head])
    return out.to(query.dtype)


def _attend_shape(query: Tensor, *_: Any) -> Tensor:
    return torch.empty(query.shape, dtype=query.dtype, device=query.device)


_library.impl("attend", _attend, "CPU")
torch.library.register_fake("langit::attend", _attend_shape, lib=_library)


@register_flop_formula(torch.ops.langit.attend)
def _attend_flops(query: Any, key: Any, *_: Any, **__: Any) -> int:
    return 4 * int(math.prod(query)) * int(key[1])


def uses_long_attention(query: Tensor, key: Tensor) -> bool:
    """Whether attention runs here: many queries on a CPU, in single precision or where bf16 is fast, for inference."""
    same = key.dtype == query.dtype
    return takes_many(query, query.shape[1]) and same and key.shape[1] >= FEWEST_KEYS


def takes_many(x: Tensor, rows: int) -> bool:
    """Whether so many rows are worth a way of computing of their own: on a CPU, for inference."""
    fast = x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and multiplies_half_faster())
    plain = not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
    return ONEDNN and x.device.type == "cpu" and fast and plain and rows >= FEWEST


def multiplies_half_faster() -> bool:
    """Whether this CPU has instructions for bf16 products, without which they are slower than those of fp32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def long_attention(
    query: Float[Tensor, "B N heads width"],
    key: Float[Tensor, "B S heads width"],
    value: Float[Tensor, "B S heads width"],
    mask: Tensor | None = None,
    half: bool = False,
) -> Float[Tensor, "B N heads width"]:
    """Attention as one opaque operation to the compiler.

    Args:
        query: of each token.
        key: likewise.
        value: likewise.
        mask: (B, S), as that of :class:`langit.transformer.attention.TextContext`.
        half: multiply in bf16, summed in single precision: half a percent of error, in half the time.
    """
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)
    out: Tensor = torch.ops.langit.attend(query, key, value, mask, half or query.dtype == torch.bfloat16)
    return out
