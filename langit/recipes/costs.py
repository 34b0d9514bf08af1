"""What a recipe takes before anything runs: tokens, operations, hours, memory a device, disk, and what that costs.

The transformer's activations are traced on fake tensors by running the real network (`plan.training`); batches are
those that training would make of the footage. Time is operations over the device's peak, times a share of it that is
named with its source. Reads the ledger where a manifest is given, and no footage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from langit import config
from langit.autoencoder.model import Autoencoder
from langit.feed.footage import clip_captions
from langit.feed.loader import BatchOrder, constant_lengths
from langit.feed.windows import WindowConfig
from langit.plan.flops import forward_work, parameter_count
from langit.plan.hardware import GIB, Hardware
from langit.plan.trace import materialize, trace
from langit.plan.training import LATENT_BYTES, TrainingWork, training_activations
from langit.recipes.films import RunPaths, TrainingCorpus, footage_plan, read_corpus
from langit.recipes.fitted import fit_recipe
from langit.recipes.memory import STATES, library_memory, state_bytes, text_activations
from langit.recipes.recipe import AutoencoderStage, Recipe, Stage, StageData
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.text.umt5 import Umt5Encoder
from langit.train.sharding import FITS
from langit.transformer.blank import blank
from langit.transformer.model import VideoTransformer

WORDS: Final = 24  # of a caption, where no manifest says; a word-level tokenizer has about this many for a sentence
VOCABULARY: Final = 5_000  # words, where no manifest says
NEWTON_SCHULZ: Final = 5  # iterations, each of three products
# Of one core's matrix products, measured: 192 wide by `python -m benchmarks.training_plan`, 256 wide in docs/LOG.md.
CPU_SHARE: Final = {0: 0.41, 256: 0.60}  # from this width on
SMALL_GPU_SHARE: Final = 0.06  # a 20M model reached 59 TFLOP/s on an H200 of 989; it waited for the host (docs/LOG.md)
LARGE_GPU_SHARE: Final = 0.35  # torchtitan, FSDP2 and compile, 8B on H100: 33 to 39%; NeMo's video record is 48%
SMALL: Final = 100_000_000  # parameters below which a GPU waits for the host


@dataclass(frozen=True)
class StageCost:
    """What one stage takes. ``flops`` are of the model alone, ``memory`` is in bytes on one device."""

    name: str
    parameters: int
    tokens_per_step: float
    steps: int
    flops: float
    seconds: float
    memory: int

    @property
    def tokens(self) -> float:
        return self.tokens_per_step * self.steps


@dataclass(frozen=True)
class RecipeCost:
    """What a whole recipe takes on so many devices. Disk is in bytes."""

    recipe: str
    devices: int
    hardware: Hardware
    share: float
    stages: tuple[StageCost, ...]
    frames: int  # decoded, in bytes
    latents: int
    price: float | None = None  # of one device for an hour
    notes: tuple[str, ...] = ()

    @property
    def hours(self) -> float:
        return sum(stage.seconds for stage in self.stages) / 3600

    @property
    def memory(self) -> int:
        return max(stage.memory for stage in self.stages)

    @property
    def cost(self) -> float | None:
        return None if self.price is None else self.hours * self.devices * self.price

    def lines(self) -> Iterator[str]:
        """The plan in words."""
        yield f"{self.recipe} on {self.devices} x {self.hardware.name} ({self.hardware.source}):"
        for stage in self.stages:
            yield (
                f"  {stage.name}: {stage.parameters / 1e6:.4g}M parameters, {stage.steps} steps of"
                f" {stage.tokens_per_step:,.0f} tokens = {stage.tokens / 1e9:.3g}G, {stage.flops:.3g} FLOP,"
                f" {describe_hours(stage.seconds / 3600)}, {stage.memory / GIB:.2f} GiB a device"
            )
        yield f"disk: {self.frames / GIB:.3g} GiB of decoded frames, {self.latents / GIB:.3g} GiB of latents"
        yield f"time: {describe_hours(self.hours)} at {self.share:.0%} of the peak, decoding and encoding not counted"
        if self.memory > self.hardware.memory:
            yield (
                f"does not fit: {self.memory / GIB:.1f} GiB are needed on a device of {self.hardware.memory / GIB:.1f}:"
                " lower stages.NAME.flow.token_budget, or take more devices"
            )
        if self.cost is not None:
            hours = self.hours * self.devices
            yield f"cost: {hours:,.1f} device hours x {self.price:g} = {self.cost:,.2f}"
        yield from self.notes


def describe_hours(hours: float) -> str:
    """A duration in the unit that suits it."""
    if hours < 1 / 30:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 1.5 else f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def plan_recipe(
    recipe: Recipe,
    hardware: Hardware,
    devices: int = 1,
    *,
    price: float | None = None,
    share: float | None = None,
    home: Path | None = None,
) -> RecipeCost:
    """Plan a recipe.

    Args:
        recipe: with a manifest, what the ledger allows of it is counted; without, clips are taken to be of the longest
            and largest size, and disk is not counted.
        hardware: one device.
        devices: how many.
        price: of one device for an hour.
        share: of the device's peak that training reaches; by default :func:`expected_share`.
        home: with the ledger; LANGIT_HOME when left out.

    Raises:
        ValueError: no such manifest, no clip that can be learnt, more devices than micro-batches, or a share that is
            none.
    """
    share = expected_share(recipe, hardware) if share is None else share
    if not 0 < share <= 1:
        raise ValueError(f"share {share} of the peak is out of range: use a number above 0 and at most 1")
    for stage in recipe.stages:
        if stage.training.lanes % devices:
            raise ValueError(
                f"the {stage.training.lanes} micro-batches of a step of stage {stage.name} cannot be shared out over"
                f" {devices} devices: use a divisor, or set stages.{stage.name}.training.lanes to a multiple"
            )
    paths = RunPaths(config.home() if home is None else home, recipe.name)
    corpus, notes = None, list[str]()
    if recipe.manifest is not None:
        recipe = fit_recipe(recipe, paths)
        corpus = read_corpus(recipe, paths)
    else:
        recipe = without_manifest(recipe)
        if recipe.needs_footage:
            notes.append("no --manifest: clips are taken to be as long and as large as the recipe allows")
    base = 0 if is_gpu(hardware) else library_memory()
    stages = [*_autoencoder_costs(recipe, corpus, hardware, devices, share)]
    stages += [_flow_cost(recipe, stage, corpus, hardware, devices, share) for stage in recipe.stages]
    stages = [replace(stage, memory=stage.memory + base) for stage in stages]
    frames, latents = _disk(recipe, corpus)
    return RecipeCost(recipe.name, devices, hardware, share, tuple(stages), frames, latents, price, tuple(notes))


def expected_share(recipe: Recipe, hardware: Hardware) -> float:
    """The share of a device's peak that training has reached, here or elsewhere."""
    if not is_gpu(hardware):
        return max(share for width, share in CPU_SHARE.items() if recipe.transformer.width >= width)
    return SMALL_GPU_SHARE if parameter_count(recipe.transformer) < SMALL else LARGE_GPU_SHARE


