"""What generating a video takes on a device: memory by phase, floating-point operations, seconds.

Memory is the weights that a phase holds, plus what the code of that phase allocates, which is traced on fake tensors
(see `trace`). Knows no files: `folder` reads sizes from a model on disk.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import nn

from langit.autoencoder.protocol import VideoAutoencoder
from langit.device import Placement
from langit.generate.request import DECODED_AT_ONCE
from langit.generate.sampler import repeat_pack
from langit.generate.tiles import Tiles
from langit.offload.parts import repeated_layers
from langit.patches import Pack, TextPack
from langit.plan.hardware import GPU_SHARE, Hardware
from langit.plan.trace import Usage, materialize, trace
from langit.shapes import LatentShape, PixelShape, latent_shape, pixels_of, token_grid, whole_frames
from langit.text.umt5 import Umt5Encoder
from langit.transformer import ControlTransformer, VideoTransformer
from langit.transformer.packed_weights import can_pack
from langit.transformer.precision import Storage
from langit.transformer.protocol import Denoiser

STATES: Final = 12  # tensors of the video's size in single precision that solver, guidance and a preview hold
TRACED_LAYERS: Final = 2  # without gradients a layer frees what it allocated, so that more layers take no more
TRACED_FRAMES: Final = 4  # latent frames: the first two are special, and fill caches; the others are alike
KEPT_WORDS: Final = 160  # of a long prompt, or of the makers' negative one, whose keys and values are kept
AHEAD: Final = 2  # blocks on the device at once: one computes while the next one arrives
DTYPE_NAMES: Final = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


@dataclass(frozen=True)
class ModelSizes:
    """The networks of a model, as functions that build them on the meta device.

    transformers: one, or one for each range of noise levels, of which one works at a time.
    text_words: tokens of a prompt that the transformer attends to.
    decodes_in: the dtype of the autoencoder, where it is not that of the placement.
    other_parameters: of parts that are not traced, such as an image encoder.
    """

    transformers: Mapping[str, Callable[[], Denoiser]] = field(hash=False)
    autoencoder: Callable[[], VideoAutoencoder]
    text: Callable[[], Umt5Encoder]
    text_words: int
    decodes_in: torch.dtype | None = None
    other_parameters: int = 0


@dataclass(frozen=True)
class VideoWork:
    """A video to generate, and how."""

    pixels: PixelShape
    steps: int
    guided: bool
    placement: Placement
    storage: Storage = ""
    evaluations: int = 1  # of the model in a step: 2 for heun and midpoint
    tiled: bool = False  # whether large frames are decoded in tiles


@dataclass(frozen=True)
class Phase:
    """One phase of generating: the bytes on the device at its peak, its operations and its time."""

    name: str
    weights: int
    activations: int
    flops: float
    seconds: float

    @property
    def memory(self) -> int:
        return self.weights + self.activations


@dataclass(frozen=True)
class GenerationPlan:
    """What a video takes. ``base`` is what the process holds on the device before anything is loaded."""

    work: VideoWork
    hardware: Hardware
    parameters: Mapping[str, int] = field(hash=False)
    latent: LatentShape
    tokens: int
    phases: tuple[Phase, ...]
    base: int

    @property
    def memory(self) -> int:
        """Bytes on the device at the peak."""
        return self.base + max(phase.memory for phase in self.phases)

    @property
    def flops(self) -> float:
        return sum(phase.flops for phase in self.phases)

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)


Traces = dict[tuple[str, str, str], Usage]
"""What phases took, by phase, size and dtype: for plans of one model that differ in what is offloaded."""


def plan_generation(
    sizes: ModelSizes, work: VideoWork, hardware: Hardware, base: int = 0, traces: Traces | None = None
) -> GenerationPlan:
    """Plan the generation of a video.

    Args:
        sizes: the model's networks.
        work: what is asked.
        hardware: the device's figures.
        base: bytes that the process holds on the device already.
        traces: of earlier plans of the same model, which are used and added to.

    Raises:
        ValueError: the size cannot be compressed by the model.
    """
    autoencoder, text = sizes.autoencoder(), sizes.text()
    denoisers = {name: build() for name, build in sizes.transformers.items()}
    compression = autoencoder.compression
    pixels = replace(work.pixels, frames=whole_frames(work.pixels.frames, compression, up=True))
    latent = latent_shape(pixels, compression)
    first = next(iter(denoisers.values()))
    tokens = token_grid(latent, first.patch_size).count

    parts: dict[str, nn.Module] = {"text encoder": text, **denoisers, "autoencoder": autoencoder}
    weights = {name: part_weights(part, work) for name, part in parts.items()}
    decoding = work
    if sizes.decodes_in is not None:
        decoding = replace(work, placement=replace(work.placement, dtype=sizes.decodes_in))
        weights["autoencoder"] = part_weights(autoencoder, decoding)
    others = sizes.other_parameters * work.placement.dtype.itemsize
    together = sum(whole for whole, _ in weights.values()) + others

    def held(name: str) -> int:
        if work.placement.offload == "none":
            return together
        return weights[name][1] if work.placement.offload == "blocks" else weights[name][0]

    def phase(name: str, label: str, used: Usage, times: float = 1.0) -> Phase:
        place = decoding.placement if name == "autoencoder" else work.placement
        dtype = "int8" if work.storage == "int8" and name in denoisers else DTYPE_NAMES[place.dtype]
        seconds = computing_seconds(used, dtype, hardware) * times
        if name in denoisers and work.storage in hardware.settling:
            count = sum(p.numel() for layer in denoisers[name].layers for p in layer.parameters())
            seconds += count / hardware.settling[work.storage] * (times if work.storage == "fp8" else 1.0)
        if work.placement.offload != "none":
            trips = times if work.placement.offload == "blocks" and name in denoisers else 1.0
            travel = trips * weights[name][0] / hardware.link
            # On a GPU weights travel while others compute; a CPU reads them itself.
            seconds = seconds + travel if hardware.measured else max(seconds, travel)
        return Phase(label, held(name), used.peak, used.flops * times, seconds)

    known = {} if traces is None else traces

    def traced(name: str, run: Callable[[], Usage]) -> Usage:
        key = (name, f"{work.pixels} {work.guided} {work.tiled}", f"{work.placement.dtype} {_device(work)}")
        if key not in known:
            known[key] = run()
        return known[key]

    phases = _opening(sizes, denoisers, parts, work)
    phases += [phase("text encoder", "text encoding", traced("text", lambda: trace_text(text, sizes.text_words, work)))]
    calls = work.steps * work.evaluations
    for name, denoiser in denoisers.items():
        # Experts are of one size.
        used = traced("denoiser", functools.partial(trace_denoiser, denoiser, latent, sizes.text_words, work))
        phases.append(phase(name, f"denoising ({name})", used, calls / len(denoisers)))
    phases.append(phase("autoencoder", "decoding", traced("vae", lambda: trace_decoder(autoencoder, latent, decoding))))
    return GenerationPlan(
        work=work,
        hardware=hardware,
        parameters={name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        latent=latent,
        tokens=tokens,
        phases=tuple(phases),
        base=base,
    )


def _opening(
    sizes: ModelSizes, denoisers: Mapping[str, Denoiser], parts: Mapping[str, nn.Module], work: VideoWork
) -> list[Phase]:
    """What loading takes on a CPU beside the weights that stay: narrowed and packed ones come as they are first."""
    place = work.placement
    # Only open weights are packed: those whose autoencoder has a dtype of its own.
    packed = can_pack(place.device, place.dtype) and not work.storage and sizes.decodes_in is not None
    if place.device.type != "cpu" or place.offload != "none" or not (packed or work.storage):
        return []
    width = place.dtype.itemsize
    weights = sizes.other_parameters * width
    for name, part in parts.items():
        dtype = sizes.decodes_in if name == "autoencoder" and sizes.decodes_in is not None else place.dtype
        weights += sum(p.numel() for p in part.parameters()) * dtype.itemsize
    layers = [layer for denoiser in denoisers.values() for layer in denoiser.layers]
    largest = max((p.numel() for layer in layers for p in layer.parameters()), default=0)
    # Packing makes a second copy of one weight, narrowing two of single precision.
    extra = largest * (4 if packed else 2 * 4)
    return [Phase("opening (packing)" if packed else f"opening ({work.storage})", weights, extra, 0.0, 0.0)]


def computing_seconds(used: Usage, dtype: str, hardware: Hardware) -> float:
    """Seconds of one run: of all operations at a share of the peak, or kernel by kernel where these were measured."""
    if not hardware.measured:
        return used.flops / (hardware.peak(dtype) * GPU_SHARE)
    slow = {kernel: used.convolutions.get(kernel, 0) for kernel in hardware.convolutions}
    seconds = sum(count / hardware.convolutions[kernel] for kernel, count in slow.items())
    attention = used.attention if dtype in hardware.attention else 0
    if attention:
        seconds += attention / hardware.attention[dtype]
    seconds += (used.flops - sum(slow.values()) - attention) / hardware.peak(dtype)
    # Norms between convolutions are in these' rates.
    return seconds + (0.0 if used.convolutions else used.moved / hardware.bandwidth)


def part_weights(part: nn.Module, work: VideoWork) -> tuple[int, int]:
    """Bytes of a part's weights on the device: all of them, and what stays or visits when blocks are offloaded."""
    blocks = repeated_layers(part)
    inside = {id(p) for block in blocks for p in block.parameters()}
    width = work.placement.dtype.itemsize
    stored = 1 if work.storage and isinstance(part, Denoiser) else width

    def size(parameters: list[nn.Parameter]) -> int:
        return sum(p.numel() * (stored if p.ndim == 2 and id(p) in inside else width) for p in parameters)

    everything = list(part.parameters())
    outside = size([p for p in everything if id(p) not in inside])
    largest = max((size(list(block.parameters())) for block in blocks), default=0)
    # Stored narrow, a layer's weight is widened while it computes.
    widened = max((p.numel() for block in blocks for p in block.parameters()), default=0) * width
    extra = widened if work.storage == "fp8" and isinstance(part, Denoiser) else 0
    return size(everything) + extra, outside + AHEAD * largest + extra


