"""The networks of a model that is named, without its weights: from a bundle, a folder in diffusers' layout, the hub's
cache, or, where none is here, from the published sizes of the family that the name belongs to.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch

from langit import config
from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.bundle import resolve
from langit.bundle.components import read_json, read_key
from langit.families import hub
from langit.families.folder import read_checkpoint
from langit.families.load import build_autoencoder, build_transformer, extras, is_open_weights
from langit.families.table import FAMILIES, TEXT_TOKENS, Family
from langit.plan.generation import ModelSizes
from langit.shapes import Compression, PixelShape, cell_size, whole_frames
from langit.text.umt5 import Umt5Encoder
from langit.transformer.blank import blank

TEXT_SIZES: Final = ("vocab_size", "d_model", "d_kv", "num_heads", "d_ff", "num_layers")
PICTURES: Final = 631_000_000  # parameters of CLIP ViT-H/14, which Wan 2.1's image-to-video models use
UMT5_XXL: Final = {
    "vocab_size": 256384, "d_model": 4096, "d_kv": 64, "num_heads": 64, "d_ff": 10240, "num_layers": 24,
}  # fmt: skip


@dataclass(frozen=True)
class PlannedModel:
    """A model's networks, and the settings that it is sampled with unless a person chooses others.

    here: whether its configs were read; otherwise they are the published ones of its family.
    """

    name: str
    sizes: ModelSizes
    pixels: PixelShape
    fps: float
    steps: int
    guidance: float
    here: bool
    family: Family | None = None
    calls: Mapping[str, float] = field(default_factory=dict, hash=False)


def find_model(place: str | Path) -> PlannedModel:
    """The networks of a model by its name, folder or hub id. Downloads nothing and reads no weights.

    Raises:
        ValueError: there is no such model, and no family has a repository of that name.
    """
    with extras():
        if not is_open_weights(place):
            return _bundle(resolve(place))
        name = str(place)
        if not hub.is_hub_name(name):
            checkpoint = read_checkpoint(Path(place))
        else:
            cached = hub.cached_folder(name)
            if cached is None:
                return _published(name)
            checkpoint = read_checkpoint(cached, name)
    return _open(checkpoint.name, checkpoint.family, checkpoint.configs, checkpoint.index, True)


def _bundle(folder: Path) -> PlannedModel:
    transformer = read_json(folder / "transformer" / "config.json")
    autoencoder = read_json(folder / "vae" / "config.json")
    autoencoder.pop("_class_name", None)
    text = read_json(folder / "text_encoder" / "config.json")
    sampling = read_key(folder / "scheduler" / "scheduler_config.json", "langit")
    sizes = [PixelShape.parse(size) for size in read_key(folder / "model_index.json", "sizes")]

    def build_vae() -> Autoencoder:
        with blank():
            return Autoencoder(config.load(AutoencoderConfig, autoencoder))

    words = read_key(folder / "tokenizer" / "tokenizer_config.json", "model_max_length")
    return PlannedModel(
        name=folder.name,
        sizes=ModelSizes(
            transformers={"transformer": functools.cache(functools.partial(build_transformer, transformer))},
            autoencoder=functools.cache(build_vae),
            text=functools.cache(functools.partial(build_umt5, text)),
            text_words=words,
        ),
        pixels=sizes[0],
        fps=float(read_key(folder / "model_index.json", "fps")),
        steps=int(sampling.get("steps", 50)),
        guidance=float(sampling.get("guidance", 5.0)),
        here=True,
    )


def _open(
    name: str, family: Family, configs: Mapping[str, Mapping[str, Any]], index: Mapping[str, Any], here: bool
) -> PlannedModel:
    from langit.families.autoencoder import WanAutoencoder

    transformers = {
        part: functools.cache(functools.partial(build_transformer, dict(configs[part]), index[part][1]))
        for part in ("transformer", "transformer_2")
        if part in configs
    }
    return PlannedModel(
        name=name,
        sizes=ModelSizes(
            transformers=transformers,
            autoencoder=functools.cache(lambda: WanAutoencoder(build_autoencoder(dict(configs["vae"])))),
            text=functools.cache(functools.partial(build_umt5, configs["text_encoder"])),
            text_words=TEXT_TOKENS,
            decodes_in=torch.float32,
            other_parameters=PICTURES if "image_encoder" in configs else 0,
        ),
        pixels=family.pixels[0],
        fps=family.fps,
        steps=family.steps,
        guidance=family.guidance,
        here=here,
        family=family,
    )


def build_umt5(plain: Mapping[str, Any]) -> Umt5Encoder:
    """A text encoder of these sizes without memory."""
    with blank():
        return Umt5Encoder(**{name: int(plain[name]) for name in TEXT_SIZES})


def _published(name: str) -> PlannedModel:
    family = next((each for each in FAMILIES if name in each.repositories), None)
    if family is None:
        known = ", ".join(each.repositories[0] for each in FAMILIES[:3])
        raise ValueError(
            f"{name} is not in the hub's cache and is no repository that is known ({known} …): download it first with"
            f" `hf download {name}`, or give a folder"
        )
    configs, index = published_configs(family)
    return _open(name, family, configs, index, False)


def published_configs(family: Family) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The configs of a family's checkpoints, as their makers publish them in diffusers' layout."""
    large = family.heads == 40
    tokens = family.kind == "tokens"
    channels = 48 if tokens else 16
    transformer: dict[str, Any] = {
        "num_attention_heads": family.heads,
        "attention_head_dim": 128,
        "in_channels": 36 if family.kind == "channels" else channels,
        "out_channels": channels,
        "text_dim": 4096,
        "ffn_dim": 13824 if large else 14336 if tokens else 8960,
        "num_layers": 40 if large else 30,
    }
    if family.name in ("wan2.1-i2v-14b", "wan2.1-flf2v-14b"):
        transformer |= {"image_dim": 1280, "added_kv_proj_dim": 5120}
    if family.name == "wan2.1-flf2v-14b":
        transformer["pos_embed_seq_len"] = 514
    kind = "WanTransformer3DModel"
    if family.kind == "control":
        kind = "WanVACETransformer3DModel"
        transformer |= {
            "vace_in_channels": 96,
            "vace_layers": list(range(0, 40, 5)) if large else list(range(0, 30, 2)),
        }
    vae: dict[str, Any] = {}
    if tokens:
        vae = {
            "base_dim": 160,
            "decoder_base_dim": 256,
            "z_dim": 48,
            "is_residual": True,
            "in_channels": 12,
            "out_channels": 12,
            "patch_size": 2,
            "scale_factor_spatial": 16,
            "latents_mean": [0.0] * 48,
            "latents_std": [1.0] * 48,
        }
    configs = {"transformer": transformer, "vae": vae, "text_encoder": dict(UMT5_XXL)}
    if "image_dim" in transformer:
        configs["image_encoder"] = {}
    index: dict[str, Any] = {"transformer": ["diffusers", kind]}
    if family.boundary is not None:
        configs["transformer_2"], index["transformer_2"] = dict(transformer), ["diffusers", kind]
    return configs, index


