"""The losses: the flow of the video model, and the reconstruction of the autoencoder.

A task knows its modules and its batch; it does not know the loop, the optimiser or the disk. Batches arrive on the
modules' device; random numbers are drawn on the CPU and moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.autoencoder.model import to_float
from langit.autoencoder.protocol import VideoAutoencoder
from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.feed.windows import WindowConfig
from langit.flow.levels import LevelsConfig, draw_levels
from langit.flow.path import velocity
from langit.patches import channels_last
from langit.patches.known import KnownConfig
from langit.text.encoder import TextEncoder
from langit.train.drawing import draw_captions, draw_noised, weighted_mean
from langit.train.journal import LevelLosses
from langit.train.microbatch import sharing_weights
from langit.train.optim import ParameterKind
from langit.train.parts import BatchPart
from langit.transformer.protocol import Denoiser

SavePreview = Callable[[int, Path], None]
"""Saves something to look at (a contact sheet) for a step, in a folder."""


@contextmanager
def averaged_weights(modules: dict[str, nn.Module], ema: dict[str, Tensor]) -> Iterator[None]:
    """Put averaged weights into the modules for the time of a ``with`` block."""
    named = {f"{part}.{name}": p for part, module in modules.items() for name, p in module.named_parameters()}
    kept = {name: named[name].detach().clone() for name in ema}
    with torch.no_grad():
        for name, value in ema.items():
            named[name].copy_(value)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in kept.items():
                named[name].copy_(value)


@dataclass(frozen=True)
class FlowConfig:
    """How the flow is learnt. From step ``thing_after`` on, a thing's tokens weigh ``1 + thing_weight x share``."""

    levels: LevelsConfig = LevelsConfig()
    drop_caption: float = 0.1  # share of empty captions, for guidance
    drop_word: float = 0.02  # share of words made unknown, so that an unknown word does no harm
    thing_weight: float = 4.0
    thing_after: int = 300
    token_budget: int = 5120  # tokens in a batch
    windows: WindowConfig = WindowConfig()
    known: KnownConfig = KnownConfig()
    one_shape: bool = configs.added_field(False)  # all windows of a batch have one length and size (`feed.shaped`)
    stream: bool = configs.added_field(False)  # latents are read from disk as they are needed (`feed.stream`)

    def __post_init__(self) -> None:
        if self.token_budget < 1 or not self.thing_weight >= 0:
            raise ValueError(
                f"token_budget {self.token_budget}, thing_weight {self.thing_weight}: use at least 1 and 0"
            )
        if self.stream and self.one_shape:
            raise ValueError("flow.stream and flow.one_shape exclude each other: set one of them to false")
        for name in ("drop_caption", "drop_word"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} is not a share: use 0 to below 1")


def flow_parameter_kind(name: str, parameter: nn.Parameter) -> ParameterKind:
    """The text encoder's scores are neither scaled nor normalised (T5); the transformer's are normalised."""
    if name.endswith((".SelfAttention.q.weight", ".SelfAttention.k.weight")):
        return "score"
    inside = ".blocks." in name or ".block." in name
    # The bias table has two axes, but its rows are looked up: no product runs over it.
    return "matrix" if inside and parameter.ndim == 2 and "relative_attention_bias" not in name else "other"


