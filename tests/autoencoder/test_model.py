"""The autoencoder: streaming equals the whole, it is causal, and it starts as the principal components."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from placement import pretend_device

from langit.autoencoder.model import (
    Autoencoder,
    AutoencoderConfig,
    frame_blocks,
    principal_components,
    to_float,
    to_frames,
)
from langit.device import Placement

SMALL = AutoencoderConfig(
    latent_channels=6, fine_width=10, coarse_width=12, encoder_blocks=(1, 2), decoder_blocks=(1, 2)
)


@pytest.fixture(scope="module")
def model() -> Autoencoder:
    torch.manual_seed(3)
    made = Autoencoder(SMALL)
    for parameter in made.parameters():  # zero-initialised layers too, or nothing would be tested
        torch.nn.init.normal_(parameter, std=0.15)
    return made.eval()


def pieces_of(total: int, cuts: list[int]) -> list[int]:
    edges = sorted({cut for cut in cuts if 0 < cut < total} | {0, total})
    return [b - a for a, b in zip(edges, edges[1:], strict=False)]


@settings(max_examples=12, deadline=None)
@given(groups=st.integers(0, 4), cuts=st.lists(st.integers(1, 4), max_size=4))
def test_streaming_gives_the_whole(model: Autoencoder, groups: int, cuts: list[int]) -> None:
    video = torch.randn(2, 3, 1 + 4 * groups, 16, 24)
    with torch.no_grad():
        latents = model.encode(video)
        again = model.decode(latents)
        assert latents.shape == (2, 6, 1 + groups, 2, 3)
        assert again.shape == video.shape
        state, place, coded = None, 0, []
        for piece in pieces_of(1 + groups, cuts):
            frames = 4 * piece - (3 if place == 0 else 0)
            latent, state = model.encode_stream(video[:, :, place : place + frames], state)
            coded.append(latent)
            place += frames
        assert torch.allclose(torch.cat(coded, 2), latents, atol=1e-5)
        state, place, shown = None, 0, []
        for piece in pieces_of(1 + groups, cuts):
            frames, state = model.decode_stream(latents[:, :, place : place + piece], state)
            shown.append(frames)
            place += piece
        assert torch.allclose(torch.cat(shown, 2), again, atol=1e-5)


def test_no_latent_depends_on_later_frames(model: Autoencoder) -> None:
    video = torch.randn(1, 3, 9, 16, 16)
    changed = video.clone()
    changed[:, :, 5:] += 1
    with torch.no_grad():
        before, after = model.encode(video), model.encode(changed)
        assert torch.equal(before[:, :, :2], after[:, :, :2])
        assert not torch.allclose(before[:, :, 2], after[:, :, 2])
        shown, other = model.decode(before), model.decode(torch.cat([before[:, :, :2], after[:, :, 2:]], 2))
        assert torch.equal(shown[:, :, :5], other[:, :, :5])
        assert not torch.allclose(shown[:, :, 5:], other[:, :, 5:])


def test_an_image_is_a_video_of_one_frame(model: Autoencoder) -> None:
    video = torch.randn(1, 3, 5, 16, 16)
    with torch.no_grad():
        image = model.encode(video[:, :, :1])
        assert torch.allclose(image, model.encode(video)[:, :, :1], atol=1e-5)
        assert model.decode(image).shape == (1, 3, 1, 16, 16)


def test_it_starts_as_the_principal_components() -> None:
    torch.manual_seed(0)
    base = torch.nn.functional.interpolate(torch.randn(6, 3, 9, 4, 4), (9, 16, 16), mode="trilinear")
    mean, components = principal_components(frame_blocks(base), 6)
    assert torch.allclose(components @ components.T, torch.eye(6), atol=1e-4)
    model = Autoencoder(SMALL)
    model.init_from_components(mean, components)
    blocks = frame_blocks(base)
    expected = (blocks - mean) @ components.T @ components + mean
    with torch.no_grad():
        again = model.decode(model.encode(base))
    assert torch.allclose(frame_blocks(again), expected, atol=1e-4)


def test_statistics_normalise_latents_and_do_not_change_the_video(model: Autoencoder) -> None:
    video = torch.randn(2, 3, 5, 16, 16)
    with torch.no_grad():
        raw = model.encode(video)
        mean, std = raw.mean((0, 2, 3, 4)), raw.std((0, 2, 3, 4))
        scaled = model.with_statistics(mean, std)
        latents = scaled.encode(video)
        assert torch.allclose(latents.mean((0, 2, 3, 4)), torch.zeros(6), atol=1e-4)
        assert torch.allclose(latents.std((0, 2, 3, 4)), torch.ones(6), atol=1e-3)
        assert torch.allclose(scaled.decode(latents), model.decode(raw), atol=1e-4)


@pytest.mark.parametrize(("frames", "height", "width", "named"), [(4, 16, 16, "4 frames"), (5, 12, 16, "height 12")])
def test_errors_name_a_size_that_does_not_divide(
    model: Autoencoder, frames: int, height: int, width: int, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        model.encode(torch.zeros(1, 3, frames, height, width))


def test_frames_round_trip_through_floats() -> None:
    frames = torch.randint(0, 256, (2, 5, 8, 16, 3), dtype=torch.uint8)
    assert torch.equal(to_frames(to_float(frames)), frames)


def test_it_computes_on_the_device_of_its_inputs(model: Autoencoder) -> None:
    frames = torch.randint(0, 256, (1, 9, 16, 16, 3), dtype=torch.uint8)
    with torch.no_grad(), pretend_device() as placement:
        there = placement.put(copy.deepcopy(model)).with_statistics(torch.full((6,), 0.2), torch.full((6,), 1.5))
        latents = there.encode(to_float(frames.to(placement.device)))
        again = to_frames(there.decode(latents))
        assert latents.device == again.device == placement.device
        here = model.with_statistics(torch.full((6,), 0.2), torch.full((6,), 1.5))
        torch.testing.assert_close(latents.cpu(), here.encode(to_float(frames)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_runs_in_half_precision_on_a_cpu(model: Autoencoder, dtype: torch.dtype) -> None:
    half = Placement(dtype=dtype).put(copy.deepcopy(model))
    video = to_float(torch.randint(0, 256, (1, 9, 16, 16, 3), dtype=torch.uint8))  # single precision, as it is read
    with torch.no_grad():
        expected, found = model.encode(video), half.encode(video)
        assert found.dtype == dtype and (found - expected).norm() < 0.05 * expected.norm()
        again = half.decode(expected)
        assert again.dtype == dtype and (again - model.decode(expected)).norm() < 0.05 * again.norm()
        assert to_frames(again).dtype == torch.uint8


def test_half_precision_rounds_to_the_nearest_of_256_values() -> None:
    values = torch.linspace(-1, 1, 401).bfloat16().view(1, 1, 1, 1, -1).expand(1, 3, 1, 1, -1)
    assert torch.equal(to_frames(values), to_frames(values.float()))
