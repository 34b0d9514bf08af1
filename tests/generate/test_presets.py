"""The fast preset and full quality: which is used, with which weights, and what each refuses."""

from dataclasses import replace

import pytest
import torch
from bundle.miniature import CAPTIONS, make_adapter, make_parts

from langit.generate import Model, SamplingConfig, extend, generate, generate_many

PROMPT = CAPTIONS[0]


@pytest.fixture(scope="module")
def model() -> Model:
    parts = make_parts()
    return Model.of(replace(parts, adapters={"fast": make_adapter(parts)}))


def full(model: Model) -> Model:
    """The same without an adapter."""
    return replace(model, sampling=model.full_quality, full=None, presets={})


def test_the_first_adapter_is_the_default(model: Model) -> None:
    assert (model.sampling.adapter, model.sampling.steps, model.sampling.guidance) == ("fast", 3, 1.0)
    assert (model.full_quality.adapter, model.full_quality.steps, model.full_quality.guidance) == ("", 2, 2.0)
    fast = generate(PROMPT, model, seed=1)
    merged = replace(full(model), transformer=model.preset("fast").adapter.fuse(model.transformer))
    same = generate(PROMPT, merged, seed=1, sampling=replace(model.sampling, adapter=""))
    assert fast.sampling == model.sampling and torch.equal(fast.frames, same.frames)
    assert not torch.equal(fast.frames, generate(PROMPT, full(model), seed=1, sampling=same.sampling).frames)


def test_full_quality_is_what_a_bundle_without_an_adapter_gives(model: Model) -> None:
    best = generate(PROMPT, model, seed=1, sampling=model.full_quality)
    assert torch.equal(best.frames, generate(PROMPT, full(model), seed=1).frames)
    assert full(model).full_quality == full(model).sampling == model.full_quality
    assert hash(model) != hash(full(model))


def test_other_abilities_use_the_same_presets(model: Model) -> None:
    start = generate(PROMPT, full(model), seed=1, pixels=model.sizes[0])
    longer = [extend(start, one, PROMPT, frames=2).sampling.adapter for one in (model, full(model))]
    assert longer == ["fast", ""]
    assert generate(PROMPT, model, image=replace(start, frames=start.frames[:1])).sampling.adapter == "fast"


@pytest.mark.parametrize(
    ("wanted", "adapter", "steps"),
    [
        ({}, "fast", 3),
        ({"guidance": 1.0}, "fast", 3),
        ({"steps": 2}, "fast", 2),
        ({"steps": 3, "solver": "euler"}, "fast", 3),
        ({"steps": 4}, "", 4),
        ({"guidance": 4.0}, "", 2),
        ({"guidance": 4.0, "steps": 1}, "", 1),
        ({"solver": "ab2"}, "", 2),
        ({"negative": "a cube"}, "", 2),
    ],
)
def test_what_the_preset_does_not_support_gets_full_quality(
    model: Model, wanted: dict[str, object], adapter: str, steps: int
) -> None:
    found = model.settings(**wanted)
    assert (found.adapter, found.steps) == (adapter, steps)
    assert all(getattr(found, name) == value for name, value in wanted.items())


def test_one_changed_setting_is_enough_in_python_too(model: Model) -> None:
    assert generate(PROMPT, model, guidance=3.0).sampling == replace(model.full_quality, guidance=3.0)
    assert generate_many([PROMPT], model, seeds=[0], steps=9)[0].sampling == replace(model.full_quality, steps=9)


@pytest.mark.parametrize("change", [{"guidance": 3.0}, {"negative": "a cube"}])
def test_settings_that_count_guidance_twice_are_refused(model: Model, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="(guidance 3|a negative prompt, 'a cube',) needs full quality.*'fast'"):
        generate(PROMPT, model, sampling=replace(model.sampling, **change))


def test_an_unknown_adapter_is_named(model: Model) -> None:
    wanted = SamplingConfig(steps=1, guidance=1.0, adapter="slow")
    with pytest.raises(ValueError, match="no adapter 'slow': it has fast"):
        generate(PROMPT, model, sampling=wanted)
    with pytest.raises(ValueError, match="no adapter 'slow': it has none"):
        generate(PROMPT, full(model), sampling=wanted)


def test_an_adapter_is_merged_once_and_only_on_request(model: Model) -> None:
    fresh = Model.of(replace(make_parts(), adapters={"fast": make_adapter(make_parts())}))
    assert fresh.fuse(fresh.full_quality) is fresh
    ready = fresh.fuse(fresh.sampling)
    assert list(ready.fused) == ["fast"] and not fresh.fused and ready.fuse(fresh.sampling) is ready
    one_step = replace(ready, sampling=replace(fresh.sampling, steps=1))
    assert one_step.denoiser(one_step.sampling) is ready.denoiser(fresh.sampling)
    other = replace(fresh, transformer=make_parts(1).transformer)
    assert torch.equal(other.denoiser(fresh.sampling).proj_out.bias, other.transformer.proj_out.bias)


def test_overrides_choose_the_adapter_first(model: Model) -> None:
    assert model.override([]).sampling == model.sampling
    changed = model.override(["sampling.steps=7", "sampling.adapter="])
    assert changed.sampling == replace(model.full_quality, steps=7)
    assert changed.override(["sampling.adapter=fast"]).sampling == model.sampling
    with pytest.raises(ValueError, match="guidance 3 needs full quality"):
        model.override(["sampling.guidance=3"])
    with pytest.raises(ValueError, match="'sampling.stepz'|'stepz'.*'steps'"):
        model.override(["sampling.stepz=3"])
    with pytest.raises(ValueError, match="unknown key 'steps'"):
        model.override(["steps=3"])
    with pytest.raises(ValueError, match="no adapter 'slow'"):
        model.override(["sampling.adapter=slow"])