def _device(work: VideoWork) -> torch.device:
    # A GPU need not be here: on the meta device the code takes the same branches as on any that is not a CPU.
    return torch.device("cpu" if work.placement.device.type == "cpu" else "meta")


def trace_text(encoder: Umt5Encoder, words: int, work: VideoWork) -> Usage:
    """Trace the encoding of one prompt of ``words`` tokens."""
    device = _device(work)

    def build() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
        ids = torch.empty(1, words, dtype=torch.int64, device=device)
        return materialize(encoder, device, work.placement.dtype), ids, torch.empty_like(ids, dtype=torch.bool)

    usage, _ = trace(build, lambda built: built[0](built[1], built[2]))
    return usage


def trace_denoiser(denoiser: Denoiser, latent: LatentShape, words: int, work: VideoWork) -> Usage:
    """Trace one step's evaluation, with guidance as one batch. Its operations are those of all layers."""
    device, patch = _device(work), denoiser.patch_size
    grid = token_grid(latent, patch)
    per_token = denoiser.channels[0] * patch[0] * patch[1] * patch[2]
    layers, times = len(denoiser.blocks), 2 if work.guided else 1
    made: dict[int, Usage] = {}
    for kept in sorted({min(layers, 1), min(layers, TRACED_LAYERS)}):
        cut = _first_layers(denoiser, kept)

        def build(cut: Denoiser = cut) -> tuple[Denoiser, Pack, TextPack]:
            control = None
            if isinstance(cut, ControlTransformer):  # VACE reads a second video; its blocks all stay
                control = torch.empty(grid.count, cut.config.vace_in_channels * math.prod(patch), device=device)
            pack = Pack(
                torch.empty(grid.count, per_token, device=device),
                torch.empty(grid.count, 3, device=device),
                torch.empty(grid.count, device=device),
                (grid.count,),
                (grid,),
                patch,
                control=control,
            )
            embedding: nn.Linear = cut.get_submodule("condition_embedder.text_embedder.linear_1")  # type: ignore[assignment]
            text = TextPack(torch.empty(times * words, embedding.in_features, device=device), (words,) * times)
            return materialize(cut, device, work.placement.dtype), pack, text

        made[kept], _ = trace(build, lambda built: built[0](repeat_pack(built[1], times), built[2]))
    fewest, most = made[min(made)], made[max(made)]
    more = (layers - max(made)) / max(max(made) - min(made), 1)
    states = STATES * grid.count * per_token * 4
    # Keys and values of the prompts are kept for all steps; those of pads are one row.
    width = denoiser.config.width if isinstance(denoiser, VideoTransformer) else 0
    states += len(denoiser.layers) * 2 * times * min(words, KEPT_WORDS) * width * work.placement.dtype.itemsize

    def of_all(few: int, many: int) -> int:
        return round(many + (many - few) * more)

    return Usage(
        peak=most.peak + states,
        flops=of_all(fewest.flops, most.flops),
        attention=of_all(fewest.attention, most.attention),
        moved=of_all(fewest.moved, most.moved),
    )


