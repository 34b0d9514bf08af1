"""Generation on another device and in other precisions: no tensor is left behind, and a seed means the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from bundle.miniature import make_adapter, make_parts
from placement import pretend_device

from langit.device import Placement
from langit.generate import Model, connect, edit, extend, generate, image, inpaint, loop, minute, recut
from langit.generate.preview import decode_preview
from langit.shapes import PixelShape

RED = "a red ball bounces on snow"


def make_model(placement: Placement = Placement()) -> Model:  # noqa: B008  (a frozen value)
    parts = make_parts()
    adapters = {"fast": make_adapter(parts)}
    for module in (parts.transformer, parts.autoencoder, parts.text, *(tuned.adapter for tuned in adapters.values())):
        placement.put(module)
    sizes = tuple(map(PixelShape.parse, ("32x32x17", "48x32x33", "32x48x1")))
    return replace(Model.of(replace(parts, adapters=adapters)), sizes=sizes)


def run_all(model: Model, shot) -> dict[str, torch.Tensor]:
    """Every ability once, in both qualities."""
    video, still = shot(9), shot(1, seed=2)
    region = torch.zeros(32, 32, dtype=torch.bool)
    region[3:9, 3:9] = True
    full = model.full_quality
    results = {
        "generate": generate(RED, model, seed=1),
        "full quality": generate(RED, model, seed=1, sampling=full),
        "large seed": generate(RED, model, seed=2**40),
        "image": image(RED, model),
        "first": generate(RED, model, image=still, last=still),
        "extend": extend(video, model, RED, frames=40, sampling=full),
        "loop": loop(video, model, seconds=0.5),
        "connect": connect(video, video, model, blend=0.5),
        "edit": edit(video, RED, model, strength=0.5),
        "inpaint": inpaint(video, region, RED, model, feather=2),
        "recut": recut(video, model, start=0.25, seconds=2),
        "minute": minute(RED, model, seconds=1, start=video).collect(),
    }
    return {name: result.frames for name, result in results.items()}


def test_every_ability_computes_on_the_models_device(shot) -> None:
    expected = run_all(make_model(), shot)
    with pretend_device() as placement:
        model = make_model(placement)
        results = run_all(model, shot)
        previews = []
        generate(RED, model, on_step=lambda step: previews.append(decode_preview(step.latents[0], model)))
    assert all(frames.device.type == "cpu" for frames in (*results.values(), *previews))
    for name, frames in expected.items():
        # Not equal to the bit: kernels for CPUs are chosen by the device, and sum in another order.
        assert (results[name].float() - frames.float()).abs().mean() < 0.1, name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_precisions_give_nearly_the_same(shot, dtype: torch.dtype) -> None:
    expected = run_all(make_model(), shot)
    results = run_all(make_model(Placement(dtype=dtype)), shot)
    for name, frames in expected.items():
        assert results[name].shape == frames.shape
        assert (results[name].float() - frames.float()).abs().mean() < 6, name
