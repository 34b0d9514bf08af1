"""The video transformer: noisy patches, their noise levels and a prompt in; the velocity of every patch out.

Knows nothing of training, sampling or devices. Numbers and parameter names are those of diffusers'
``WanTransformer3DModel`` (Wan 2.1, and the per-token levels of 2.2), so weights travel both ways. One path, over packs.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from langit import config
from langit.patches import Pack, TextPack, pack, rotary, unpack
from langit.transformer.attention import segments
from langit.transformer.block import Block, Levels, norm
from langit.transformer.linear import Linear, linear

TIMESTEPS = 1000.0  # Wan counts noise levels in thousandths
TEXT_STEP = 16  # prompts of different lengths are laid out in multiples of this, so that few shapes occur


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a transformer, by the keys of diffusers' ``config.json``.

    Raises:
        ValueError: a size that cannot be, or a part of Wan that this model does not have.
    """

    patch_size: tuple[int, int, int] = (1, 2, 2)
    num_attention_heads: int = 4
    attention_head_dim: int = 64
    in_channels: int = 16
    out_channels: int = 16
    text_dim: int = 256
    freq_dim: int = 256
    ffn_dim: int = 1024
    num_layers: int = 6
    cross_attn_norm: bool = True
    qk_norm: str = "rms_norm_across_heads"
    eps: float = 1e-6
    rope_max_seq_len: int = 1024
    image_dim: int | None = None
    added_kv_proj_dim: int | None = None
    pos_embed_seq_len: int | None = None

    def __post_init__(self) -> None:
        for key in ("image_dim", "added_kv_proj_dim", "pos_embed_seq_len"):
            if getattr(self, key) is not None:
                raise ValueError(
                    f"{key} {getattr(self, key)}: this model has no separate image encoder (Wan 2.1 image-to-video);"
                    f" use weights whose {key} is null, such as text-to-video or Wan 2.2"
                )
        if self.qk_norm != "rms_norm_across_heads":
            raise ValueError(f"qk_norm {self.qk_norm!r} is not built: use 'rms_norm_across_heads'")
        sizes = ("num_attention_heads", "in_channels", "out_channels", "text_dim", "ffn_dim", "num_layers")
        for key in sizes:
            if getattr(self, key) < 1:
                raise ValueError(f"{key} {getattr(self, key)} is not a size: give at least 1")
        for key in ("attention_head_dim", "freq_dim"):
            if getattr(self, key) < 2 or getattr(self, key) % 2:
                raise ValueError(f"{key} {getattr(self, key)} is not even: rotations and waves come in pairs")
        if min(self.patch_size) < 1:
            raise ValueError(f"patch_size {self.patch_size} has an empty side: give at least 1 for each")

    @property
    def width(self) -> int:
        """D, the width of a token inside the model."""
        return self.num_attention_heads * self.attention_head_dim

    @classmethod
    def from_diffusers(cls, plain: dict[str, Any]) -> TransformerConfig:
        """Read diffusers' ``config.json``: its private keys are left out, missing output channels are the input's.

        Raises:
            ValueError: an unknown key or a wrong value.
        """
        known = {key: value for key, value in plain.items() if not key.startswith("_")}
        if "out_channels" in known and known["out_channels"] is None:
            known["out_channels"] = known["in_channels"]
        return config.load(cls, known)

    def to_diffusers(self) -> dict[str, Any]:
        """The dict that diffusers' ``config.json`` of this model holds."""
        return {"_class_name": "WanTransformer3DModel", **asdict(self), "patch_size": list(self.patch_size)}


SIZES = {
    "pocket": TransformerConfig(),
    "wan-1.3b": TransformerConfig(
        num_attention_heads=12, attention_head_dim=128, text_dim=4096, ffn_dim=8960, num_layers=30
    ),
    "wan-14b": TransformerConfig(
        num_attention_heads=40, attention_head_dim=128, text_dim=4096, ffn_dim=13824, num_layers=40
    ),
}


