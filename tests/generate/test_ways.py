"""The fast way and the full way: which is taken, what walks, and what cannot be asked of which."""

from dataclasses import replace

import pytest
import torch
from bundle.miniature import CAPTIONS, make_adapter, make_parts

from langit.generate import Model, SamplingConfig, extend, generate, generate_many
from langit.generate.request import Request, walk_request

PROMPT = CAPTIONS[0]


@pytest.fixture(scope="module")
def model() -> Model:
    parts = make_parts()
    return Model.of(replace(parts, adapters={"fast": make_adapter(parts)}))


def full(model: Model) -> Model:
    """The same without an adapter."""
    return replace(model, sampling=model.careful, full=None, ways={})


def test_the_adapter_is_what_is_used_when_nobody_says_anything(model: Model) -> None:
    assert (model.sampling.adapter, model.sampling.steps, model.sampling.guidance) == ("fast", 3, 1.0)
    assert (model.careful.adapter, model.careful.steps, model.careful.guidance) == ("", 2, 2.0)
    fast = generate(PROMPT, model, seed=1)
    merged = replace(full(model), transformer=model.way("fast").adapter.fuse(model.transformer))
    same = generate(PROMPT, merged, seed=1, sampling=replace(model.sampling, adapter=""))
    assert fast.sampling == model.sampling and torch.equal(fast.frames, same.frames)
    assert not torch.equal(fast.frames, generate(PROMPT, full(model), seed=1, sampling=same.sampling).frames)


def test_the_full_way_is_what_a_bundle_without_an_adapter_gives(model: Model) -> None:
    careful = generate(PROMPT, model, seed=1, sampling=model.careful)
    assert torch.equal(careful.frames, generate(PROMPT, full(model), seed=1).frames)
    assert full(model).careful == full(model).sampling == model.careful
    assert hash(model) != hash(full(model))


def test_other_abilities_take_the_same_ways(model: Model) -> None:
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
def test_what_the_fast_way_cannot_do_takes_the_full_one(
    model: Model, wanted: dict[str, object], adapter: str, steps: int
) -> None:
    found = model.settings(**wanted)
    assert (found.adapter, found.steps) == (adapter, steps)
    assert all(getattr(found, name) == value for name, value in wanted.items())


def test_one_of_the_settings_is_enough_in_python_too(model: Model) -> None:
    assert generate(PROMPT, model, guidance=3.0).sampling == replace(model.careful, guidance=3.0)
    assert generate_many([PROMPT], model, seeds=[0], steps=9)[0].sampling == replace(model.careful, steps=9)


@pytest.mark.parametrize("change", [{"guidance": 3.0}, {"negative": "a cube"}])
def test_settings_that_count_guidance_twice_are_refused(model: Model, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="(guidance 3|a negative prompt, 'a cube',) is for the full way.*'fast'"):
        generate(PROMPT, model, sampling=replace(model.sampling, **change))


def test_an_unknown_adapter_is_named(model: Model) -> None:
    wanted = SamplingConfig(steps=1, guidance=1.0, adapter="slow")
    with pytest.raises(ValueError, match="no adapter 'slow': it has fast"):
        walk_request(Request(PROMPT, model.sizes[0], 0), model, wanted)
    with pytest.raises(ValueError, match="no adapter 'slow': it has none"):
        walk_request(Request(PROMPT, model.sizes[0], 0), full(model), wanted)


def test_an_adapter_is_merged_once_and_only_when_it_is_asked_for(model: Model) -> None:
    fresh = Model.of(replace(make_parts(), adapters={"fast": make_adapter(make_parts())}))
    generate(PROMPT, fresh, sampling=fresh.careful)
    assert not fresh._merged
    first = fresh.denoiser(fresh.sampling)
    assert replace(fresh, sampling=replace(fresh.sampling, steps=1)).denoiser(fresh.sampling) is first
    other = replace(fresh, transformer=make_parts(1).transformer)
    assert other.denoiser(fresh.sampling) is not first
    assert torch.equal(other.denoiser(fresh.sampling).proj_out.bias, other.transformer.proj_out.bias)


def test_changes_by_name_choose_the_way_first(model: Model) -> None:
    assert model.changed([]).sampling == model.sampling
    changed = model.changed(["sampling.steps=7", "sampling.adapter="])
    assert changed.sampling == replace(model.careful, steps=7)
    assert changed.changed(["sampling.adapter=fast"]).sampling == model.sampling
    with pytest.raises(ValueError, match="guidance 3 is for the full way"):
        model.changed(["sampling.guidance=3"])
    with pytest.raises(ValueError, match="'sampling.stepz'|'stepz'.*'steps'"):
        model.changed(["sampling.stepz=3"])
    with pytest.raises(ValueError, match="unknown key 'steps'"):
        model.changed(["steps=3"])
    with pytest.raises(ValueError, match="no adapter 'slow'"):
        model.changed(["sampling.adapter=slow"])
