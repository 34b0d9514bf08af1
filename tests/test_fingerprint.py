"""PDQ: the same bits as Meta's own code, near for copies, far for other pictures."""

from __future__ import annotations

import numpy as np
import pytest
from curate.making import scene

from langit.fingerprint import distance, fingerprint, mirror_bits


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """A smooth random picture that numpy makes alike everywhere."""
    rng = np.random.default_rng(seed)
    waves = rng.integers(-40, 41, (6, 6))
    y, x = np.mgrid[:height, :width]
    whole = sum(int(waves[i, j]) * np.cos(np.pi * (i * y / height + j * x / width)) for i in range(6) for j in range(6))
    return np.clip(128 + whole, 0, 255).astype(np.uint8)


# pdqhash 0.2.8, `pdqhash.compute` of the grey picture as RGB: np.packbits of the vector, and the quality.
REFERENCE = {
    (1, 240, 320): ("bca17949f093c33383b10e667cc9f9f0e3b9c732ae697dd26006000e3ffc64a9", 100),
    (2, 332, 800): ("9c07f023802707fbbe87f06301c71fa8bd03a10f03072e3ffbfcebe1464a545e", 100),
    (3, 97, 131): ("19cc973adc71f8c7f18c83380e799cc3b989111e301c5053a8b6eaecf7f873a1", 100),
    (4, 64, 64): ("7f82f68ff50be74acd52ef4dfd80e00b044bc94e04431d1ee43c19f5a83919f2", 100),
}


@pytest.mark.parametrize(("seed", "height", "width"), sorted(REFERENCE))
def test_the_bits_are_those_of_the_reference(seed: int, height: int, width: int) -> None:
    made = fingerprint(picture(seed, height, width), full_range=True)
    bits, quality = REFERENCE[seed, height, width]
    assert distance(made.bits, bytes.fromhex(bits)) <= 2  # floats that lie on the median may fall either way
    assert abs(made.quality - quality) <= 1


def test_brightness_does_not_count_and_size_hardly() -> None:
    luma = picture(1, 240, 320)
    darker = (luma * 0.6 + 20).astype(np.uint8)
    assert distance(fingerprint(luma).bits, fingerprint(darker).bits) <= 12
    assert distance(fingerprint(luma).bits, fingerprint(luma[::2, ::2]).bits) <= 24


def test_other_pictures_are_far_and_flat_ones_have_no_quality() -> None:
    one, other = (scene(seed, 1, 128, 192)[0, ..., 1] for seed in (1, 2))
    assert distance(fingerprint(one).bits, fingerprint(other).bits) > 90
    assert fingerprint(np.full((90, 160), 77, np.uint8)).quality == 0
    assert fingerprint(one).quality > 40


def test_small_pictures_have_fingerprints_too() -> None:
    assert len(fingerprint(picture(2, 10, 16)).bits) == 32


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_fingerprint_of_a_mirror_image_follows_from_the_pictures_own(seed: int) -> None:
    luma = picture(seed, 240, 320)
    bits = fingerprint(luma).bits
    image = fingerprint(np.ascontiguousarray(luma[:, ::-1])).bits
    assert distance(mirror_bits(bits), image) <= 16 < 64 < distance(bits, image)
    assert mirror_bits(mirror_bits(bits)) == bits
