"""Packs, masks and noise levels on another device than the CPU."""

from __future__ import annotations

import torch
from placement import pretend_device

from langit.flow.levels import LevelsConfig, draw_levels, sampling_levels
from langit.flow.path import on_path
from langit.flow.reuse import reuse_velocity
from langit.flow.solvers import SOLVERS, SolverState
from langit.patches import channels_last, pack, pack_texts, rotary, unpack
from langit.patches.known import Known, KnownConfig, draw_known, first_frames_mask, last_frames_mask, outside_mask
from langit.shapes import TokenGrid


def test_packs_are_built_on_the_device_of_the_latents() -> None:
    with pretend_device() as placement:
        latents = [placement.put(torch.randn(4, 2, 4, 6)), placement.put(torch.randn(4, 1, 2, 2))]
        packed = pack(latents, [0.5, torch.tensor(1.0)])
        assert packed.tokens.device == packed.positions.device == packed.noise.device == placement.device
        assert rotary(packed.positions, 20)[0].device == placement.device
        back = unpack(packed, channels_last(packed.tokens))
        assert all(torch.equal(a.cpu(), b.cpu()) for a, b in zip(back, latents, strict=True))
        assert pack_texts([placement.put(torch.randn(3, 5))]).tokens.device == placement.device


def test_masks_are_built_on_the_given_device() -> None:
    grid = TokenGrid(3, 2, 3)
    with pretend_device() as placement:
        first = first_frames_mask(grid, 1, placement.device) | last_frames_mask(grid, 1, placement.device)
        known = Known(placement.put(torch.randn(4, 3, 4, 6)), first)
        assert known.tokens.device == outside_mask(grid, first[0]).device == placement.device


def test_random_draws_are_on_the_cpu_whatever_the_device() -> None:
    config, grid = KnownConfig(none=0, scattered=1, region=1), TokenGrid(5, 2, 3)
    here = draw_levels((80, 20), LevelsConfig(), torch.Generator().manual_seed(1))
    mask = draw_known(grid, config, torch.Generator().manual_seed(1), begun=False)
    with pretend_device():
        assert torch.equal(draw_levels((80, 20), LevelsConfig(), torch.Generator().manual_seed(1)), here)
        assert torch.equal(draw_known(grid, config, torch.Generator().manual_seed(1), begun=False), mask)
        assert sampling_levels(4, 80, LevelsConfig()).device.type == "cpu"


def test_solvers_stay_on_the_device() -> None:
    with pretend_device() as placement:
        noise = placement.normal((6, 4), torch.Generator().manual_seed(0))
        data, counts = placement.put(torch.randn(6, 4)), placement.put(torch.ones(6, dtype=torch.bool))
        assert on_path(data, noise, placement.put(torch.full((6,), 0.3))).device == placement.device
        field = reuse_velocity(lambda x, _level: x - data, 0.05, counts)
        for solve in SOLVERS.values():
            state = SolverState(noise, 1.0)
            for level in (0.7, 0.4, 0.0):
                state = solve(state, level, field)
            assert state.x.device == placement.device
