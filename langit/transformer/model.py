"""The video transformer: takes noisy patches, their noise levels and a prompt; returns the velocity of every patch.

Results and parameter names are those of diffusers' ``WanTransformer3DModel`` (Wan 2.1, and the per-token levels of
Wan 2.2), so weights can be exchanged. All computing is over packs. Knows nothing of training, sampling or devices.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from langit import config
from langit.patches import Pack, TextPack, pack, rotary, unpack
from langit.transformer.attention import Angles, TextContext, equal_runs
from langit.transformer.block import Block, LevelModulation, Norm, layer_norm
from langit.transformer.kept import KeptText
from langit.transformer.linear import Linear, apply_linear
from langit.transformer.protocol import Denoiser

TIMESTEPS = 1000.0  # Wan counts noise levels from 0 to 1000
TEXT_STEP = 16  # prompts of different lengths are padded to multiples of this, to compile few shapes


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a transformer, with the keys of diffusers' ``config.json``.

    Raises:
        ValueError: an impossible size, or a part of Wan that this model does not implement.
    """

    diffusers_class: ClassVar[str] = "WanTransformer3DModel"
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
        if (self.image_dim is None) != (self.added_kv_proj_dim is None):
            raise ValueError(
                f"image_dim {self.image_dim} and added_kv_proj_dim {self.added_kv_proj_dim} belong together:"
                " set both (image to video) or neither"
            )
        if self.added_kv_proj_dim is not None and self.added_kv_proj_dim != self.width:
            raise ValueError(f"added_kv_proj_dim {self.added_kv_proj_dim} is not the model's width: use {self.width}")
        if self.pos_embed_seq_len is not None and (self.image_dim is None or self.pos_embed_seq_len % 2):
            raise ValueError(
                f"pos_embed_seq_len {self.pos_embed_seq_len} counts the tokens of two pictures: use an even number,"
                " and set image_dim"
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
        return {"_class_name": self.diffusers_class, **asdict(self), "patch_size": list(self.patch_size)}


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


class PictureFeedForward(nn.Module):
    """Two linear layers with an exact GELU between them, with diffusers' names."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleDict({"0": nn.ModuleDict({"proj": Linear(inputs, inputs)}), "2": Linear(inputs, width)})

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net["2"](F.gelu(self.net["0"]["proj"](x)))  # type: ignore[index]
        return out


class PictureEmbedding(nn.Module):
    """Embeds the image encoder's states; with ``pos_embed`` those of two pictures, the first and the last frame."""

    def __init__(self, inputs: int, width: int, both: int | None) -> None:
        super().__init__()
        self.norm1 = Norm(inputs)  # with torch's own epsilon, as in diffusers
        self.ff = PictureFeedForward(inputs, width)
        self.norm2 = Norm(width)
        self.pos_embed = nn.Parameter(torch.zeros(1, both, inputs)) if both is not None else None

    def forward(self, states: Float[Tensor, "B I V"]) -> Float[Tensor, "B I D"]:
        if self.pos_embed is not None:
            states = states + self.pos_embed
        out: Tensor = self.norm2(self.ff(self.norm1(states)))
        return out


class Conditions(nn.Module):
    """Embeddings of the conditions: noise levels, prompts, and pictures where the model takes them."""

    def __init__(self, sizes: TransformerConfig) -> None:
        super().__init__()
        self.frequencies = sizes.freq_dim // 2
        self.time_embedder = Embedding(sizes.freq_dim, sizes.width)
        self.time_proj = Linear(sizes.width, 6 * sizes.width)
        self.text_embedder = Embedding(sizes.text_dim, sizes.width)
        if sizes.image_dim is not None:
            self.image_embedder = PictureEmbedding(sizes.image_dim, sizes.width, sizes.pos_embed_seq_len)

    def time(self, noise: Float[Tensor, " U"]) -> tuple[Float[Tensor, "U D"], Float[Tensor, "U 6 D"]]:
        """Embed noise levels by sinusoids of geometric wavelengths, for the output layer and for the blocks."""
        exponents = torch.arange(self.frequencies, dtype=torch.float32, device=noise.device) / self.frequencies
        exact = noise if noise.device.type == "mps" else noise.double()  # MPS has no double precision
        angles = (exact * TIMESTEPS).float()[:, None] * torch.exp(-math.log(10000.0) * exponents)
        # The time embedding may be kept in single precision while everything else computes in half.
        sinusoids = torch.cat((angles.cos(), angles.sin()), dim=1).to(self.time_embedder.linear_1.weight.dtype)
        embedded = self.time_embedder.linear_2(F.silu(self.time_embedder.linear_1(sinusoids)))  # U D
        embedded = embedded.to(self.time_proj.weight.dtype)
        return embedded, self.time_proj(F.silu(embedded)).unflatten(1, (6, -1))

    def text(self, text: TextPack) -> TextContext:
        """Embed prompts, one per row, with what cross-attention needs to know of padding; and pictures."""
        words = text.tokens.to(self.time_proj.weight.dtype)
        image = None
        if text.image is not None:
            image = self.image_embedder(text.image.to(words.dtype))
        if text.pads:
            return replace(self._text_with_pads(words, text), image=image)
        tokens = self.embed_words(words)  # M D
        if len(set(text.lengths)) == 1:
            return TextContext(tokens.unflatten(0, (len(text.lengths), -1)), None, image)
        longest = -(-max(text.lengths) // TEXT_STEP) * TEXT_STEP
        lengths = torch.tensor(text.lengths, device=tokens.device)
        places = torch.arange(longest, device=tokens.device)[None, :]  # 1 S
        real = places < lengths[:, None]  # B S
        # Padding repeats the first token of all, which the mask hides.
        rows = torch.where(real, (lengths.cumsum(0) - lengths)[:, None] + places, 0)
        return TextContext(tokens[rows], real, image)

    def _text_with_pads(self, words: Float[Tensor, "M E"], text: TextPack) -> TextContext:
        """All zero vectors of a text embed as the same key and value: one of them, with log(n) added to its scores."""
        tokens = self.embed_words(torch.cat([words, words.new_zeros(1, words.shape[1])]))  # M + 1, D
        longest = -(-(max(text.lengths) + 1) // TEXT_STEP) * TEXT_STEP
        lengths = torch.tensor(text.lengths, device=tokens.device)
        places = torch.arange(longest, device=tokens.device)[None, :]  # 1 S
        rows = torch.where(places < lengths[:, None], (lengths.cumsum(0) - lengths)[:, None] + places, len(words))
        weights = torch.tensor(text.pads, dtype=torch.float32, device=tokens.device).log()  # -inf for none
        bias = torch.where(places == lengths[:, None], weights[:, None], -torch.inf)
        bias = torch.where(places < lengths[:, None], 0.0, bias)  # B S
        return TextContext(tokens[rows], bias.to(tokens.dtype))

    def embed_words(self, words: Float[Tensor, "*M E"]) -> Float[Tensor, "*M D"]:
        """Project words of the text encoder to the width of the model."""
        hidden = F.gelu(self.text_embedder.linear_1(words), approximate="tanh")
        embedded: Tensor = self.text_embedder.linear_2(hidden)
        return embedded


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
            Block(
                width,
                sizes.num_attention_heads,
                sizes.ffn_dim,
                sizes.cross_attn_norm,
                sizes.eps,
                sizes.added_kv_proj_dim,
            )
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

    def forward(self, pack: Pack, text: TextPack | KeptText) -> Float[Tensor, "N Q"]:
        """Predict the velocity of every token of a pack, in the layout that :func:`langit.patches.unpack` reads."""
        assert len(pack.lengths) == len(text.lengths), f"{len(pack.lengths)} videos, {len(text.lengths)} prompts"
        embed = self.patch_embedding
        last, rows = self._embed_levels(pack.noise)  # for the output layer, for the blocks
        prompts = self.read_text(text)  # B S D
        angles = rotary(pack.positions, self.config.attention_head_dim)  # N width/2
        runs = equal_runs(pack.lengths)

        x = apply_linear(embed, pack.tokens.to(embed.weight.dtype))  # N D
        x = rows.stretch(x)  # R r D
        x = self.run_blocks(x, pack, rows, angles, prompts, runs)
        shift, scale = last.modulate(self.scale_shift_table)
        x = torch.addcmul(shift, layer_norm(x, self.config.eps), 1 + scale).to(x.dtype)
        out: Tensor = self.proj_out(x.flatten(0, 1))
        return out

    def read_text(self, text: TextPack | KeptText) -> TextContext:
        """Embed prompts; those that are kept only once."""
        if not isinstance(text, KeptText):
            return self.condition_embedder.text(text)
        if text.context is None:
            text.context = replace(self.condition_embedder.text(text.text), kept={})
        return text.context

    def run_blocks(
        self,
        x: Float[Tensor, "R r D"],
        pack: Pack,  # noqa: ARG002  (control videos are read by a subclass)
        levels: LevelModulation,
        angles: Angles,
        text: TextContext,
        runs: tuple[tuple[int, int], ...],
    ) -> Float[Tensor, "R r D"]:
        """Pass the embedded tokens through all blocks."""
        for block in self.blocks:
            x = block(x, levels, angles, text, runs)
        return x

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
