"""What training a diffusion transformer takes: memory a device, operations, hours, cost, disk for latents.

Weights, gradients and the optimiser's state are sharded over the devices (FSDP2); activations are traced on fake
tensors by running the real model forward and backward. Knows no recipe, ledger or file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MethodType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from langit.patches import Pack, TextPack
from langit.plan.flops import forward_work, parameter_count
from langit.plan.hardware import TRAINING_SHARE, Hardware
from langit.plan.trace import materialize, trace
from langit.shapes import TokenGrid
from langit.transformer.blank import blank
from langit.transformer.block import LevelModulation
from langit.transformer.model import TransformerConfig, VideoTransformer

LATENT_BYTES = 2  # latents are kept in half precision
LEVELS = 16  # different ones in a micro-batch: one for each video, and 0
GATHERED_BLOCKS = 2  # FSDP2 gathers the next block while one computes


@dataclass(frozen=True)
class TrainingWork:
    """What is to be trained, as plain numbers.

    sizes: of the transformer.
    sequence: tokens of one video; attention is within a video.
    videos: in a step, over all devices.
    words: tokens of a prompt.
    other_parameters: trained beside the transformer, for example a small text encoder's.
    checkpointing: activations of a block are computed again in the backward pass.
    states: values that the optimiser keeps for each parameter: AdamW 2, Muon 1.
    average: whether a moving average of the weights is kept.
    bf16: computing in bf16 with weights in fp32; otherwise fp32.
    """

    sizes: TransformerConfig
    sequence: int
    videos: int
    steps: int
    words: int = 512
    other_parameters: int = 0
    checkpointing: bool = False
    states: int = 2
    average: bool = True
    bf16: bool = True

    def __post_init__(self) -> None:
        for name in ("sequence", "videos", "steps", "words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} is too small: use at least 1")

    @property
    def tokens(self) -> int:
        """Tokens of one step."""
        return self.sequence * self.videos


@dataclass(frozen=True)
class TrainingPlan:
    """What the work takes on so many devices. Memory is in bytes a device."""

    work: TrainingWork
    hardware: Hardware
    devices: int
    parameters: int
    weights: int  # sharded: weights, gradients, optimiser's state, average
    gathered: int  # blocks that are whole on a device while they compute
    activations: int
    flops_per_step: float  # of the model alone: recomputing is not counted
    share: float  # of the peak that is assumed
    seconds_per_step: float
    latent_bytes: int = 0
    price_per_hour: float | None = None

    @property
    def memory(self) -> int:
        return self.weights + self.gathered + self.activations

    @property
    def flops(self) -> float:
        return self.flops_per_step * self.work.steps

    @property
    def hours(self) -> float:
        return self.seconds_per_step * self.work.steps / 3600

    @property
    def device_hours(self) -> float:
        return self.hours * self.devices

    @property
    def cost(self) -> float | None:
        """In the currency of the price; None without one."""
        return None if self.price_per_hour is None else self.device_hours * self.price_per_hour

    @property
    def tokens_per_second(self) -> float:
        return self.work.tokens / self.seconds_per_step


def plan_training(
    work: TrainingWork,
    hardware: Hardware,
    devices: int = 1,
    *,
    share: float = TRAINING_SHARE,
    price_per_hour: float | None = None,
    latent_values: int = 0,
    clips: int = 0,
) -> TrainingPlan:
    """Plan a run.

    Args:
        work: what is trained.
        hardware: one device.
        devices: how many, over which weights are sharded and videos are shared out.
        share: of the device's peak that the model's own operations reach (model FLOPs utilisation).
        price_per_hour: of one device.
        latent_values: numbers in the latents of one clip.
        clips: whose latents are cached on disk.

    Raises:
        ValueError: there are fewer videos in a step than devices, or a share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share {share} of the peak is out of range: use a number above 0 and at most 1")
    if devices < 1 or work.videos % devices:
        raise ValueError(f"{work.videos} videos in a step cannot be shared out over {devices} devices: use a multiple")
    parameters = parameter_count(work.sizes) + work.other_parameters
    values = 2 + work.states + work.average  # weight, gradient, states, average: all in single precision
    flops = 3 * work.videos * forward_work(work.sizes, work.sequence, work.words).total
    passes = 4 / 3 if work.checkpointing else 1.0
    rate = devices * share * hardware.peak("bf16" if work.bf16 else "fp32")
    per_block = parameter_count(work.sizes) // max(work.sizes.num_layers, 1)
    whole = GATHERED_BLOCKS * per_block * (2 if work.bf16 else 4) if devices > 1 else 0
    # Autocast keeps a copy of each weight in bf16 until the backward pass has used it.
    copies = parameters * 2 if work.bf16 and devices == 1 else 0
    return TrainingPlan(
        work=work,
        hardware=hardware,
        devices=devices,
        parameters=parameters,
        weights=-(-parameters * values * 4 // devices),
        gathered=whole + copies,
        activations=training_activations(work, work.videos // devices),
        flops_per_step=flops,
        share=share,
        seconds_per_step=flops * passes / rate,
        latent_bytes=latent_values * LATENT_BYTES * clips,
        price_per_hour=price_per_hour,
    )


def training_activations(work: TrainingWork, videos: int) -> int:
    """Bytes of activations and of gradients of activations at their peak, for so many videos on one device.

    Two and three layers are traced; the others take as much as the third.
    """
    traced = {layers: _trace_step(work, videos, layers) for layers in (2, 3)}
    return traced[3] + (traced[3] - traced[2]) * (work.sizes.num_layers - 3)


def _trace_step(work: TrainingWork, videos: int, layers: int) -> int:
    with blank():
        model = VideoTransformer(replace(work.sizes, num_layers=layers))
    weights = sum(p.numel() for p in model.parameters())
    if work.checkpointing:
        for block in model.blocks:
            block.forward = _checkpointed(block.forward)
    device = torch.device("cpu" if not work.bf16 else "meta")
    dtype = torch.bfloat16 if work.bf16 else torch.float32
    grid = TokenGrid(1, 1, work.sequence)
    patch = work.sizes.patch_size
    values = work.sizes.in_channels * patch[0] * patch[1] * patch[2]

    def build() -> tuple[VideoTransformer, Pack, TextPack]:
        pack = Pack(
            torch.empty(work.sequence * videos, values, device=device),
            torch.empty(work.sequence * videos, 3, device=device),
            torch.empty(work.sequence * videos, device=device),
            (work.sequence,) * videos,
            (grid,) * videos,
            patch,
        )
        text = TextPack(torch.empty(work.words * videos, work.sizes.text_dim, device=device), (work.words,) * videos)
        return materialize(model, device, dtype), pack, text

    def step(built: tuple[VideoTransformer, Pack, TextPack]) -> None:
        network, pack, text = built
        # mypy allows no method to be replaced: a plan counts the levels of every token
        network._embed_levels = MethodType(_levels_by_token, network)  # type: ignore[method-assign]
        network(pack, text).float().square().mean().backward()

    usage, _ = trace(build, step, grad=True)
    # Gradients of weights are counted with the weights, in single precision.
    return max(usage.peak - weights * dtype.itemsize, 0)


def _levels_by_token(network: VideoTransformer, noise: Float[Tensor, " N"]) -> tuple[LevelModulation, LevelModulation]:
    """Noise levels as training has them, without numbers: videos have different ones, and known tokens have none.

    Every token then has rows of its own for shift, scale and gate: a third of all activations.
    """
    levels = noise.new_empty(min(LEVELS, noise.shape[0]))
    index = torch.empty(noise.shape, dtype=torch.int64, device=noise.device)
    embedded, rows = network.condition_embedder.time(levels)
    return LevelModulation(embedded[:, None].expand(-1, 2, -1), index), LevelModulation(rows, index)


def _checkpointed(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(*inputs: Any) -> Tensor:
        out: Tensor = checkpoint(forward, *inputs, use_reentrant=False)
        return out

    return run
