"""The video transformer: takes noisy patches, their noise levels and a prompt; returns the velocity of every patch.

Results and parameter names are those of diffusers' ``WanTransformer3DModel`` (Wan 2.1, and the per-token levels of
Wan 2.2), so weights can be exchanged. All computing is over packs. Knows nothing of training, sampling or devices.
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
from langit.transformer.attention import equal_runs
from langit.transformer.block import Block, LevelModulation, layer_norm
from langit.transformer.linear import Linear, linear
from langit.transformer.protocol import Denoiser

TIMESTEPS = 1000.0  # Wan counts noise levels from 0 to 1000
TEXT_STEP = 16  # prompts of different lengths are padded to multiples of this, to compile few shapes


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a transformer, with the keys of diffusers' ``config.json``.

    Raises:
        ValueError: an impossible size, or a part of Wan that this model does not implement.
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
                    f"{key} {getattr(self, key)} is not supported: this model has no image encoder (Wan 2.1"
                    f" image-to-video); use weights whose {key} is null, such as text-to-video or Wan 2.2"
                )
        if self.qk_norm != "rms_norm_across_heads":
            raise ValueError(f"qk_norm {self.qk_norm!r} is not supported: use 'rms_norm_across_heads'")
        sizes = ("num_attention_heads", "in_channels", "out_channels", "text_dim", "ffn_dim", "num_layers")
        for key in sizes:
            if getattr(self, key) < 1:
                raise ValueError(f"{key} {getattr(self, key)} is too small: use at least 1")
        for key in ("attention_head_dim", "freq_dim"):
            if getattr(self, key) < 2 or getattr(self, key) % 2:
                raise ValueError(
                    f"{key} {getattr(self, key)} is not a positive even number: sines and cosines come in pairs"
                )
        if min(self.patch_size) < 1:
            raise ValueError(f"patch_size {self.patch_size} has an empty side: use at least 1 for each side")

    @property
    def width(self) -> int:
        """D, the width of a token inside the model."""
        return self.num_attention_heads * self.attention_head_dim

    @classmethod
    def from_diffusers(cls, plain: dict[str, Any]) -> TransformerConfig:
        """Read diffusers' ``config.json``. Its private keys are ignored; ``out_channels`` defaults to ``in_channels``.

        Raises:
            ValueError: a key is unknown or a value is wrong.
        """
        known = {key: value for key, value in plain.items() if not key.startswith("_")}
        if "out_channels" in known and known["out_channels"] is None:
            known["out_channels"] = known["in_channels"]
        return config.load(cls, known)

    def to_diffusers(self) -> dict[str, Any]:
        """The content of diffusers' ``config.json`` for this model."""
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
    """Embeddings of the conditions: noise levels and prompts."""

    def __init__(self, sizes: TransformerConfig) -> None:
        super().__init__()
        self.frequencies = sizes.freq_dim // 2
        self.time_embedder = Embedding(sizes.freq_dim, sizes.width)
        self.time_proj = Linear(sizes.width, 6 * sizes.width)
        self.text_embedder = Embedding(sizes.text_dim, sizes.width)

    def time(self, noise: Float[Tensor, " U"]) -> tuple[Float[Tensor, "U D"], Float[Tensor, "U 6 D"]]:
        """Embed noise levels by sinusoids of geometric wavelengths, for the output layer and for the blocks."""
        exponents = torch.arange(self.frequencies, dtype=torch.float32, device=noise.device) / self.frequencies
        exact = noise if noise.device.type == "mps" else noise.double()  # MPS has no double precision
        angles = (exact * TIMESTEPS).float()[:, None] * torch.exp(-math.log(10000.0) * exponents)
        sinusoids = torch.cat((angles.cos(), angles.sin()), dim=1).to(self.time_proj.weight.dtype)  # U freq_dim
        embedded = self.time_embedder.linear_2(F.silu(self.time_embedder.linear_1(sinusoids)))  # U D
        return embedded, self.time_proj(F.silu(embedded)).unflatten(1, (6, -1))

    def text(self, text: TextPack) -> tuple[Float[Tensor, "B S D"], Bool[Tensor, "B S"] | None]:
        """Embed prompts, one per row, and a mask that is false at padding; None where lengths are equal."""
        words = text.tokens.to(self.time_proj.weight.dtype)
        hidden = F.gelu(self.text_embedder.linear_1(words), approximate="tanh")
        tokens = self.text_embedder.linear_2(hidden)  # M D
        if len(set(text.lengths)) == 1:
            return tokens.unflatten(0, (len(text.lengths), -1)), None
        longest = -(-max(text.lengths) // TEXT_STEP) * TEXT_STEP
        lengths = torch.tensor(text.lengths, device=tokens.device)
        places = torch.arange(longest, device=tokens.device)[None, :]  # 1 S
        real = places < lengths[:, None]  # B S
        # Padding repeats the first token of all, which the mask hides.
        rows = torch.where(real, (lengths.cumsum(0) - lengths)[:, None] + places, 0)
        return tokens[rows], real


class VideoTransformer(Denoiser):
    """Wan's transformer over packs of videos."""

    class_name = ("diffusers", "WanTransformer3DModel")
    config: TransformerConfig
    blocks: nn.ModuleList

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

    def config_dict(self) -> dict[str, Any]:
        """The content of diffusers' ``config.json``."""
        return self.config.to_diffusers()

    @property
    def patch_size(self) -> tuple[int, int, int]:
        """Frames, rows and columns of a patch."""
        return self.config.patch_size

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of the latents that go in, and of the velocity that comes out."""
        return self.config.in_channels, self.config.out_channels

    def reset_parameters(self) -> None:
        """Initialise as Wan does: Xavier for all layers, small embeddings, a zero output layer."""
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
        """Predict the velocity of every token of a pack, in the layout that :func:`langit.patches.unpack` reads."""
        assert len(pack.lengths) == len(text.lengths), f"{len(pack.lengths)} videos, {len(text.lengths)} prompts"
        embed = self.patch_embedding
        assert embed.bias is not None
        last, rows = self._embed_levels(pack.noise)  # for the output layer, for the blocks
        prompts, real = self.condition_embedder.text(text)  # B S D
        cos, sin = rotary(pack.positions, self.config.attention_head_dim)  # N width/2
        runs = equal_runs(pack.lengths)

        x = linear(pack.tokens.to(embed.weight.dtype), embed.weight.flatten(1), embed.bias)  # N D
        x = rows.stretch(x)  # R r D
        for block in self.blocks:
            x = block(x, rows, (cos, sin), prompts, real, runs)
        shift, scale = last.modulate(self.scale_shift_table)
        x = torch.addcmul(shift, layer_norm(x, self.config.eps), 1 + scale).to(x.dtype)
        out: Tensor = self.proj_out(x.flatten(0, 1))
        return out

    def forward_grid(
        self,
        latents: Float[Tensor, "B C F h w"],
        timestep: Float[Tensor, " B"] | Float[Tensor, "B N"],
        text: Float[Tensor, "B S E"],
    ) -> Float[Tensor, "B K F h w"]:
        """Call as diffusers does: a batch of one shape, timesteps in [0, 1000] per video or per token."""
        packed = pack(list(latents), list(timestep / TIMESTEPS), self.config.patch_size)
        prompts = TextPack(text.flatten(0, 1), (text.shape[1],) * text.shape[0])
        return torch.stack(unpack(packed, self(packed, prompts)))

    def _embed_levels(self, noise: Float[Tensor, " N"]) -> tuple[LevelModulation, LevelModulation]:
        """Embed each distinct noise level once; tokens that share one in equal stretches broadcast its row."""
        count = noise.shape[0]
        # The longest stretch length that divides the pack so that the level never changes within a stretch.
        changes = (noise[1:] != noise[:-1]).nonzero().flatten() + 1
        stretch = math.gcd(count, *changes.tolist())
        levels, index = noise[::stretch].unique(return_inverse=True)
        embedded, rows = self.condition_embedder.time(levels)
        if stretch == 1:
            return LevelModulation(embedded[:, None].expand(-1, 2, -1), index), LevelModulation(rows, index)
        return LevelModulation(embedded[index][:, None].expand(-1, 2, -1), None), LevelModulation(rows[index], None)
