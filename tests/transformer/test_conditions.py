"""Pictures, padded texts and control videos give what diffusers' transformers give with the same weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import WanTransformer3DModel, WanVACETransformer3DModel

from langit.patches import TextPack, join_texts, pack, unpack
from langit.patches.patchify import patchify
from langit.transformer import ControlConfig, ControlTransformer, TransformerConfig, VideoTransformer

TINY = {
    "num_attention_heads": 3,
    "attention_head_dim": 20,
    "text_dim": 24,
    "freq_dim": 32,
    "ffn_dim": 96,
    "num_layers": 3,
    "in_channels": 5,
    "out_channels": 7,
}


def with_noise(model: torch.nn.Module) -> torch.nn.Module:
    for parameter in model.parameters():  # norm weights of one and biases of zero would hide mistakes
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def from_image(**more: object) -> tuple[WanTransformer3DModel, VideoTransformer]:
    theirs = with_noise(WanTransformer3DModel(**TINY, image_dim=32, added_kv_proj_dim=60, **more))
    ours = VideoTransformer(TransformerConfig.from_diffusers(dict(theirs.config)))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours.eval()


def controlled() -> tuple[WanVACETransformer3DModel, ControlTransformer]:
    sizes = TINY | {"out_channels": 5}
    theirs = with_noise(WanVACETransformer3DModel(**sizes, vace_layers=[0, 2], vace_in_channels=11))
    ours = ControlTransformer(ControlConfig.from_diffusers(dict(theirs.config)))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours.eval()


def padded(text: torch.Tensor, to: int) -> torch.Tensor:
    return torch.nn.functional.pad(text, (0, 0, 0, to - text.shape[1]))


@pytest.mark.parametrize("length", [1, 9, 15, 16, 17, 511, 512])
@torch.no_grad()
def test_one_key_stands_for_all_zero_pads(theirs: WanTransformer3DModel, ours: VideoTransformer, length: int) -> None:
    latents, text = torch.randn(1, 5, 2, 4, 4), torch.randn(1, length, 24)
    expected = theirs(latents, torch.tensor([640.0]), padded(text, 512)).sample
    packed = pack([latents[0]], [0.64])
    found = unpack(packed, ours(packed, TextPack(text[0], (length,), (512 - length,))))[0]
    torch.testing.assert_close(found[None], expected, atol=1e-4, rtol=0)
    without = unpack(packed, ours(packed, TextPack(text[0], (length,))))[0]
    assert length == 512 or (without - found).abs().max() > 1e-3  # the pads do count


@torch.no_grad()
def test_texts_with_different_pads_in_a_pack_give_what_they_give_alone(ours: VideoTransformer) -> None:
    video = torch.randn(5, 2, 4, 4)
    one, other = (TextPack(torch.randn(n, 24), (n,), (512 - n,)) for n in (4, 21))
    both = pack([video, video], [0.5, 0.5])
    together = unpack(both, ours(both, join_texts(one, other)))
    for text, found in zip((one, other), together, strict=True):
        alone = pack([video], [0.5])
        torch.testing.assert_close(unpack(alone, ours(alone, text))[0], found, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("both", [False, True])
@torch.no_grad()
def test_pictures_beside_the_text_agree_with_diffusers(both: bool) -> None:
    theirs, ours = from_image(**({"pos_embed_seq_len": 14} if both else {}))
    latents, text = torch.randn(1, 5, 2, 4, 4), torch.randn(1, 512, 24)  # diffusers counts on 512 tokens of text
    states = torch.randn(2 if both else 1, 7, 32)  # two pictures are two rows there, and one row of both here
    expected = theirs(latents, torch.tensor([640.0]), text, states).sample
    packed = pack([latents[0]], [0.64])
    context = TextPack(text[0], (512,), image=states.reshape(1, -1, 32))
    torch.testing.assert_close(unpack(packed, ours(packed, context))[0][None], expected, atol=1e-4, rtol=0)
    assert (ours(packed, replace(context, image=context.image.flip(2))) - ours(packed, context)).abs().max() > 1e-3


@torch.no_grad()
def test_a_control_video_agrees_with_diffusers() -> None:
    theirs, ours = controlled()
    latents, control, text = torch.randn(1, 5, 2, 4, 4), torch.randn(1, 11, 2, 4, 4), torch.randn(1, 9, 24)
    expected = theirs(latents, torch.tensor([640.0]), text, control_hidden_states=control).sample
    packed = replace(pack([latents[0]], [0.64]), control=patchify(control[0]))
    found = ours(packed, TextPack(text[0], (9,)))
    torch.testing.assert_close(unpack(packed, found)[0][None], expected, atol=1e-4, rtol=0)
    other = replace(packed, control=packed.control + 1)
    assert (ours(other, TextPack(text[0], (9,))) - found).abs().max() > 1e-3


@pytest.mark.parametrize("layers", [[], [1, 2], [0, 0], [0, 3], [2, 0]])
def test_control_layers_that_cannot_be(layers: list[int]) -> None:
    with pytest.raises(ValueError, match="vace_layers"):
        ControlConfig.from_diffusers({"num_layers": 3, "vace_layers": layers})


def test_a_control_config_travels_to_diffusers_and_back() -> None:
    theirs, ours = controlled()
    assert ours.config_dict()["_class_name"] == type(theirs).__name__
    plain = {key: value for key, value in ours.config_dict().items() if key != "_class_name"}
    assert WanVACETransformer3DModel(**plain).config.vace_layers == [0, 2]
    assert ControlConfig.from_diffusers(ours.config_dict()) == ours.config


@pytest.mark.parametrize("dtype", [torch.bfloat16])
@torch.no_grad()
def test_single_precision_for_time_and_norms_in_a_half_precision_model(dtype: torch.dtype) -> None:
    theirs, ours = from_image()
    halves = {
        name: weight
        if any(part in name for part in ("time_embedder", "scale_shift_table", "norm2"))
        else weight.to(dtype)
        for name, weight in theirs.state_dict().items()
    }
    ours.load_state_dict(halves, assign=True)
    latents, text, states = torch.randn(1, 5, 2, 4, 4), torch.randn(1, 512, 24), torch.randn(1, 7, 32)
    expected = theirs(latents, torch.tensor([640.0]), text, states).sample
    packed = pack([latents[0]], [0.64])
    found = unpack(packed, ours(packed, TextPack(text[0], (512,), image=states)))[0]
    assert found.dtype == dtype
    assert (found[None].float() - expected).square().mean().sqrt() < 0.1 * expected.std()
