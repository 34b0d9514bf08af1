"""Nine tiny checkpoints, one for each family and conditioning, built and saved with diffusers' own classes.

with_random_weights -> transformer, autoencoder, text encoder (2 layers), a Unigram tokenizer, CLIP
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLWan,
    DiffusionPipeline,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

KINDS = (
    "wan2.1-t2v",
    "wan2.1-i2v",
    "wan2.1-flf2v",
    "wan2.1-vace",
    "wan2.2-t2v-a14b",
    "wan2.2-i2v-a14b",
    "wan2.2-flf2v-a14b",
    "wan2.2-ti2v",
    "wan2.2-ti2v-image",
)
LATENTS = 16


def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of the kind that UMT5 has: pieces of words, and letters for all that it does not know."""
    letters = [chr(code) for code in range(33, 127)] + list("éüñ日本語空を飛ぶ鳥色调艳丽，过曝")
    words = ["▁a", "▁red", "▁ball", "▁bird", "▁flies", "▁over", "▁the", "▁sea", "▁burung", "▁merah", "▁terbang"]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -12.0), ("▁", -3.0)]
    vocabulary += [(word, -2.0) for word in words] + [(letter, -5.0) for letter in letters]
    made = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )


def with_noise(module: torch.nn.Module, std: float, seed: int) -> torch.nn.Module:
    """Random weights that hide no mistake: norms that are not one, biases that are not zero."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        scaled = std * noise if parameter.ndim > 1 else (0.2 * noise + ("norm" in name and "weight" in name))
        parameter.data.copy_(scaled)
    return module.eval()


def autoencoder(residual: bool = False) -> AutoencoderKLWan:
    statistics = {
        "latents_mean": torch.linspace(-0.6, 0.7, LATENTS).tolist(),
        "latents_std": torch.linspace(0.7, 1.6, LATENTS).tolist(),
    }
    sizes: dict[str, Any] = {"base_dim": 8, "z_dim": LATENTS, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1}
    if residual:
        # Wan 2.2's: 16x16 pixels, in patches of 2x2, residual down and up.
        sizes |= {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12}
        sizes |= {"scale_factor_spatial": 16, "decoder_base_dim": 8}
    made = AutoencoderKLWan(**sizes, **statistics)
    generator = torch.Generator().manual_seed(3)
    for parameter in made.parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return made.eval()


def transformer(kind: str, seed: int) -> torch.nn.Module:
    sizes: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 24,
        "in_channels": LATENTS,
        "out_channels": LATENTS,
        "text_dim": 32,
        "freq_dim": 32,
        "ffn_dim": 64,
        "num_layers": 3,
        "rope_max_seq_len": 64,
    }
    if kind == "wan2.1-vace":
        more = {"vace_layers": [0, 2], "vace_in_channels": 2 * LATENTS + 64}
        return with_noise(WanVACETransformer3DModel(**sizes, **more), 0.12, seed)
    if kind in ("wan2.1-i2v", "wan2.1-flf2v", "wan2.2-i2v-a14b", "wan2.2-flf2v-a14b"):
        sizes["in_channels"] = 2 * LATENTS + 4
    if kind in ("wan2.1-i2v", "wan2.1-flf2v"):
        sizes |= {"image_dim": 16, "added_kv_proj_dim": 48}
    if kind == "wan2.1-flf2v":
        sizes["pos_embed_seq_len"] = 2 * 5
    return with_noise(WanTransformer3DModel(**sizes), 0.12, seed)


def text_encoder() -> UMT5EncoderModel:
    config = UMT5Config(
        vocab_size=160, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu"
    )
    torch.manual_seed(11)
    return UMT5EncoderModel(config).eval()


def scheduler(shift: float) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)


def image_encoder() -> CLIPVisionModel:
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=14
    )
    torch.manual_seed(12)
    return CLIPVisionModel(config).eval()


def pipeline(kind: str, shift: float = 5.0) -> DiffusionPipeline:
    """A pipeline of diffusers with random weights."""
    parts: dict[str, Any] = {
        "tokenizer": tokenizer(),
        "text_encoder": text_encoder(),
        "vae": autoencoder(residual="ti2v" in kind),
        "scheduler": scheduler(shift),
        "transformer": transformer(kind, 21),
    }
    if kind.endswith("a14b"):
        parts |= {"transformer_2": transformer(kind, 22), "boundary_ratio": 0.875 if "t2v" in kind else 0.9}
    if kind.startswith("wan2.2-ti2v"):
        parts["expand_timesteps"] = True
    if kind == "wan2.1-vace":
        return WanVACEPipeline(**parts)
    if kind in ("wan2.1-i2v", "wan2.1-flf2v"):
        size = {"shortest_edge": 28}
        processor = CLIPImageProcessorPil(size=size, crop_size={"height": 28, "width": 28})
        parts |= {"image_encoder": image_encoder(), "image_processor": processor}
    pictures = ("wan2.1-i2v", "wan2.1-flf2v", "wan2.2-i2v-a14b", "wan2.2-flf2v-a14b", "wan2.2-ti2v-image")
    return WanImageToVideoPipeline(**parts) if kind in pictures else WanPipeline(**parts)


def save(kind: str, folder: Path, shift: float = 5.0, **options: Any) -> DiffusionPipeline:
    """Save a pipeline as a folder and return it; options are those of ``save_pretrained``."""
    made = pipeline(kind, shift)
    made.set_progress_bar_config(disable=True)
    made.save_pretrained(folder, safe_serialization=True, **options)
    return made
