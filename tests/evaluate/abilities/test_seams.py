"""Cuts are detected, a perfect loop has no seam, and still videos are compared with the noise floor."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.evaluate.abilities.seams import (
    JUMP,
    MOST_DB,
    SEAM,
    distance,
    given_frame_loss,
    jump,
    noise_floor,
    seam,
    steps,
)


def circling(frames: int, turns: float) -> Tensor:
    """A pattern that goes round: after a whole number of turns it is where it was."""
    place = torch.arange(16) / 16
    turned = torch.arange(frames)[:, None] / frames * turns
    rows = (128 + 100 * torch.sin(2 * math.pi * (place + turned))).to(torch.uint8)  # (T, W)
    return rows[:, None, :, None].expand(-1, 8, -1, 3).contiguous()


def test_distance_is_in_grey_levels() -> None:
    black = torch.zeros(2, 4, 4, 3, dtype=torch.uint8)
    assert distance(black, black + 10).tolist() == [10.0, 10.0]
    assert distance(black[0], black[0] + 10).item() == 10.0


def test_a_perfect_loop_has_an_ordinary_seam_and_half_a_turn_does_not() -> None:
    assert seam(circling(16, 1), 0.1).ratio == pytest.approx(1.0, abs=0.02)
    assert seam(circling(16, 1), 0.1).within(SEAM)
    assert not seam(circling(16, 0.5), 0.1).within(SEAM)


def test_a_cut_is_a_jump_anywhere() -> None:
    whole = circling(32, 1)
    assert jump(whole, 0.1).within(JUMP)
    cut = torch.cat([whole[:10], whole[18:]])
    found = jump(cut, 0.1)
    assert not found.within(JUMP)
    assert found.distance == pytest.approx(float(steps(cut)[9]))
    assert jump(cut, 0.1, range(8)).within(JUMP)
    assert not jump(cut, 0.1, [9]).within(JUMP)


def test_still_videos_are_compared_with_the_noise_floor() -> None:
    still = torch.full((6, 4, 4, 3), 90, dtype=torch.uint8)
    assert seam(still, 0.0).ratio == 0.0
    blinking = still.clone()
    blinking[3] += 1
    assert jump(blinking, 0.0).ratio == math.inf
    assert jump(blinking, 2.0).ratio == 0.5
    assert jump(blinking, 2.0).raised and not jump(circling(16, 1), 0.1).raised


def test_the_noise_floor_is_the_autoencoders_error_on_still_films() -> None:
    small = AutoencoderConfig(fine_width=8, coarse_width=16, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
    coder = Autoencoder(small).eval()
    films = [torch.randint(256, (5, 16, 16, 3), dtype=torch.uint8) for _ in range(2)]
    assert 0 < noise_floor(coder, films) < 128
    moved = [torch.cat([torch.randint(256, (2, 16, 16, 3), dtype=torch.uint8), film[2:]]) for film in films]
    assert noise_floor(coder, films) == noise_floor(coder, moved)  # only the middle frame counts


def test_loss_is_relative_to_the_autoencoder() -> None:
    film = torch.full((2, 4, 4, 3), 100, dtype=torch.uint8)
    again = film + 4
    assert given_frame_loss(film, again, again) == 0.0
    assert given_frame_loss(film, film + 8, again) == pytest.approx(20 * math.log10(2))
    assert given_frame_loss(film, film, again) == pytest.approx(20 * math.log10(255 / 4) - MOST_DB)