def without_manifest(recipe: Recipe) -> Recipe:
    """The recipe with the largest sizes that its buckets allow, of 16:9."""
    stages = []
    for stage in recipe.stages:
        if stage.buckets is not None and not stage.sizes:
            height = max(round((stage.buckets.area * 9 / 16) ** 0.5 / 16), 1) * 16
            width = max(stage.buckets.area // height // 16, 1) * 16
            stage = replace(stage, sizes=(f"{width}x{height}x{stage.buckets.frames[-1]}",))
        stages.append(stage)
    return replace(recipe, stages=tuple(stages))


def _lengths(recipe: Recipe, data: StageData, corpus: TrainingCorpus | None) -> list[PixelShape]:
    """The size of every clip that a stage learns."""
    if corpus is not None and data.buckets is not None:
        plan = footage_plan(recipe, data, corpus)
        return [piece.pixels for piece in plan.pieces if piece.clip.digest not in corpus.held_out]
    films = [
        group.pixels for group in data.films for seed in group.seeds for _ in range(1 + recipe.mirror) if seed % 10
    ]
    if films or corpus is None:
        return films or [PixelShape.parse(size) for size in data.sizes]
    allowed = [clip for clip in corpus.records.clips if corpus.footage and clip.digest in corpus.footage.clips]
    return [PixelShape.parse(size) for size in data.sizes for _ in allowed]


def _window_share(windows: WindowConfig, frames: int) -> float:
    """The mean length of a window, as a share of the clip's latent frames."""
    rest = max(1 - windows.whole - windows.image - windows.later, 0.0)
    # Later windows have 2 to F latent frames before they are cut at the clip's end; beginnings have 1 to F.
    return windows.whole + windows.image / frames + (windows.later + rest) * (frames + 1) / (2 * frames)


def _flow_cost(
    recipe: Recipe, stage: Stage, corpus: TrainingCorpus | None, hardware: Hardware, devices: int, share: float
) -> StageCost:
    lengths, full = list[int](), list[int]()
    for pixels in _lengths(recipe, recipe.data_of(stage), corpus):
        grid = token_grid(latent_shape(pixels, recipe.autoencoder.compression))
        full.append(grid.count)
        lengths.append(max(1, round(grid.count * _window_share(stage.flow.windows, grid.frames))))
    if corpus is None and not recipe.films:
        lengths = lengths * max(1, 16 * stage.flow.token_budget // sum(lengths))  # a large set of such clips
    order = BatchOrder(constant_lengths(lengths), stage.flow.token_budget, stage.training.seed)
    batches = [order.batch(step) for step in range(order_length(order))]
    tokens = sum(lengths) / len(batches)  # of a micro-batch
    videos = len(lengths) / len(batches)
    sequence, words = round(sum(lengths) / len(lengths)), _words(corpus)
    text = _text_parameters(recipe, corpus)
    lanes, sizes = stage.training.lanes, recipe.transformer
    own = 3 * videos * forward_work(sizes, sequence, words).total + 6 * videos * words * text[0]
    flops = own * lanes * stage.training.steps
    # The optimiser's products are shared out over the devices.
    orthogonal = orthogonal_flops(recipe) * stage.training.steps / devices
    parameters = parameter_count(sizes) + sum(text)
    # The fullest batch decides the peak; footage without a manifest fills the budget at most.
    fullest = max(sum(lengths[index] for index in batch) for batch in batches)
    fullest = max(fullest, max(full))
    at_peak = max(1, round(fullest / max(sequence, 1)))
    work = TrainingWork(
        sizes,
        max(1, round(fullest / at_peak)),
        at_peak,
        stage.training.steps,
        words,
        sum(text),
        checkpointing=stage.training.recompute,
        bf16=is_gpu(hardware),
    )
    at_once = 1 if is_gpu(hardware) else max(lanes // devices, 1)  # on a CPU each micro-batch has a thread
    activations = training_activations(work, at_peak) + text_activations(recipe, at_peak, words)
    states = state_bytes(recipe, stage, text[1])
    if devices > 1 and states > FITS * hardware.memory:
        states = -(-states // devices)  # training cuts the weights over the devices
    # A CPU's other micro-batches have gradients of their own; autocast keeps a copy in bf16.
    states += parameters * (4 * (at_once - 1) + (2 if is_gpu(hardware) else 0))
    peak = hardware.peak("bf16" if is_gpu(hardware) else "fp32")
    return StageCost(
        stage.name,
        parameters,
        tokens * lanes,
        stage.training.steps,
        flops,
        (flops * (4 / 3 if stage.training.recompute else 1) / devices + orthogonal) / (peak * share),
        states + activations * at_once,
    )


def orthogonal_flops(recipe: Recipe) -> float:
    """Operations of one step of Muon: five Newton-Schulz iterations over every matrix inside blocks."""
    with blank():
        parts = (
            VideoTransformer(recipe.transformer).blocks,
            Umt5Encoder(**{**recipe.text.sizes, "vocab_size": 1}).encoder,
        )
    total = 0
    for name, parameter in (pair for part in parts for pair in part.named_parameters()):
        if parameter.ndim == 2 and "relative_attention_bias" not in name:
            short, long = sorted(parameter.shape)
            total += NEWTON_SCHULZ * (4 * short * short * long + 2 * short**3)
    return float(total)


def is_gpu(hardware: Hardware) -> bool:
    """Whether a device is one of the table's, which compute in bf16."""
    return not hardware.source.startswith("measured")


def order_length(order: BatchOrder) -> int:
    """Steps of the first epoch."""
    step = 0
    while order.epoch(step) == 0:
        step += 1
    return step


def _words(corpus: TrainingCorpus | None) -> int:
    if corpus is None or corpus.footage is None:
        return WORDS
    counts = [
        len(text.split()) + 2  # its end mark, and about one mark of punctuation
        for clip in corpus.records.clips
        if clip.digest in corpus.footage.clips
        for text in clip_captions(corpus.records, clip)
    ]
    return max(1, round(sum(counts) / len(counts))) if counts else WORDS


def _text_parameters(recipe: Recipe, corpus: TrainingCorpus | None) -> tuple[int, int]:
    """Parameters of the text encoder: those that every word passes through, and those of the vocabulary."""
    vocabulary = recipe.text.vocab_size or VOCABULARY
    if corpus is not None and corpus.footage is not None:
        texts = (text for clip in corpus.records.clips for text in clip_captions(corpus.records, clip))
        vocabulary = len({word.lower() for text in texts for word in text.split()}) + 3
    with blank():
        encoder = Umt5Encoder(**{**recipe.text.sizes, "vocab_size": vocabulary})
    whole = sum(parameter.numel() for parameter in encoder.parameters())
    return whole - vocabulary * recipe.text.d_model, vocabulary * recipe.text.d_model


def _autoencoder_costs(
    recipe: Recipe, corpus: TrainingCorpus | None, hardware: Hardware, devices: int, share: float
) -> Iterator[StageCost]:
    for stage in recipe.autoencoder_stages:
        sizes = _lengths(recipe, recipe.data_of(stage), corpus)
        if not sizes:
            continue
        flops, peak, parameters, cells = _reconstruction(recipe, stage, sizes)
        rate = hardware.peak("bf16" if is_gpu(hardware) else "fp32") * share * devices
        total = flops * stage.training.steps
        memory = peak + parameters * STATES * 4
        yield StageCost(stage.name, parameters, cells, stage.training.steps, total, total / rate, memory)


def _reconstruction(
    recipe: Recipe, stage: AutoencoderStage, sizes: Sequence[PixelShape]
) -> tuple[float, int, int, float]:
    """Operations of a step, bytes of activations, parameters, and latent cells of a step, traced on fake tensors."""
    with blank():
        network = Autoencoder(recipe.autoencoder)
    device = torch.device("cpu")
    common = max(set(sizes), key=lambda size: (sizes.count(size), size))
    batch = min(stage.reconstruction.batch, len(sizes)) if len(sizes) > 1 else stage.reconstruction.batch
    # Two latent frames are traced; the others take as much as the second, on average.
    frames = min(common.frames, 5)

    def build() -> tuple[Autoencoder, torch.Tensor]:
        video = torch.empty(batch, 3, frames, common.height, common.width, device=device)
        return materialize(network, device, torch.float32), video

    def step(built: tuple[Autoencoder, torch.Tensor]) -> None:
        model, video = built
        (model.decode(model.encode(video)) - video).abs().mean().backward()

    used, _ = trace(build, step, grad=True)
    compression = recipe.autoencoder.compression
    cells = latent_shape(replace(common, frames=frames), compression).cells
    scale = latent_shape(common, compression).cells / cells
    # The mean clip against the traced one, since batches are of one size each.
    mean = sum(latent_shape(size, compression).cells for size in sizes) / len(sizes)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return used.flops * mean / cells, round(used.peak * scale), parameters, batch * mean


def _disk(recipe: Recipe, corpus: TrainingCorpus | None) -> tuple[int, int]:
    """Bytes of decoded frames with their masks, and of latents with every view."""
    if corpus is None and not recipe.all_films:
        return 0, 0
    frames = latents = 0
    for stage in recipe.stages:
        for pixels in _lengths(recipe, recipe.data_of(stage), corpus):
            frames += 4 * pixels.frames * pixels.height * pixels.width  # red, green, blue, mask
            cells = latent_shape(pixels, recipe.autoencoder.compression).cells
            views = 1 + stage.flow.windows.starts / 2  # a later view has half of the frames on average
            latents += round(LATENT_BYTES * views * cells * (recipe.autoencoder.latent_channels + 1 / 4))
    return frames, latents