def check_pixels(model: PlannedModel, pixels: PixelShape) -> None:
    """Refuse sizes that no request could have, before anything is traced.

    Raises:
        ValueError: a side is no multiple of a patch, or open weights cannot compress the frames; names the nearest.
    """
    compression = model.sizes.autoencoder().compression
    first = next(iter(model.sizes.transformers.values()))()
    cell = cell_size(compression, first.patch_size)
    for name, side in (("width", pixels.width), ("height", pixels.height)):
        if side % cell:
            near = " or ".join(str(each) for each in (side // cell * cell, side // cell * cell + cell) if each)
            raise ValueError(f"{name} {side} is not a multiple of {cell} for {model.name}: use {near}")
    low = whole_frames(pixels.frames, compression)
    if model.family is not None and low != pixels.frames:
        raise ValueError(
            f"{pixels.frames} frames are not one more than a multiple of {compression.time} for {model.name}: use"
            f" {low} or {low + compression.time}"
        )


def planned_pixels(model: PlannedModel, size: str | None, frames: int | None, seconds: float | None) -> PixelShape:
    """The size that is asked for; the model's own where nothing is asked.

    Raises:
        ValueError: a value has another form, or frames and seconds are both given.
    """
    if frames is not None and seconds is not None:
        raise ValueError(f"--frames {frames} and --seconds {seconds:g} exclude each other: give one of them")
    chosen = model.pixels
    if size is not None:
        chosen = PixelShape.parse(size)
        if "x" not in size.lower().replace("x", "", 1):
            chosen = replace(chosen, frames=model.pixels.frames)
    if seconds is not None:
        if not 0 < seconds < float("inf"):
            raise ValueError(f"--seconds {seconds:g} is not a length: use a number above 0")
        # As generating rounds: whole latent frames after the first frame.
        frames = whole_frames(round(seconds * model.fps) + 1, Compression())
    return chosen if frames is None else replace(chosen, frames=frames)
