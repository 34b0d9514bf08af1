"""The flow task on batches of one shape, for GPUs: what is random is drawn ahead on threads, and nothing waits for it.

The draws are those of `train.tasks.FlowTask`, from the same generator in the same order, and so is the loss: only where
and when things are computed differs. Captions are padded to one width, so that few shapes occur.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.feed.shaped import ShapedFeed
from langit.flow.levels import draw_levels
from langit.flow.path import velocity
from langit.patches import channels_last
from langit.shapes import TokenGrid
from langit.text.encoder import TextEncoder
from langit.train.drawing import draw_ids, draw_noised
from langit.train.journal import LevelLosses
from langit.train.optim import ParameterKind
from langit.train.tasks import FlowConfig, FlowTask, SavePreview
from langit.transformer.batched import batched_velocity
from langit.transformer.model import VideoTransformer

WIDTH = 48  # captions of rendered films have at most so many words and marks; longer ones take multiples of it


@dataclass(frozen=True)
class DrawnItems:
    """All that a step of the flow learns from, drawn: videos of one grid."""

    noisy: Float[Tensor, "B T P"]
    target: Float[Tensor, "B T P"]  # the velocity, in the layout that the model writes
    levels: Float[Tensor, " B"]
    known: Bool[Tensor, "B T"]
    shares: Float[Tensor, "B T"]  # of each token's pixels, how many show a thing
    ids: Int[Tensor, "B S"]
    grid: TokenGrid

    def _mapped(self, change: str, **how: object) -> DrawnItems:
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **{name: getattr(value, change)(**how) for name, value in tensors.items()})

    def to(self, device: torch.device) -> DrawnItems:
        """The same items on a device; from pinned memory the copy waits for nothing."""
        return self._mapped("to", device=device, non_blocking=True)

    def pin_memory(self) -> DrawnItems:
        """The same items in pinned memory."""
        return self._mapped("pin_memory")


class DrawnFeed:
    """The batches of a shaped feed, drawn: which words are dropped, which tokens are known, levels and noise."""

    def __init__(
        self, feed: ShapedFeed, text: TextEncoder, config: FlowConfig, seed: int, first: int = 0, pin: bool = False
    ) -> None:
        """``first`` is the stage's step at which the feed begins."""
        self.feed, self.text, self.config, self.seed, self.first, self.pin = feed, text, config, seed, first, pin

    def batch(self, step: int) -> Batch[DrawnItems]:
        batch = self.feed.batch(step)
        # As the trainer seeds the generator of a micro-batch.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.first + step)
        items = draw_items(batch.items, self.text, self.config, generator)
        return Batch(batch.clips, batch.tokens, items.pin_memory() if self.pin else items)


def draw_items(items: LatentItems, text: TextEncoder, config: FlowConfig, generator: torch.Generator) -> DrawnItems:
    """Draw what :meth:`FlowTask.losses` would draw of windows of one shape."""
    count = len(items.latents)
    ids, lengths = draw_ids(items.captions, text, config.drop_caption, config.drop_word, generator)
    levels = draw_levels(items.lengths, config.levels, generator)
    noised = draw_noised(items, levels, config.known, generator)
    grid = noised.clean.grids[0]
    assert set(noised.clean.grids) == {grid}, "windows of a batch have one shape"
    target = channels_last(velocity(noised.clean.tokens, noised.noise), noised.clean.patch)
    width = -(-max(lengths) // WIDTH) * WIDTH
    return DrawnItems(
        noisy=noised.shown.tokens.unflatten(0, (count, -1)),
        target=target.unflatten(0, (count, -1)),
        levels=levels,
        known=(noised.shown.noise == 0).unflatten(0, (count, -1)),
        shares=torch.stack(items.shares),
        ids=nn.functional.pad(ids, (0, width - ids.shape[1])),
        grid=grid,
    )


class ShapedFlowTask:
    """:class:`FlowTask` over drawn batches; transformer and text encoder are the same modules."""

    def __init__(
        self,
        transformer: VideoTransformer,
        text: TextEncoder,
        config: FlowConfig,
        preview: SavePreview,
        by_level: LevelLosses | None = None,
    ) -> None:
        self.plain = FlowTask(transformer, text, config, preview, by_level)
        self.transformer, self.text, self.config, self.by_level = transformer, text, config, by_level

    def modules(self) -> dict[str, nn.Module]:
        return self.plain.modules()

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        return self.plain.parameter_kind(name, parameter)

    def replica(self) -> ShapedFlowTask:
        plain = self.plain.replica()
        assert isinstance(plain.transformer, VideoTransformer)
        return ShapedFlowTask(plain.transformer, plain.text, self.config, self.plain.preview, self.by_level)

    def loss(self, batch: Batch[DrawnItems], step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        items = batch.items
        real = items.ids > 0
        words = self.text.model(items.ids, real)
        predicted = batched_velocity(self.transformer, items.noisy, items.levels, items.known, items.grid, words, real)
        errors = (predicted.float() - items.target).square().mean(2)  # B T
        if self.by_level is not None:
            self.by_level.add(errors.detach().flatten(), (items.levels[:, None] * ~items.known).flatten())
        weight = self.config.thing_weight if step >= self.config.thing_after else 0.0
        weights = (1 + weight * items.shares) * ~items.known
        return (errors * (weights / weights.mean())).mean()

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        self.plain.save_preview(ema, step, folder)
