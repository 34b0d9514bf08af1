"""Which sizes a model can do: those it was trained on and what lies between, and no others."""

from dataclasses import replace

import pytest
from bundle.miniature import make_parts

from langit.generate import Model
from langit.shapes import PixelShape


def model(*sizes: str) -> Model:
    return replace(Model.of(make_parts(0)), sizes=tuple(map(PixelShape.parse, sizes)))


def test_sizes_between_those_that_were_learnt_can_be_done() -> None:
    one = model("64x64x17", "80x48x33", "48x80x33", "64x64x1")
    assert one.frame_sizes[:3] == ((64, 64), (80, 48), (48, 80))
    assert set(one.frame_sizes[3:]) == {(48, 48), (64, 48), (48, 64)}
    for size in ("64x48x32", "48x48x1", "80x48x2"):
        one.check(PixelShape.parse(size))


@pytest.mark.parametrize("size", ["80x80x17", "64x64x34", "72x64x17", "32x64x17", "80x64x17", "96x48x5"])
def test_others_are_refused_with_those_it_can_do(size: str) -> None:
    with pytest.raises(ValueError, match=f"{size}.*use 64x64, 80x48, 48x80, 48x48.* with 1 to 33 frames"):
        model("64x64x17", "80x48x33", "48x80x33", "64x64x1").check(PixelShape.parse(size))


def test_a_model_of_one_size_says_so() -> None:
    with pytest.raises(ValueError, match=r"use 64x64 with 17 frames \(2.12 s\)"):
        model("64x64x17").check(PixelShape.parse("64x64x9"))
