"""Fine-tuning of a pretrained transformer on latents and prompts that were encoded before: a LoRA, or all weights.

The text encoder and the autoencoder are not here: whoever makes the task encodes the prompts once. Knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit.families.clips import ClipChannels
from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.flow.levels import LevelsConfig, draw_levels
from langit.flow.path import velocity
from langit.patches import Pack, TextPack, channels_last, pack
from langit.patches.known import KnownConfig
from langit.train.drawing import draw_noised
from langit.train.microbatch import sharing_weights
from langit.train.optim import ParameterKind
from langit.transformer.adapter import Adapter
from langit.transformer.protocol import Denoiser


@dataclass(frozen=True)
class TuningLevels:
    """Which noise levels are learnt: all of them, or those of one of two experts.

    ``lowest`` and ``highest`` bound the range, into which drawn levels are compressed.
    """

    config: LevelsConfig
    lowest: float = 0.0
    highest: float = 1.0

    def draw(self, counts: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, " B"]:
        """A level for each video, on the CPU."""
        return self.lowest + (self.highest - self.lowest) * draw_levels(counts, self.config, generator)


@dataclass(frozen=True, eq=False)
class EncodedPrompts:
    """Prompts' embeddings by text, on the CPU, and how many zero vectors follow each."""

    tokens: Mapping[str, Float[Tensor, "m E"]]
    pads: Mapping[str, int]

    def pack(self, texts: list[str], device: torch.device) -> TextPack:
        """The prompts of a batch."""
        found = [self.tokens[text] for text in texts]
        pads = tuple(self.pads[text] for text in texts)
        joined = torch.cat(found).float().to(device)
        return TextPack(joined, tuple(map(len, found)), pads if any(pads) else ())


class TuningTask:
    """Rectified flow on packs of latents, as in pretraining. With an adapter only that is trained.

    With ``channels``, clips carry the condition that their family reads beside the noise; ``control`` says that it is a
    control video's and not further channels of the input.
    """

    def __init__(
        self,
        transformer: Denoiser,
        adapter: Adapter | None,
        prompts: EncodedPrompts,
        levels: TuningLevels,
        known: KnownConfig,
        drop_caption: float,
        channels: ClipChannels | None = None,
        control: bool = False,
    ) -> None:
        self.channels, self.control = channels, control
        self.transformer, self.adapter, self.prompts = transformer, adapter, prompts
        self.levels, self.known, self.drop_caption = levels, known, drop_caption

    def modules(self) -> dict[str, nn.Module]:
        return {"transformer": self.transformer} if self.adapter is None else {"adapter": self.adapter}

    def replica(self) -> TuningTask:
        transformer = sharing_weights(self.transformer)
        adapter = None if self.adapter is None else sharing_weights(self.adapter)
        return TuningTask(
            transformer,
            adapter,
            self.prompts,
            self.levels,
            self.known,
            self.drop_caption,
            self.channels,
            self.control,
        )

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:  # noqa: ARG002
        """AdamW for all: pretrained weights move little, and thin factors must not move alike in every direction."""
        return "other"

    def loss(self, batch: Batch[LatentItems], step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        items = batch.items
        drop = torch.rand(len(items.captions), generator=generator) < self.drop_caption
        texts = ["" if dropped else text for text, dropped in zip(items.captions, drop.tolist(), strict=True)]
        levels = self.levels.draw(items.lengths, generator)
        parts = None if self.channels is None else [self.channels.split(clip) for clip in items.latents]
        if parts is not None:
            items = replace(items, latents=[own for own, _, _ in parts])
        noised = draw_noised(items, levels, self.known, generator)
        shown, prompts = noised.shown, self.prompts.pack(texts, noised.clean.tokens.device)
        if parts is not None:
            shown = self._beside(shown, [beside for _, beside, _ in parts])
            states = [each for _, _, each in parts if each is not None]
            prompts = replace(prompts, image=torch.stack(states) if states else None)
        if self.adapter is None:
            predicted = self.transformer(shown, prompts)
        else:
            predicted = self.adapter.adapted_forward(self.transformer, shown, prompts)
        target = channels_last(velocity(noised.clean.tokens, noised.noise), noised.clean.patch)
        errors, unknown = (predicted.float() - target).square().mean(1), (noised.shown.noise > 0).float()
        mean: Tensor = (errors * unknown).sum() / unknown.sum().clamp(min=1)
        return mean

    def _beside(self, shown: Pack, conditions: list[Tensor]) -> Pack:
        """A pack with the clips' conditions beside its tokens."""
        beside = pack(conditions, [0.0] * len(conditions), shown.patch).tokens
        if self.control:
            return replace(shown, control=beside)
        return replace(shown, tokens=torch.cat([shown.tokens, beside], dim=1))

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        """Nothing to look at: sampling a large model takes longer than many steps."""
