"""Every ability on every family that can carry it; where one cannot, a line names families that can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from families import tiny
from PIL import Image

from langit import generate
from langit.families.load import OpenBundle
from langit.families.table import FAMILIES, family_named
from langit.generate import Footage, Generated, Model, Parent
from langit.generate.open_model import OpenModel
from langit.shapes import PixelShape

PIXELS = PixelShape(9, 32, 64)
ABILITIES = (
    "generate",
    "image",
    "first",
    "last",
    "both",
    "extend",
    "before",
    "loop",
    "connect",
    "edit",
    "inpaint",
    "minute",
)
ALL = set(ABILITIES)
RUNS = {
    "wan2.1-t2v": {"generate", "image", "edit"},
    "wan2.2-t2v-a14b": {"generate", "image", "edit"},
    "wan2.1-i2v": {"first", "extend", "edit"},
    "wan2.1-flf2v": {"both", "loop", "connect", "edit"},
    "wan2.2-i2v-a14b": {"first", "both", "extend", "loop", "connect", "edit"},
    "wan2.1-vace": ALL,
    "wan2.2-ti2v": ALL,
}


def frames(count: int, seed: int = 1) -> torch.Tensor:
    dice = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, PIXELS.height, PIXELS.width, 3), dtype=torch.uint8, generator=dice)


def shot(model: OpenModel, count: int, seed: int = 1) -> Footage:
    return Footage(frames(count, seed), model.fps, (Parent(f"{seed}.mp4", f"{seed:064x}"),))


@pytest.fixture
def model(opened: Callable[[str], OpenBundle], request: pytest.FixtureRequest) -> OpenModel:
    made = Model.of(opened(request.param))
    assert isinstance(made, OpenModel)
    sampling = made.settings(steps=2, guidance=3.0)
    # Short windows, so that a minute takes two of them.
    return replace(made, sampling=sampling, sizes=tuple(replace(size, frames=9) for size in made.sizes))


def run(ability: str, model: OpenModel) -> Generated:
    second = shot(model, 5, 2)
    picture = shot(model, 1)
    region = torch.zeros(PIXELS.height, PIXELS.width, dtype=torch.bool)
    region[:, :32] = True
    return {
        "generate": lambda: generate.generate("a red ball", model, pixels=PIXELS),
        "image": lambda: generate.image("a red ball", model, size=PIXELS),
        "first": lambda: generate.generate("a red ball", model, pixels=PIXELS, image=picture),
        "last": lambda: generate.generate("a red ball", model, pixels=PIXELS, last=picture),
        "both": lambda: generate.generate("a red ball", model, pixels=PIXELS, image=picture, last=shot(model, 1, 3)),
        "extend": lambda: generate.extend(shot(model, 5), model, "a red ball", frames=4),
        "before": lambda: generate.extend(shot(model, 5), model, "a red ball", frames=4, before=True),
        "loop": lambda: generate.loop(shot(model, 5), model, seconds=4 / model.fps),
        "connect": lambda: generate.connect(shot(model, 5), second, model, seconds=4 / model.fps),
        "edit": lambda: generate.edit(shot(model, 9), "a red ball", model, strength=0.6),
        "inpaint": lambda: generate.inpaint(shot(model, 9), region, "a red ball", model),
        "minute": lambda: generate.minute("a red ball", model, seconds=13 / model.fps, pixels=PIXELS).collect(),
    }[ability]()


@pytest.mark.parametrize("ability", ABILITIES)
@pytest.mark.parametrize("model", RUNS, indirect=True)
def test_an_ability_runs_or_a_line_names_families_that_can(model: OpenModel, ability: str, request) -> None:  # type: ignore[no-untyped-def]
    kind = request.node.callspec.params["model"]
    if ability not in RUNS[kind]:
        with pytest.raises(ValueError, match=model.family.name) as caught:
            run(ability, model)
        others = [family.name for family in FAMILIES if family.name in str(caught.value) and family != model.family]
        assert others and "use a family" in str(caught.value)
        return
    result = run(ability, model)
    assert result.frames.shape[1:] == (PIXELS.height, PIXELS.width, 3) and result.frames.float().std() > 1
    if ability in ("first", "both", "extend"):
        torch.testing.assert_close(result.frames[0], frames(1 if ability != "extend" else 5)[0])


@pytest.mark.parametrize("model", ["wan2.2-ti2v", "wan2.1-vace", "wan2.2-i2v-a14b"], indirect=True)
def test_what_is_given_changes_what_is_generated(model: OpenModel) -> None:
    """Nothing given is ignored: another last picture gives other frames in between."""
    first = shot(model, 1)
    made = [
        generate.generate("a red ball", model, pixels=PIXELS, image=first, last=shot(model, 1, seed)).frames[3:5]
        for seed in (2, 3)
    ]
    assert (made[0].float() - made[1].float()).abs().max() > 1


@pytest.mark.parametrize("model", ["wan2.1-t2v"], indirect=True)
def test_sizes_that_cannot_be_are_named_with_the_nearest(model: OpenModel) -> None:
    for pixels, said in {
        PixelShape(9, 32, 65): "width 65 is not a multiple of 16 for wan2.1-t2v-1.3b: use 64 or 80",
        PixelShape(9, 40, 64): "height 40 .* use 32 or 48",
        PixelShape(10, 32, 64): "10 frames .* use 9 or 13",
        PixelShape(13, 32, 64): "13 frames are more than .* at once: use at most 9",
        PixelShape(9, 720, 1280): "1280x720 is larger than wan2.1-t2v-1.3b was made for: use 832x480, 480x832",
        PixelShape(9, 16, 80): "80x16 is too long",
        PixelShape(9, 8, 64): "height 8 .* use 16$",
    }.items():
        with pytest.raises(ValueError, match=said):
            generate.generate("a red ball", model, pixels=pixels)


@pytest.mark.parametrize("model", ["wan2.2-ti2v"], indirect=True)
def test_sides_of_the_larger_autoencoder_are_multiples_of_32(model: OpenModel) -> None:
    with pytest.raises(ValueError, match="height 48 is not a multiple of 32 .* use 32 or 64"):
        model.check(PixelShape(9, 48, 64))
    assert model.takes_size(96, 64) and not model.takes_size(80, 64)


@pytest.mark.parametrize("model", ["wan2.1-t2v"], indirect=True)
def test_a_picture_of_another_size_is_fitted_only_if_asked(model: OpenModel, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((100, 178, 3), np.uint8)).save(tmp_path / "still.png")
    with pytest.raises(ValueError, match="is 178x100; .* choose how to resize it"):
        generate.read_image(tmp_path / "still.png", model)
    fitted = generate.read_image(tmp_path / "still.png", model, fit="crop").pixels
    assert model.takes_size(fitted.width, fitted.height) and abs(fitted.width / fitted.height - 1.78) < 0.02


@pytest.mark.parametrize("model", ["wan2.1-t2v"], indirect=True)
def test_prompts_are_read_as_written_and_the_long_ones_refused(model: OpenModel) -> None:
    assert model.check_prompt("  cafÃ©  &amp;amp; 空を飛ぶ鳥 ") == "café & 空を飛ぶ鳥"
    with pytest.raises(ValueError, match=r"has \d+ tokens, the model reads 512: shorten"):
        model.check_prompt("red ball " * 400)
    for prompt in ("", "  ", "\x1b[2J red", "&amp;"):
        with pytest.raises(ValueError):
            model.check_prompt(prompt)


@pytest.mark.parametrize("model", RUNS, indirect=True)
def test_reference_pictures_count_or_a_line_names_families_that_take_them(model: OpenModel) -> None:
    picture = shot(model, 1, 7)
    given = {"wan2.1-i2v": ("image",), "wan2.2-i2v-a14b": ("image",), "wan2.1-flf2v": ("image", "last")}
    more = {name: shot(model, 1, 3) for name in given.get(model.family.name.removesuffix("-14b"), ())}
    if model.family.kind != "control":
        with pytest.raises(ValueError, match="cannot take reference pictures: .*: wan2.1-vace-1.3b, wan2.1-vace-14b"):
            generate.generate("a red ball", model, pixels=PIXELS, references=[picture], **more)
        return
    plain = generate.generate("a red ball", model, pixels=PIXELS)
    made = generate.generate("a red ball", model, pixels=PIXELS, references=[picture])
    assert made.frames.shape == plain.frames.shape and not torch.equal(made.frames, plain.frames)
    assert made.parents == picture.parents  # on record, as all that is given
    first = generate.generate("a red ball", model, pixels=PIXELS, image=shot(model, 1), references=[picture])
    assert first.parents == (*shot(model, 1).parents, *picture.parents)
    with pytest.raises(ValueError, match="takes no reference pictures"):
        Model.with_references(model, [picture.frames])


@pytest.mark.parametrize("model", ["wan2.1-t2v"], indirect=True)
def test_presets_for_a_few_steps(model: OpenModel) -> None:
    for name, count in (("fastwan", 3), ("lightx2v", 4)):
        sampling = model.settings(preset=name)
        made = generate.generate("a red ball", model, pixels=PIXELS, sampling=sampling)
        again = generate.generate("a red ball", model, pixels=PIXELS, sampling=sampling)
        assert (sampling.steps, sampling.guidance, sampling.negative) == (count, 1.0, "")
        assert torch.equal(made.frames, again.frames)  # fresh noise comes from the seed as well
        other = generate.generate("a red ball", model, pixels=PIXELS, sampling=sampling, seed=1)
        assert not torch.equal(made.frames, other.frames)
        with pytest.raises(ValueError, match=rf"8 steps are not the {count} that these weights were distilled for"):
            model.settings(preset=name, steps=8)
    with pytest.raises(ValueError, match="no preset is named 'turbo': use fastwan, lightx2v or easycache"):
        model.settings(preset="turbo")


@pytest.mark.parametrize("model", ["wan2.2-t2v-a14b"], indirect=True)
def test_guidance_counts_for_both_experts_unless_each_is_named(model: OpenModel) -> None:
    assert model.settings(guidance=6.0).guidance_low == 6.0  # type: ignore[attr-defined]
    assert model.settings(guidance=6.0, guidance_low=2.0).guidance_low == 2.0  # type: ignore[attr-defined]


def test_kinds_cover_every_family() -> None:
    assert {family_named(name).kind for name in ("wan2.1-t2v-1.3b", "wan2.1-i2v-14b")} == {"text", "channels"}
    assert set(RUNS) <= set(tiny.KINDS)
