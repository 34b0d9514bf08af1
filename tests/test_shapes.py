"""Shapes as values: sizes, and the compression arithmetic between pixels, latents and tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.shapes import Compression, LatentShape, PixelShape, TokenGrid, latent_shape, token_grid, whole_frames


def test_a_size_reads_what_it_writes() -> None:
    assert str(PixelShape(frames=17, height=48, width=80)) == "80x48x17"
    assert PixelShape.parse("80x48x17") == PixelShape(17, 48, 80)
    assert PixelShape.parse(" 80X48 ") == PixelShape(1, 48, 80)


@pytest.mark.parametrize("text", ["", "80", "80x48x17x2", "80x", "axb", "80x48x-1", "8.0x48"])
def test_other_texts_are_not_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not WIDTHxHEIGHT"):
        PixelShape.parse(text)


@pytest.mark.parametrize("name", ["frames", "height", "width"])
def test_a_side_below_one_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} 0 is too small: use a whole number of at least 1"):
        PixelShape(**({"frames": 1, "height": 8, "width": 8} | {name: 0}))


def test_the_first_frame_is_a_latent_frame_of_its_own() -> None:
    compression = Compression(time=4, space=8, channels=24)
    assert latent_shape(PixelShape(1, 48, 80), compression) == LatentShape(24, 1, 6, 10)
    assert latent_shape(PixelShape(17, 48, 80), compression) == LatentShape(24, 5, 6, 10)
    assert latent_shape(PixelShape(17, 48, 80), compression).cells == 300
    assert latent_shape(PixelShape(81, 480, 832), Compression(4, 16, 48)) == LatentShape(48, 21, 30, 52)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (PixelShape(17, 48, 81), "width 81 is not a multiple of 8: use 80 or 88"),
        (PixelShape(17, 50, 80), "height 50 is not a multiple of 8: use 48 or 56"),
        (PixelShape(17, 3, 80), "height 3 is not a multiple of 8: use 8 or 16"),
        (PixelShape(18, 48, 80), "18 frames cannot be compressed 4 to 1 after the first: use 17 or 21"),
    ],
)
def test_a_size_that_does_not_divide_is_answered_with_the_nearest(pixels: PixelShape, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        latent_shape(pixels, Compression())


@given(st.integers(1, 500), st.integers(1, 9))
def test_frames_are_rounded_to_what_can_be_compressed(frames: int, time: int) -> None:
    compression = Compression(time=time)
    down, up = whole_frames(frames, compression), whole_frames(frames, compression, up=True)
    assert down <= frames <= up and up - down in (0, time)
    for rounded in (down, up):
        latent_shape(PixelShape(rounded, 8, 8), compression)


def test_tokens_are_whole_patches() -> None:
    assert token_grid(LatentShape(24, 5, 6, 10)) == TokenGrid(5, 3, 5)
    assert token_grid(LatentShape(24, 6, 6, 10), (2, 3, 5)).count == 12
    with pytest.raises(ValueError, match="latent height 5 is not a multiple of the patch's 2: choose another size"):
        token_grid(LatentShape(24, 5, 5, 10))
