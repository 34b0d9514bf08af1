"""Sizes chosen from footage: its own shapes, never enlarged, whole latent frames, pieces one after another."""

from __future__ import annotations

import random

import pytest

from langit.feed.buckets import BucketConfig, ClipShape, bucket_of, choose_sizes, kept_share, piece_starts
from langit.shapes import Compression, PixelShape, latent_shape, token_grid

CONFIG = BucketConfig(area=112 * 64, frames=(5, 9, 17))
WIDE, FLAT, OLD = (ClipShape(*sides, seconds=5.0) for sides in ((960, 540), (800, 332), (320, 240)))


def test_every_shape_keeps_its_picture() -> None:
    sizes = choose_sizes([OLD, WIDE, FLAT, WIDE, FLAT, FLAT], CONFIG, 8.0)
    assert [str(size) for size in sizes] == ["112x48x17", "112x64x17", "80x64x17"]  # most footage first
    for shape in (WIDE, FLAT, OLD):
        size = bucket_of(shape, sizes, 8.0)
        assert size is not None and kept_share(shape, size.width, size.height) > 0.93


def test_no_size_is_larger_than_allowed_or_than_the_footage() -> None:
    rng = random.Random(4)
    for _ in range(60):
        shapes = [
            ClipShape(rng.randint(16, 2000), rng.randint(16, 2000), rng.uniform(0, 9)) for _ in range(rng.randint(1, 6))
        ]
        config = BucketConfig(area=rng.choice([256, 4096, 36864]), frames=(1, 5, 33), most=rng.randint(1, 4))
        sizes = choose_sizes(shapes, config, 12.0)
        assert sizes == choose_sizes(shapes[::-1], config, 12.0), "the order of the clips does not matter"
        assert len({(size.width, size.height) for size in sizes}) <= config.most
        for size in sizes:
            token_grid(latent_shape(size, Compression()))  # whole patches
            assert size.width * size.height <= config.area
            assert any(bucket_of(shape, sizes, 12.0) == size for shape in shapes), "no size is there for nobody"
        for shape in shapes:
            size = bucket_of(shape, sizes, 12.0)
            if size is not None:
                assert size.width <= shape.width and size.height <= shape.height
                assert (size.frames - 1) / 12.0 <= shape.seconds + 1e-9


def test_what_fits_nowhere_has_no_bucket() -> None:
    assert bucket_of(ClipShape(960, 540, 0.4), choose_sizes([WIDE], CONFIG, 8.0), 8.0) is None  # four frames
    assert bucket_of(ClipShape(15, 540, 9.0), (PixelShape.parse("16x16x5"),), 8.0) is None
    assert choose_sizes([ClipShape(15, 15, 9.0)], CONFIG, 8.0) == ()
    short = bucket_of(ClipShape(960, 540, 1.0), choose_sizes([WIDE, ClipShape(960, 540, 1.0)], CONFIG, 8.0), 8.0)
    assert short is not None and short.frames == 9


def test_rare_shapes_go_to_the_nearest_of_the_others() -> None:
    sizes = choose_sizes([WIDE, WIDE, FLAT], BucketConfig(area=112 * 64, frames=(17,), most=1), 8.0)
    assert [str(size) for size in sizes] == ["112x64x17"]
    assert bucket_of(FLAT, sizes, 8.0) == sizes[0]


@pytest.mark.parametrize(
    ("seconds", "most", "starts"),
    [(2.0, 9, 1), (1.99, 9, 0), (4.1, 9, 1), (4.125, 9, 2), (20.0, 9, 9), (20.0, 3, 3)],
)
def test_pieces_follow_one_another(seconds: float, most: int, starts: int) -> None:
    size = PixelShape.parse("64x64x17")
    found = piece_starts(seconds, size, 8.0, most)
    assert found == tuple(number * 17 / 8 for number in range(starts))
    assert all(start + 16 / 8 <= seconds + 1e-9 for start in found)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"area": 255}, "area 255 holds no frame of 16x16"),
        ({"frames": (5, 6)}, "frames 6 is no whole number of latent frames"),
        ({"frames": ()}, "give at least one length"),
        ({"frames": (9, 5)}, "each longer than the last"),
        ({"most": 0}, "use at least 1"),
        ({"pieces": 0}, "use at least 1"),
    ],
)
def test_impossible_settings_are_named(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BucketConfig(**wrong)
