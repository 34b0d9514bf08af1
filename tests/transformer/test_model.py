"""The model agrees with diffusers' own with the same weights, and packs agree with single videos."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file

from langit.patches import TextPack, pack, pack_texts, unpack
from langit.transformer import SIZES, TransformerConfig, VideoTransformer
from langit.transformer.parallel import compile_blocks


@pytest.mark.parametrize("shape", [(1, 5, 1, 2, 2), (2, 5, 3, 4, 6), (1, 5, 5, 8, 4), (3, 5, 2, 6, 6)])
@torch.no_grad()
def test_outputs_agree_with_diffusers(
    theirs: WanTransformer3DModel, ours: VideoTransformer, shape: tuple[int, ...]
) -> None:
    latents, text = torch.randn(shape), torch.randn(shape[0], 9, 24)
    timestep = torch.rand(shape[0]) * 1000
    expected = theirs(latents, timestep, text).sample
    torch.testing.assert_close(ours.forward_grid(latents, timestep, text), expected, atol=1e-4, rtol=0)
    assert expected.std() > 0.1


@pytest.mark.parametrize("shape", [(1, 5, 2, 4, 4), (2, 5, 3, 4, 6)])
@torch.no_grad()
def test_a_timestep_for_every_token_agrees_with_diffusers(
    theirs: WanTransformer3DModel, ours: VideoTransformer, shape: tuple[int, ...]
) -> None:
    latents, text = torch.randn(shape), torch.randn(shape[0], 9, 24)
    tokens = shape[2] * (shape[3] // 2) * (shape[4] // 2)
    scattered = torch.rand(shape[0], tokens) * 1000
    first_known = torch.full((shape[0], tokens), 640.0)
    first_known[:, : tokens // shape[2]] = 0
    for timestep in (scattered, first_known):
        expected = theirs(latents, timestep, text).sample
        torch.testing.assert_close(ours.forward_grid(latents, timestep, text), expected, atol=1e-4, rtol=0)


def test_gradients_agree_with_diffusers(theirs: WanTransformer3DModel, ours: VideoTransformer) -> None:
    latents, text, timestep = torch.randn(2, 5, 3, 4, 6), torch.randn(2, 9, 24), torch.tensor([310.0, 920.0])
    theirs(latents, timestep, text).sample.square().mean().backward()
    ours.forward_grid(latents, timestep, text).square().mean().backward()
    peer = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, peer[name].grad, atol=1e-4, rtol=1e-3)
    theirs.zero_grad(set_to_none=True)


@torch.no_grad()
def test_diffusers_loads_what_we_save(ours: VideoTransformer, tmp_path: Path) -> None:
    ours.proj_out.weight.add_(0.1)  # weights that diffusers cannot have made itself: they must come from the file
    save_file(ours.state_dict(), tmp_path / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text(json.dumps(ours.config.to_diffusers()))
    back = WanTransformer3DModel.from_pretrained(tmp_path).eval()
    latents, text, timestep = torch.randn(2, 5, 3, 4, 6), torch.randn(2, 9, 24), torch.tensor([310.0, 920.0])
    expected = back(latents, timestep, text).sample
    torch.testing.assert_close(ours.forward_grid(latents, timestep, text), expected, atol=1e-4, rtol=0)


def _videos() -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
    shapes = [(5, 3, 4, 6), (5, 3, 4, 6), (5, 1, 2, 2), (5, 2, 8, 4), (5, 3, 4, 6)]
    latents = [torch.randn(shape) for shape in shapes]
    texts = [torch.randn(length, 24) for length in (4, 7, 1, 19, 7)]
    first_known = torch.full((16,), 0.8)
    first_known[:8] = 0
    noise = [torch.tensor(0.3), torch.tensor(0.3), torch.tensor(1.0), first_known, torch.rand(18)]
    return latents, texts, noise


@torch.no_grad()
def test_a_pack_gives_what_its_videos_give_alone(ours: VideoTransformer) -> None:
    latents, texts, noise = _videos()
    packed = pack(latents, noise)
    together = unpack(packed, ours(packed, pack_texts(texts)))
    for video, text, level, out in zip(latents, texts, noise, together, strict=True):
        alone = pack([video], [level])
        torch.testing.assert_close(out, unpack(alone, ours(alone, pack_texts([text])))[0], atol=1e-5, rtol=1e-5)


def test_a_pack_gives_the_gradients_of_its_videos(ours: VideoTransformer) -> None:
    latents, texts, noise = _videos()
    packed = pack(latents, noise)
    ours(packed, pack_texts(texts)).square().sum().mul(1e-3).backward()
    together = {name: parameter.grad.clone() for name, parameter in ours.named_parameters()}
    ours.zero_grad()
    for video, text, level in zip(latents, texts, noise, strict=True):
        ours(pack([video], [level]), pack_texts([text])).square().sum().mul(1e-3).backward()
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(together[name], parameter.grad, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_places_between_the_patches_change_the_result(ours: VideoTransformer) -> None:
    video, text = torch.randn(5, 2, 4, 4), pack_texts([torch.randn(3, 24)])
    whole = pack([video], [0.5])
    half = pack([video], [0.5], places=[whole.positions / 2])
    assert (ours(whole, text) - ours(half, text)).abs().max() > 1e-3


def test_the_block_compiles_over_packs(ours: VideoTransformer) -> None:
    latents, texts, noise = _videos()
    packed, prompts = pack(latents, noise), pack_texts(texts)
    eager = ours(packed, prompts)
    with torch._dynamo.config.patch(error_on_recompile=True):  # one compilation serves all layers
        torch.testing.assert_close(
            compile_blocks(ours, backend="aot_eager")(packed, prompts), eager, atol=1e-5, rtol=1e-5
        )


def test_the_output_starts_at_zero() -> None:
    model = VideoTransformer(TransformerConfig(num_layers=1))
    packed = pack([torch.randn(16, 1, 4, 4)], [0.5])
    assert model(packed, TextPack(torch.randn(2, 256), (2,))).abs().max() == 0


def test_named_sizes() -> None:
    count = dict.fromkeys(SIZES, 0)
    for name, sizes in SIZES.items():
        with torch.device("meta"):
            count[name] = sum(parameter.numel() for parameter in VideoTransformer(sizes).parameters())
    assert 6e6 < count["pocket"] < 9e6
    assert 1.4e9 < count["wan-1.3b"] < 1.45e9
    assert 14.2e9 < count["wan-14b"] < 14.4e9


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"image_dim": 1280}, "image_dim 1280 and added_kv_proj_dim None"),
        ({"image_dim": 1280, "added_kv_proj_dim": 5120}, "added_kv_proj_dim 5120"),
        ({"pos_embed_seq_len": 514}, "pos_embed_seq_len 514"),
        ({"qk_norm": "layer_norm"}, "qk_norm 'layer_norm'"),
        ({"num_layers": 0}, "num_layers 0"),
        ({"attention_head_dim": 63}, "attention_head_dim 63"),
        ({"window": 3}, "window"),
    ],
)
def test_errors_name_an_impossible_config(change: dict[str, object], named: str) -> None:
    plain = {**SIZES["pocket"].to_diffusers(), **change}
    with pytest.raises(ValueError, match=named):
        TransformerConfig.from_diffusers(plain)


def test_config_round_trip() -> None:
    for sizes in SIZES.values():
        plain = json.loads(json.dumps(sizes.to_diffusers()))
        assert TransformerConfig.from_diffusers(plain) == sizes
