"""PSNR and SSIM against known values, and the measurement of an autoencoder."""

import math

import numpy as np
import pytest
import torch

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.evaluate.reconstruction import measure, psnr, reconstruct, ssim


def noise(seed: int = 0, frames: int = 5) -> torch.Tensor:
    return torch.randint(0, 256, (frames, 32, 40, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def test_psnr_of_a_known_error() -> None:
    flat = torch.full((2, 4, 4, 3), 100, dtype=torch.uint8)
    assert psnr(flat, flat + 5) == pytest.approx(20 * math.log10(255 / 5), abs=1e-4)
    assert psnr(flat, flat) == math.inf


def test_ssim_of_identical_shifted_and_noisy_films() -> None:
    film = noise()
    assert ssim(film, film) == pytest.approx(1.0, abs=1e-4)
    a, b = (torch.full((1, 16, 16, 3), value, dtype=torch.uint8) for value in (100, 150))
    constant = (0.01 * 255) ** 2  # what is left of the formula where nothing varies
    assert ssim(a, b) == pytest.approx((2 * 100 * 150 + constant) / (100**2 + 150**2 + constant), abs=1e-3)
    assert abs(ssim(film, noise(1))) < 0.1


def test_measurements_are_of_single_films() -> None:
    torch.manual_seed(0)
    model = Autoencoder(AutoencoderConfig(fine_width=8, coarse_width=16, encoder_blocks=(1, 1), decoder_blocks=(1, 1)))
    films, seen = [noise(seed) for seed in range(3)], []
    found = measure(model, films, 8.0, lambda stage, done, of: seen.append((stage, done, of)))
    each = [psnr(film, reconstruct(model, film[None])[0]) for film in films]
    assert found.psnr == pytest.approx(np.mean(each), abs=1e-4)
    assert found.psnr_percentiles[1] == pytest.approx(np.median(each), abs=1e-4)
    assert found.decode > 0
    assert found.films == 3
    assert seen == [("reconstruction", done, 3) for done in (1, 2, 3)]
    with pytest.raises(ValueError, match="no film"):
        measure(model, [], 8.0, lambda stage, done, of: None)
