"""The transformer with a control branch: VACE (arXiv 2503.07598), which reads a second video beside the noisy one.

Blocks of their own read the control video's tokens once, and what they find is added after some blocks of the main
branch. Results and parameter names are those of diffusers' ``WanVACETransformer3DModel``. Knows nothing of what the
control video shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from langit.patches import Pack
from langit.transformer.attention import Angles, TextContext
from langit.transformer.block import Block, LevelModulation
from langit.transformer.linear import Linear, apply_linear
from langit.transformer.model import TransformerConfig, VideoTransformer


@dataclass(frozen=True)
class ControlConfig(TransformerConfig):
    """Sizes with a control branch: after which layers it is added, and the channels of the control video.

    Raises:
        ValueError: see :class:`TransformerConfig`; or a layer that there is not.
    """

    diffusers_class: ClassVar[str] = "WanVACETransformer3DModel"
    vace_layers: tuple[int, ...] = (0,)
    vace_in_channels: int = 96

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vace_in_channels < 1:
            raise ValueError(f"vace_in_channels {self.vace_in_channels} is too small: use at least 1")
        if list(self.vace_layers) != sorted(set(self.vace_layers)) or self.vace_layers[:1] != (0,):
            raise ValueError(
                f"vace_layers {list(self.vace_layers)} do not rise from 0: list each layer once, from 0 on"
            )
        if self.vace_layers[-1] >= self.num_layers:
            raise ValueError(
                f"vace_layers {list(self.vace_layers)} go beyond the last layer: use at most {self.num_layers - 1}"
            )

    def to_diffusers(self) -> dict[str, Any]:
        """The content of diffusers' ``config.json`` for this model."""
        return super().to_diffusers() | {"vace_layers": list(self.vace_layers)}


class ControlBlock(Block):
    """A block of the control branch: its output goes to the next one, and projected to the main branch.

    The first one adds the main branch's tokens to what it reads.
    """

    def __init__(self, sizes: TransformerConfig, first: bool) -> None:
        super().__init__(
            sizes.width,
            sizes.num_attention_heads,
            sizes.ffn_dim,
            sizes.cross_attn_norm,
            sizes.eps,
            sizes.added_kv_proj_dim,
        )
        self.proj_in = Linear(sizes.width, sizes.width) if first else None
        self.proj_out = Linear(sizes.width, sizes.width)


class ControlTransformer(VideoTransformer):
    """Wan's transformer with VACE's control branch. A pack without a control video is an error."""

    class_name = ("diffusers", "WanVACETransformer3DModel")
    config: ControlConfig

    def __init__(self, sizes: ControlConfig) -> None:
        super().__init__(sizes)
        patch = sizes.patch_size
        self.vace_patch_embedding = nn.Conv3d(sizes.vace_in_channels, sizes.width, patch, stride=patch)
        self.vace_blocks = nn.ModuleList(ControlBlock(sizes, not layer) for layer in range(len(sizes.vace_layers)))
        self.reset_parameters()

    @property
    def layers(self) -> tuple[nn.Module, ...]:
        """All repeated layers, in the order in which they run."""
        return (*self.vace_blocks, *self.blocks)

    def run_blocks(
        self,
        x: Float[Tensor, "R r D"],
        pack: Pack,
        levels: LevelModulation,
        angles: Angles,
        text: TextContext,
        runs: tuple[tuple[int, int], ...],
    ) -> Float[Tensor, "R r D"]:
        """Pass the embedded tokens through all blocks; the control branch runs first."""
        embed = self.vace_patch_embedding
        assert pack.control is not None, "this model reads a control video"
        control = apply_linear(embed, pack.control.to(embed.weight.dtype))  # N D
        control = levels.stretch(control)  # R r D
        hints: list[Tensor] = []
        for block in self.vace_blocks:
            assert isinstance(block, ControlBlock)
            if block.proj_in is not None:
                control = block.proj_in(control) + x
            control = block(control, levels, angles, text, runs)
            hints.append(block.proj_out(control))
        after = dict(zip(self.config.vace_layers, hints, strict=True))
        for number, block in enumerate(self.blocks):
            x = block(x, levels, angles, text, runs)
            if number in after:
                x = x + after[number]
        return x
