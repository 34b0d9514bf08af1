"""Numbers in a checkpoint's configs that networks are built from, checked before anything is built from them.

A config is a stranger's text: a number of layers like a billion would be built for hours, and statistics of the wrong
length would be spread over all channels. Whether the numbers are those of the weights is checked later, by the files'
headers. Knows no files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeGuard

LAYERS: Final = ("num_layers", "num_hidden_layers", "num_res_blocks")
MOST_LAYERS: Final = 500
MOST: Final = 10_000_000
"""The largest number of anything else, such as the words of a vocabulary."""
COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "transformer": (
        *("num_layers", "num_attention_heads", "attention_head_dim", "ffn_dim", "text_dim", "freq_dim"),
        *("in_channels", "out_channels", "image_dim", "added_kv_proj_dim", "pos_embed_seq_len", "rope_max_seq_len"),
        "vace_in_channels",
    ),
    "vae": (
        *("base_dim", "decoder_base_dim", "z_dim", "num_res_blocks", "in_channels", "out_channels", "patch_size"),
        *("scale_factor_spatial", "scale_factor_temporal", "dim_mult"),
    ),
    "text_encoder": ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads"),
    "image_encoder": ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size"),
}
"""Keys that hold a whole number above 0, or a list of such; null and missing ones have the library's default."""


def check_sizes(path: Path, part: str, plain: Mapping[str, Any]) -> None:
    """Check the numbers in the config of a component.

    Args:
        path: the config, for messages.
        part: the component's name, for example "transformer_2".
        plain: its content.

    Raises:
        ValueError: names the key and its value.
    """
    for key in COUNTS[part.removesuffix("_2")]:
        value, most = plain.get(key), MOST_LAYERS if key in LAYERS else MOST
        for each in value if isinstance(value, list) else [value]:
            if each is not None and (type(each) is not int or not 1 <= each <= most):
                raise ValueError(f"{path}: {key} {value!r} is not a number from 1 to {most}: get the checkpoint again")
    if part == "vae":
        channels = plain.get("z_dim") or 16
        for key in ("latents_mean", "latents_std"):
            _check_statistics(path, key, plain.get(key), channels)


def _check_statistics(path: Path, key: str, values: object, channels: int) -> None:
    """Each channel of the latents has a mean and a deviation."""
    if values is None:
        return
    listed = values if isinstance(values, list) else []
    numbers = [each for each in listed if _is_number(each) and (key != "latents_std" or each > 0)]
    if not len(numbers) == len(listed) == channels:
        raise ValueError(f"{path}: {key} is not a list of {channels} numbers, one a channel: get the checkpoint again")


def check_boundary(path: Path, ratio: object) -> None:
    """Check the share of timesteps above which the first of two experts samples.

    Raises:
        ValueError: it is not a number between 0 and 1.
    """
    if ratio is not None and not (_is_number(ratio) and 0 < ratio < 1):
        raise ValueError(f"{path}: boundary_ratio {ratio!r} is not a number between 0 and 1: get the checkpoint again")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