class Embedding(nn.Module):
    """Two linear layers with an activation between them."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear_1 = Linear(inputs, width)
        self.linear_2 = Linear(width, width)


class Conditions(nn.Module):
    """What the blocks are told: the noise levels and the prompts."""

    def __init__(self, sizes: TransformerConfig) -> None:
        super().__init__()
        self.waves = sizes.freq_dim // 2
        self.time_embedder = Embedding(sizes.freq_dim, sizes.width)
        self.time_proj = Linear(sizes.width, 6 * sizes.width)
        self.text_embedder = Embedding(sizes.text_dim, sizes.width)

    def time(self, noise: Float[Tensor, " U"]) -> tuple[Float[Tensor, "U D"], Float[Tensor, "U 6 D"]]:
        """Embed noise levels by waves of geometric wavelengths, for the last layer and for the blocks."""
        exponents = torch.arange(self.waves, dtype=torch.float32, device=noise.device) / self.waves
        angles = (noise.double() * TIMESTEPS).float()[:, None] * torch.exp(-math.log(10000.0) * exponents)
        waves = torch.cat((angles.cos(), angles.sin()), dim=1).to(self.time_proj.weight.dtype)  # U freq_dim
        embedded = self.time_embedder.linear_2(F.silu(self.time_embedder.linear_1(waves)))  # U D
        return embedded, self.time_proj(F.silu(embedded)).unflatten(1, (6, -1))

    def text(self, text: TextPack) -> tuple[Float[Tensor, "B S D"], Bool[Tensor, "B S"] | None]:
        """Embed prompts and give each a row; where lengths differ, also say which tokens of a row are real."""
        words = text.tokens.to(self.time_proj.weight.dtype)
        hidden = F.gelu(self.text_embedder.linear_1(words), approximate="tanh")
        tokens = self.text_embedder.linear_2(hidden)  # M D
        if len(set(text.lengths)) == 1:
            return tokens.unflatten(0, (len(text.lengths), -1)), None
        longest = -(-max(text.lengths) // TEXT_STEP) * TEXT_STEP
        lengths = torch.tensor(text.lengths)
        places = torch.arange(longest)[None, :]  # 1 S
        real = places < lengths[:, None]  # B S
        rows = torch.where(real, (lengths.cumsum(0) - lengths)[:, None] + places, 0).to(tokens.device)
        return tokens[rows], real.to(tokens.device)


class VideoTransformer(nn.Module):
    """Wan's transformer over packs of videos."""

    def __init__(self, sizes: TransformerConfig) -> None:
        super().__init__()
        self.config = sizes
        width = sizes.width
        self.patch_embedding = nn.Conv3d(sizes.in_channels, width, sizes.patch_size, stride=sizes.patch_size)
        self.condition_embedder = Conditions(sizes)
        self.blocks = nn.ModuleList(
            Block(width, sizes.num_attention_heads, sizes.ffn_dim, sizes.cross_attn_norm, sizes.eps)
            for _ in range(sizes.num_layers)
        )
        self.proj_out = Linear(width, sizes.out_channels * math.prod(sizes.patch_size))
        self.scale_shift_table = nn.Parameter(nn.init.normal_(torch.empty(1, 2, width), std=width**-0.5))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights before training, as Wan begins: Xavier inside, small embeddings, an output of zero."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv3d)):
                nn.init.xavier_uniform_(module.weight.flatten(1))
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        for embedding in (self.condition_embedder.time_embedder, self.condition_embedder.text_embedder):
            nn.init.normal_(embedding.linear_1.weight, std=0.02)
            nn.init.normal_(embedding.linear_2.weight, std=0.02)
        nn.init.zeros_(self.proj_out.weight)

    def forward(self, pack: Pack, text: TextPack) -> Float[Tensor, "N Q"]:
        """The velocity of every token of a pack, in the layout that :func:`langit.patches.unpack` folds back."""
        assert len(pack.lengths) == len(text.lengths), f"{len(pack.lengths)} videos, {len(text.lengths)} prompts"
        embed = self.patch_embedding
        assert embed.bias is not None
        last, rows = self._levels(pack.noise)  # of the output layer, of the blocks
        prompts, real = self.condition_embedder.text(text)  # B S D
        cos, sin = rotary(pack.positions, self.config.attention_head_dim)  # N width/2
        runs = segments(pack.lengths)

        x = linear(pack.tokens.to(embed.weight.dtype), embed.weight.flatten(1), embed.bias)  # N D
        x = rows.stretch(x)  # R r D
        for block in self.blocks:
            x = block(x, rows, (cos, sin), prompts, real, runs)
        shift, scale = last.parts(self.scale_shift_table)
        x = torch.addcmul(shift, norm(x, self.config.eps), 1 + scale).to(x.dtype)
        out: Tensor = self.proj_out(x.flatten(0, 1))
        return out

    def forward_grid(
        self,
        latents: Float[Tensor, "B C F h w"],
        timestep: Float[Tensor, " B"] | Float[Tensor, "B N"],
        text: Float[Tensor, "B S E"],
    ) -> Float[Tensor, "B K F h w"]:
        """The same by diffusers' call: a batch of one shape, timesteps in [0, 1000] for each video or each token."""
        packed = pack(list(latents), list(timestep / TIMESTEPS), self.config.patch_size)
        prompts = TextPack(text.flatten(0, 1), (text.shape[1],) * text.shape[0])
        return torch.stack(unpack(packed, self(packed, prompts)))

    def _levels(self, noise: Float[Tensor, " N"]) -> tuple[Levels, Levels]:
        """Embed each noise level once. Tokens that share one in equal stretches share its row without a copy."""
        count = noise.shape[0]
        changes = (noise[1:] != noise[:-1]).nonzero().flatten() + 1
        stretch = math.gcd(count, *changes.tolist())
        levels, index = noise[::stretch].unique(return_inverse=True)
        embedded, rows = self.condition_embedder.time(levels)
        if stretch == 1:
            return Levels(embedded[:, None].expand(-1, 2, -1), index), Levels(rows, index)
        return Levels(embedded[index][:, None].expand(-1, 2, -1), None), Levels(rows[index], None)