class FlowTask:
    """Rectified flow on packs of latents: predict the velocity of every token from its noisy value and the caption."""

    def __init__(
        self,
        transformer: Denoiser,
        text: TextEncoder,
        config: FlowConfig,
        preview: SavePreview,
        by_level: LevelLosses | None = None,
    ) -> None:
        self.transformer, self.text, self.config, self.preview = transformer, text, config, preview
        self.by_level = by_level  # shared by replicas: what a person watches, never learnt from

    def modules(self) -> dict[str, nn.Module]:
        return {"transformer": self.transformer, "text": self.text}

    def replica(self) -> FlowTask:
        return FlowTask(
            sharing_weights(self.transformer), sharing_weights(self.text), self.config, self.preview, self.by_level
        )

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        return flow_parameter_kind(name, parameter)

    def loss(self, batch: Batch[LatentItems], step: int, generator: torch.Generator) -> Tensor:
        errors, levels = self.losses(batch, generator)
        if self.by_level is not None:
            self.by_level.add(errors.detach(), levels)
        weight = self.config.thing_weight if step >= self.config.thing_after else 0.0
        return weighted_mean(errors, levels, batch.items.shares, weight)

    def losses(self, batch: Batch[LatentItems], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Squared error of each token's velocity (N,), and each token's noise level (N,): zero where it is known."""
        items, config = batch.items, self.config
        # The order of the draws is part of what a seed means: captions, levels, known tokens, noise.
        prompts = draw_captions(items.captions, self.text, config.drop_caption, config.drop_word, generator)
        levels = draw_levels(items.lengths, config.levels, generator)
        noised = draw_noised(items, levels, config.known, generator)
        predicted = self.transformer(noised.shown, prompts)
        target = channels_last(velocity(noised.clean.tokens, noised.noise), noised.clean.patch)
        return (predicted.float() - target).square().mean(1), noised.shown.noise

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        with averaged_weights(self.modules(), ema), torch.no_grad():
            self.preview(step, folder)


PYRAMID_LEVELS = 3  # halvings of a side: sides are multiples of 8 pixels, so all three come out whole


def pyramid_error(difference: Float[Tensor, "B 3 T H W"]) -> Tensor:
    """Mean absolute value of a Laplacian pyramid, summed over its bands: the error that a blurred edge makes.

    Args:
        difference: of two videos.
    """
    rest = difference.transpose(1, 2).flatten(0, 1)  # (B T, 3, H, W)
    total = rest.new_zeros(())
    for _ in range(PYRAMID_LEVELS):
        smaller = functional.avg_pool2d(rest, 2)
        smooth = functional.interpolate(smaller, size=rest.shape[2:], mode="bilinear", align_corners=False)
        total, rest = total + (rest - smooth).abs().mean(), smaller
    return total + rest.abs().mean()


@dataclass(frozen=True)
class ReconstructionConfig:
    """The weights of the reconstruction loss: squared error, sharp edges, and motion.

    With ``decoder_only`` the encoder and its latents stay as they are, to the bit, so that models of these latents stay
    valid.
    """

    batch: int = 8
    edge_weight: float = 0.1
    motion_weight: float = 0.1
    latent_noise: float = 0.02  # so that the decoder forgives a generator's small errors
    decoder_only: bool = configs.added_field(False)
    pyramid_weight: float = configs.added_field(0.0)  # of `pyramid_error`

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"reconstruction.batch {self.batch}: use a whole number of at least 1")
        for name in ("edge_weight", "motion_weight", "latent_noise", "pyramid_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"reconstruction.{name} {getattr(self, name)} is below 0: use 0 or more")


class ReconstructionTask:
    """The autoencoder: encode a clip, decode it, and compare."""

    def __init__(self, autoencoder: VideoAutoencoder, config: ReconstructionConfig, preview: SavePreview) -> None:
        self.autoencoder, self.config, self.preview = autoencoder, config, preview

    def modules(self) -> dict[str, nn.Module]:
        if self.config.decoder_only:
            return {"autoencoder.decoder": self.autoencoder.decoder}
        return {"autoencoder": self.autoencoder}

    def replica(self) -> ReconstructionTask:
        return ReconstructionTask(sharing_weights(self.autoencoder), self.config, self.preview)

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        kernel = parameter.ndim >= 2 and parameter.shape[0] > 1 and name.endswith("weight")
        return "matrix" if kernel and "linear" not in name else "other"

    def loss(self, batch: Batch[Tensor], step: int, generator: torch.Generator) -> Tensor:
        count = len(batch.items)
        return self.part_loss(batch.items, BatchPart(0, count, count, step), generator)

    def part_loss(self, items: Tensor, part: BatchPart, generator: torch.Generator) -> Tensor:
        """The loss on some of a batch's frames (B, T, H, W, 3); with none of them the others are still told so."""
        if not part.count:
            part.std(items.new_zeros(0, dtype=torch.float32))
            trained = (p for module in self.modules().values() for p in module.parameters())
            return torch.stack([(parameter * 0).sum() for parameter in trained if parameter.requires_grad]).sum()
        video = to_float(items)  # (B, 3, T, H, W)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.decoder_only):
            latents = self.autoencoder.encode(video)
        whole = torch.randn((part.total, *latents.shape[1:]), generator=generator)
        noise = part.cut(whole).to(latents.device) * self.config.latent_noise
        decoded = self.autoencoder.decode(latents + noise * part.std(latents.detach()))
        difference = decoded - video
        # 4 x squared error: over [-1, 1] it then weighs about as much as the absolute error.
        loss = functional.l1_loss(decoded, video) + 4 * difference.square().mean()
        for axis in (3, 4):
            loss = loss + self.config.edge_weight * difference.diff(dim=axis).abs().mean()
        if self.config.pyramid_weight:
            loss = loss + self.config.pyramid_weight * pyramid_error(difference)
        if video.shape[2] == 1:  # pictures: nothing moves, and the mean of nothing would not be a number
            return loss
        return loss + self.config.motion_weight * difference.diff(dim=2).abs().mean()

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        with averaged_weights(self.modules(), ema), torch.no_grad():
            self.preview(step, folder)