def _first_layers(denoiser: Denoiser, count: int) -> Denoiser:
    """The same network with only its first layers."""
    cut = type(denoiser).__new__(type(denoiser))
    cut.__dict__ = denoiser.__dict__.copy()
    cut._modules = denoiser._modules.copy()
    cut._modules["blocks"] = nn.ModuleList(list(denoiser.blocks)[:count])
    return cut


def trace_decoder(autoencoder: VideoAutoencoder, latent: LatentShape, work: VideoWork) -> Usage:
    """Trace the decoding of a video, piece by piece; the frames go to the CPU as bytes."""
    device = _device(work)
    whole, tiles = latent, Tiles()
    if work.tiled:
        height, width = (max(z - a for a, z in tiles.spans(side)) for side in (latent.height, latent.width))
        latent = replace(latent, height=height, width=width)

    def used(frames: int) -> Usage:
        def build() -> tuple[VideoAutoencoder, torch.Tensor]:
            shape = (1, latent.channels, frames, latent.height, latent.width)
            piece = torch.empty(shape, device=device, dtype=work.placement.dtype)
            return materialize(autoencoder, device, work.placement.dtype), piece

        return trace(build, lambda built: _decode(built[0], built[1]))[0]

    few, many = used(min(latent.frames, TRACED_FRAMES - 1)), used(min(latent.frames, TRACED_FRAMES))
    at_once, traced = min(latent.frames, DECODED_AT_ONCE), min(latent.frames, TRACED_FRAMES)
    grow, more, rest = many.peak - few.peak, many.flops - few.flops, latent.frames - traced
    canvas, times = 0, 1
    if latent != whole:
        times = len(tiles.spans(whole.height)) * len(tiles.spans(whole.width))
        # Tiles meet on the CPU, in half precision, and become bytes.
        frames = pixels_of(whole, autoencoder.compression)
        canvas = 3 * frames.frames * frames.height * frames.width * (2 + 1) if device.type == "cpu" else 0
    return Usage(
        peak=many.peak + grow * max(at_once - traced, 0) + canvas,
        flops=(many.flops + more * rest) * times,
        convolutions={
            kernel: (count + (count - few.convolutions.get(kernel, 0)) * rest) * times
            for kernel, count in many.convolutions.items()
        },
    )


def _decode(autoencoder: VideoAutoencoder, latents: torch.Tensor) -> torch.Tensor:
    from langit.autoencoder.model import to_frames

    video, _ = autoencoder.decode_stream(latents, None)
    return to_frames(video.float())
