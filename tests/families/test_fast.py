"""What makes open weights faster or smaller: kept texts, reuse, compiled blocks, tiles; and that results stay."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from langit import Studio, generate
from langit.autoencoder.model import to_frames
from langit.device import CPU, Placement
from langit.families.load import OpenBundle, open_checkpoint
from langit.generate import Model
from langit.generate.open_model import OpenModel
from langit.generate.request import decode_frames, encode_text
from langit.generate.tiles import Tiles, ramps
from langit.patches import pack
from langit.plan.generation import VideoWork, trace_decoder
from langit.plan.model import find_model
from langit.shapes import PixelShape, latent_shape
from langit.studio.opening import LoraFile, settle_weights
from langit.transformer.kept import KeptText

PIXELS = PixelShape(9, 32, 64)


def model_of(bundle: OpenBundle, **settings: object) -> OpenModel:
    made = Model.of(bundle)
    assert isinstance(made, OpenModel)
    return replace(made, sampling=made.settings(**{"steps": 4, **settings}))


@pytest.mark.parametrize("kind", ["wan2.1-t2v", "wan2.1-vace", "wan2.1-i2v"])
def test_kept_texts_give_the_same_bits_and_are_read_once(opened: Callable[[str], OpenBundle], kind: str) -> None:
    model = model_of(opened(kind))
    denoiser = model.transformer
    text = encode_text("a red ball", model)
    if kind == "wan2.1-i2v":
        text = replace(text, image=torch.randn(1, 5, 16))
    channels = denoiser.channels[0]
    noisy = pack([torch.randn(channels, 2, 4, 4)], [0.5])
    if kind == "wan2.1-vace":
        noisy = replace(noisy, control=pack([torch.randn(96, 2, 4, 4)], [0.0]).tokens)
    read: list[int] = []
    embedder = denoiser.get_submodule("condition_embedder.text_embedder.linear_1")
    keys = [layer.get_submodule("attn2.to_k") for layer in denoiser.layers]
    hooks = [part.register_forward_hook(lambda *_: read.append(1)) for part in (embedder, *keys)]
    with torch.no_grad():
        plain = denoiser(noisy, text)
        read.clear()
        kept = KeptText(text)
        results = [denoiser(noisy, kept) for _ in range(3)]
    for hook in hooks:
        hook.remove()
    assert all(torch.equal(result, plain) for result in results)
    assert len(read) == 1 + len(keys)


@pytest.mark.parametrize("kind", ["wan2.2-t2v-a14b", "wan2.1-vace"])
def test_sampling_reads_each_prompt_once_for_each_expert(opened: Callable[[str], OpenBundle], kind: str) -> None:
    model = model_of(opened(kind), guidance=3.0, shift=5.0)
    read: list[int] = []
    experts = [each for each in (model.transformer, model.low) if each is not None]
    hooks = [
        layer.get_submodule("attn2.to_v").register_forward_hook(lambda *_: read.append(1))
        for expert in experts
        for layer in expert.layers
    ]
    generate.generate("a red ball", model, pixels=PIXELS)
    for hook in hooks:
        hook.remove()
    assert len(read) == sum(len(expert.layers) for expert in experts)


def test_reuse_evaluates_less_and_zero_evaluates_always(opened: Callable[[str], OpenBundle]) -> None:
    model = model_of(opened("wan2.1-t2v"), steps=12)
    calls: list[int] = []
    hook = model.transformer.register_forward_hook(lambda *_: calls.append(1))
    plain = generate.generate("a red ball", model, pixels=PIXELS)
    always = len(calls)
    calls.clear()
    easy = replace(model, sampling=model.settings(reuse=0.5))
    close = generate.generate("a red ball", easy, pixels=PIXELS)
    hook.remove()
    assert always == 12 and 2 <= len(calls) < 12
    assert not torch.equal(plain.frames, close.frames)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"preset": "fastwan", "reuse": 0.1}, "contradicts steps that add fresh noise"),
        ({"preset": "fastwan", "solver": "heun"}, "solver heun does not count"),
        ({"preset": "lightx2v", "negative": "blurry"}, "'blurry' does not count at guidance 1"),
        ({"guidance": 1.0, "negative": "blurry"}, "'blurry' does not count at guidance 1"),
        ({"preset": "turbo"}, "use fastwan, lightx2v or easycache"),
        ({"reuse": 2.0}, "is not a relative change"),
    ],
)
def test_what_would_not_count_is_refused(
    opened: Callable[[str], OpenBundle], wanted: dict[str, object], said: str
) -> None:
    model = model_of(opened("wan2.1-t2v"), steps=50)
    with pytest.raises(ValueError, match=said):
        model.settings(**wanted)


def test_the_preset_that_reuses_keeps_all_other_settings(opened: Callable[[str], OpenBundle]) -> None:
    model = model_of(opened("wan2.2-t2v-a14b"), steps=40)
    assert model.settings(preset="easycache") == replace(model.sampling, reuse=0.05)


def test_tiles_cover_a_frame_with_weights_that_sum_to_one() -> None:
    tiles = Tiles(side=10, overlap=3)
    for length in (4, 10, 11, 17, 18, 40, 61):
        spans = tiles.spans(length)
        total = torch.zeros(length * 8)
        for (first, last), weights in zip(spans, ramps(spans, 8), strict=True):
            assert last - first <= 10
            total[first * 8 : last * 8] += weights
        assert (total - 1).abs().max() < 1e-6 and spans[-1][1] == length
        assert all(before[1] - after[0] == 3 for before, after in zip(spans, spans[1:], strict=False))
    with pytest.raises(ValueError, match="cannot cover a frame"):
        Tiles(side=5, overlap=2)


def test_tiles_differ_from_the_whole_no_more_than_those_of_diffusers(opened: Callable[[str], OpenBundle]) -> None:
    model = model_of(opened("wan2.1-t2v"))
    vae = copy.deepcopy(model.autoencoder.vae)  # type: ignore[operator]  # diffusers' own
    latents = torch.randn(16, 3, 12, 20, generator=torch.Generator().manual_seed(1))
    whole = decode_frames(latents, model).float()
    ours = decode_frames(latents, replace(model, tiles=Tiles(side=12, overlap=4))).float()
    vae.enable_tiling(96, 96, 64, 64)
    with torch.no_grad():
        raw = latents[None] * model.autoencoder.std + model.autoencoder.mean  # type: ignore[operator]  # tensors
        theirs = to_frames(vae.decode(raw).sample)[0].float()
    mine, other = ((each - whole).abs().mean() for each in (ours, theirs))
    assert 0 < mine <= 1.1 * other  # random weights and noise: of 255, far from small for both


def test_an_overlap_hides_seams(opened: Callable[[str], OpenBundle], monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(opened("wan2.1-t2v"))
    latents = torch.randn(16, 2, 12, 20, generator=torch.Generator().manual_seed(1))
    whole = decode_frames(latents, model).float()

    def seam_quality(overlap: int) -> float:
        """PSNR in dB against the whole frame, over the columns where two tiles of 12 cells meet."""
        tiles = Tiles(side=12, overlap=overlap)
        (_, last), (first, _) = tiles.spans(20)
        seam = slice((first - 1) * 8, (last + 1) * 8)  # and a cell beside it
        error = (decode_frames(latents, replace(model, tiles=tiles)).float() - whole)[:, :, seam]
        return float(10 * torch.log10(255**2 / error.square().mean()))

    wide = seam_quality(4)
    assert wide > 24  # of noise by random weights, to which each pixel's neighbours matter as much as it does
    assert seam_quality(1) < wide - 3

    def cut(spans: tuple[tuple[int, int], ...], scale: int) -> Iterator[torch.Tensor]:
        """Each tile up to the next one, without fading."""
        for number, weights in enumerate(ramps(spans, scale)):
            weights[:] = 1
            if number + 1 < len(spans):
                weights[(spans[number + 1][0] - spans[number][0]) * scale :] = 0
            yield weights

    monkeypatch.setattr("langit.generate.tiles.ramps", cut)
    assert seam_quality(4) < wide - 2


@pytest.mark.parametrize("kind", ["wan2.1-t2v", "wan2.2-ti2v"])
def test_tiles_are_the_whole_where_no_border_is_near(opened: Callable[[str], OpenBundle], kind: str) -> None:
    model = model_of(open_checkpoint(opened(kind).path))
    attention = model.autoencoder.decoder.get_submodule("mid_block.attentions.0.proj")
    for parameter in attention.parameters():
        parameter.data.zero_()  # it sees all of a frame, and a tile is not all of it
    latents = torch.randn(16, 2, 3, 48, generator=torch.Generator().manual_seed(1))
    whole = decode_frames(latents, model)
    tiled = decode_frames(latents, replace(model, tiles=Tiles(side=30, overlap=8)))  # cells 0 to 28, 20 to 48
    cell = model.autoencoder.compression.space
    alone = torch.cat([whole[:, :, : 8 * cell], whole[:, :, -8 * cell :]])
    assert (alone.int() - torch.cat([tiled[:, :, : 8 * cell], tiled[:, :, -8 * cell :]]).int()).abs().max() <= 1
    assert not torch.equal(whole, tiled)
    # One tile that holds the frame is the whole frame.
    assert torch.equal(whole, decode_frames(latents, replace(model, tiles=Tiles(side=48, overlap=4))))


def test_an_autoencoder_that_comes_and_goes_computes_in_single_precision(opened: Callable[[str], OpenBundle]) -> None:
    latents, path = torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(1)), opened("wan2.1-t2v").path
    half = Placement(dtype=torch.bfloat16)
    stays = open_checkpoint(path, half)
    frames = decode_frames(latents, model_of(stays))
    for offload in ("parts", "blocks"):
        placement = replace(half, offload=offload)
        comes = open_checkpoint(path, placement)
        settle_weights(comes, placement, "", ())
        assert torch.equal(decode_frames(latents, model_of(comes)), frames)


def test_planned_memory_of_tiles_does_not_grow_with_the_frame() -> None:
    autoencoder = find_model("Wan-AI/Wan2.1-T2V-14B-Diffusers").sizes.autoencoder()
    gpu = Placement(torch.device("meta"))

    def decoding(width: int, height: int, frames: int, tiled: bool) -> int:
        pixels = PixelShape(frames, height, width)
        latent = latent_shape(pixels, autoencoder.compression)
        return trace_decoder(autoencoder, latent, VideoWork(pixels, 4, True, gpu, tiled=tiled)).peak

    one, large = decoding(320, 320, 121, True), decoding(1280, 720, 121, True)
    assert large <= one  # of 1280x720x121, as of a frame that is one tile
    assert decoding(1280, 720, 121, False) > 6 * large


@pytest.mark.slow
def test_compiled_blocks_give_the_same_video_within_rounding(opened: Callable[[str], OpenBundle]) -> None:
    from langit.transformer.parallel import compile_blocks

    model = model_of(open_checkpoint(opened("wan2.1-t2v").path), steps=2)
    plain = generate.generate("a red ball", model, pixels=PIXELS)
    compile_blocks(model.transformer)  # type: ignore[arg-type]  # it is one
    compiled = generate.generate("a red ball", model, pixels=PIXELS)
    assert (plain.frames.int() - compiled.frames.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"offload": "blocks"}, "--compile and --offload blocks contradict"),
        ({"weights": "fp8"}, "--compile and --weights fp8 contradict"),
        ({"model": "pocket"}, "--compile is for open weights"),
    ],
)
def test_what_cannot_be_compiled_is_refused(saved: Callable[[str], Path], options: dict[str, str], said: str) -> None:
    place = options.pop("model", str(saved("wan2.1-t2v")))
    with pytest.raises(ValueError, match=said):
        Studio(place, compiled=True, **options)  # type: ignore[arg-type]  # two options of strings


@pytest.mark.parametrize("offload", ["parts", "blocks"])
@pytest.mark.parametrize("preset", ["fastwan", "lightx2v"])
def test_a_few_step_lora_gives_the_same_with_offloading(
    saved: Callable[[str], Path], tmp_path: Path, offload: str, preset: str
) -> None:
    from safetensors.torch import save_file

    dice = torch.Generator().manual_seed(2)
    names = ("self_attn.q", "self_attn.o", "cross_attn.k", "cross_attn.v")  # keys and values of the prompt as well
    tensors = {
        f"diffusion_model.blocks.1.{name}.lora_{half}.weight": 0.5 * torch.randn(shape, generator=dice)
        for name in names
        for half, shape in (("down", (2, 48)), ("up", (48, 2)))
    }
    save_file(tensors, tmp_path / "few.safetensors")

    def made(placement: Placement, loras: tuple[LoraFile, ...]) -> torch.Tensor:
        bundle = open_checkpoint(saved("wan2.1-t2v"), placement)
        settle_weights(bundle, placement, "", loras)
        model = Model.of(bundle)
        return generate.generate("a red ball", model, pixels=PIXELS, sampling=model.settings(preset=preset)).frames

    lora = (LoraFile(tmp_path / "few.safetensors"),)
    merged = made(CPU, lora)
    assert torch.equal(made(Placement(offload=offload), lora), merged)  # type: ignore[arg-type]  # one of two
    assert not torch.equal(made(CPU, ()), merged)
