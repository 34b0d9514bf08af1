"""What a loss is: the flow of the video model, and the reconstruction of the autoencoder.

A task knows its modules and its batch; it does not know the loop, the optimiser or the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.autoencoder.model import Autoencoder, to_float
from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.feed.windows import WindowConfig
from langit.flow.levels import LevelsConfig, draw_levels
from langit.flow.path import velocity
from langit.patches import channels_last
from langit.patches.known import KnownConfig
from langit.text.encoder import TextEncoder
from langit.train.drawing import draw_captions, draw_noised, weighed
from langit.train.lanes import shared
from langit.train.optim import Kind
from langit.transformer.model import VideoTransformer

Look = Callable[[int, Path], None]


@contextmanager
def averaged(modules: dict[str, nn.Module], ema: dict[str, Tensor]) -> Iterator[None]:
    """The modules with their averaged weights, for a while."""
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
    """How the flow is learnt. After ``thing_after`` steps a thing's tokens weigh ``1 + thing_weight x share``."""

    levels: LevelsConfig = LevelsConfig()
    drop_caption: float = 0.1  # share of empty captions, for guidance
    drop_word: float = 0.02  # share of words made unknown, so that an unknown word does no harm
    thing_weight: float = 4.0
    thing_after: int = 300
    token_budget: int = 5120  # tokens in a batch
    windows: WindowConfig = WindowConfig()
    known: KnownConfig = KnownConfig()

    def __post_init__(self) -> None:
        if self.token_budget < 1 or not self.thing_weight >= 0:
            raise ValueError(
                f"token_budget {self.token_budget}, thing_weight {self.thing_weight}: give 1 and 0 or more"
            )
        for name in ("drop_caption", "drop_word"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} is not a share: give 0 to below 1")


class FlowTask:
    """Rectified flow on packs of latents: predict the velocity of every token from its noisy value and the caption."""

    def __init__(self, transformer: VideoTransformer, text: TextEncoder, config: FlowConfig, look: Look) -> None:
        self.transformer, self.text, self.config, self.look = transformer, text, config, look

    def modules(self) -> dict[str, nn.Module]:
        return {"transformer": self.transformer, "text": self.text}

    def twin(self) -> FlowTask:
        return FlowTask(shared(self.transformer), shared(self.text), self.config, self.look)

    def kind_of(self, name: str, parameter: nn.Parameter) -> Kind:
        """The text encoder's scores are neither scaled nor normalised (T5); the transformer's are normalised."""
        if name.endswith((".SelfAttention.q.weight", ".SelfAttention.k.weight")):
            return "score"
        inside = ".blocks." in name or ".block." in name
        return "matrix" if inside and parameter.ndim == 2 and "relative_attention_bias" not in name else "other"

    def loss(self, batch: Batch, step: int, generator: torch.Generator) -> Tensor:
        wrong, noise = self.losses(batch, generator)
        weight = self.config.thing_weight if step >= self.config.thing_after else 0.0
        return weighed(wrong, noise, batch.items.shares, weight)

    def losses(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Squared error of each token's velocity (N,), and each token's noise level (N,): zero where it is known."""
        items: LatentItems = batch.items
        config = self.config
        prompts = draw_captions(items.captions, self.text, config.drop_caption, config.drop_word, generator)
        noised = draw_noised(items, draw_levels(batch.kind, config.levels, generator), config.known, generator)
        answer = self.transformer(noised.shown, prompts)
        target = channels_last(velocity(noised.clean.tokens, noised.noise), noised.clean.patch)
        return (answer - target).square().mean(1), noised.shown.noise

    def show(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        with averaged(self.modules(), ema), torch.no_grad():
            self.look(step, folder)


LEVELS = 3  # of a pyramid: 8x8 pixels to one, which is what every width and height divides by


def pyramid_error(wrong: Tensor) -> Tensor:
    """Mean absolute value of a Laplacian pyramid, summed over its bands: what a blurred edge is wrong in.

    Args:
        wrong: the difference of two videos, (B, 3, T, H, W).
    """
    rest = wrong.transpose(1, 2).flatten(0, 1)  # (B T, 3, H, W)
    found = rest.new_zeros(())
    for _ in range(LEVELS):
        smaller = functional.avg_pool2d(rest, 2)
        smooth = functional.interpolate(smaller, size=rest.shape[2:], mode="bilinear", align_corners=False)
        found, rest = found + (rest - smooth).abs().mean(), smaller
    return found + rest.abs().mean()


@dataclass(frozen=True)
class ReconstructionConfig:
    """What a good reconstruction is: squared error, sharp edges, and motion.

    With ``decoder_only`` encoder and latents stay as they are, to the bit: models of these latents stay good.
    """

    batch: int = 8
    edge_weight: float = 0.1
    motion_weight: float = 0.1
    latent_noise: float = 0.02  # so that the decoder forgives a generator's small errors
    decoder_only: bool = configs.added(False)
    pyramid_weight: float = configs.added(0.0)  # of `pyramid_error`

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"reconstruction.batch {self.batch}: give a whole number of at least 1")
        for name in ("edge_weight", "motion_weight", "latent_noise", "pyramid_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"reconstruction.{name} {getattr(self, name)} is below 0: give 0 or more")


class ReconstructionTask:
    """The autoencoder: a film in, the same film out."""

    def __init__(self, autoencoder: Autoencoder, config: ReconstructionConfig, look: Look) -> None:
        self.autoencoder, self.config, self.look = autoencoder, config, look

    def modules(self) -> dict[str, nn.Module]:
        if self.config.decoder_only:
            return {"autoencoder.decoder": self.autoencoder.decoder}
        return {"autoencoder": self.autoencoder}

    def twin(self) -> ReconstructionTask:
        return ReconstructionTask(shared(self.autoencoder), self.config, self.look)

    def kind_of(self, name: str, parameter: nn.Parameter) -> Kind:
        kernel = parameter.ndim >= 2 and parameter.shape[0] > 1 and name.endswith("weight")
        return "matrix" if kernel and "linear" not in name else "other"

    def loss(self, batch: Batch, step: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        video = to_float(batch.items)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.decoder_only):
            latents = self.autoencoder.encode(video)
        noise = torch.randn(latents.shape, generator=generator) * self.config.latent_noise
        again = self.autoencoder.decode(latents + noise * latents.detach().std())
        wrong = again - video
        loss = functional.l1_loss(again, video) + 4 * wrong.square().mean()
        for axis in (3, 4):
            loss = loss + self.config.edge_weight * wrong.diff(dim=axis).abs().mean()
        if self.config.pyramid_weight:
            loss = loss + self.config.pyramid_weight * pyramid_error(wrong)
        return loss + self.config.motion_weight * wrong.diff(dim=2).abs().mean()

    def show(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        with averaged(self.modules(), ema), torch.no_grad():
            self.look(step, folder)
