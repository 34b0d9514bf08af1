"""Fréchet distances: known values, bias, and that they rise with every kind of known damage by the shipped network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from langit.evaluate.distance import report as reports
from langit.evaluate.distance.corruptions import CORRUPTIONS, freezing, shuffling, speed
from langit.evaluate.distance.features import FeatureNetwork, standardise
from langit.evaluate.distance.frechet import bias_by_count, expected_bias, frechet
from langit.evaluate.distance.reference import Reference
from langit.shapes import PixelShape

SIZE = PixelShape(17, 32, 32)


def moving_square(number: int) -> Tensor:
    """A square of a colour of its own that crosses a shaded ground, faster in some videos than in others."""
    rng = np.random.default_rng(number)
    ground, colour, pace = rng.integers(40, 200, 3), rng.integers(0, 255, 3), rng.uniform(0.4, 1.1)
    shade = np.linspace(0.5, 1.2, 32)[:, None, None]
    frames = np.broadcast_to((ground * shade).clip(0, 255), (SIZE.frames, 32, 32, 3)).astype(np.uint8).copy()
    top = int(rng.integers(0, 22))
    places = np.arange(32)[:, None]
    for time in range(SIZE.frames):
        # Edges between pixels are shared out, as a camera does: motion of whole pixels would go by jerks.
        cover = (9.5 - np.abs(places - time * pace - 4.5) - 4.5).clip(0, 1)
        row = frames[time, top : top + 9]
        frames[time, top : top + 9] = row + cover * (colour.astype(float) - row)
    return torch.from_numpy(frames)


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    return FeatureNetwork.open()


def test_the_distance_of_normal_samples_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(0.0, 1.0, (40_000, 3))
    two = rng.normal(0.0, 1.0, (40_000, 3)) * [1.0, 2.0, 0.5] + [0.0, 1.0, 0.0]
    assert frechet(one, two) == pytest.approx(1.0 + 1.0 + 0.25, abs=0.05)  # shift^2, and (s1 - s2)^2 of each
    assert frechet(one, one) == pytest.approx(0.0, abs=1e-6)
    assert frechet(one, two) == pytest.approx(frechet(two, one), rel=1e-6)
    with pytest.raises(ValueError, match="at least 2 samples"):
        frechet(one, two[:1])
    with pytest.raises(ValueError, match="cannot be compared: use one network"):
        frechet(one, two[:, :2])
    with pytest.raises(ValueError, match="not a finite number"):
        frechet(one, np.where(two > 4, np.nan, two))


def test_bias_falls_with_the_number_of_samples_and_is_known() -> None:
    rows = np.random.default_rng(1).normal(size=(400, 8))
    bias = bias_by_count(rows, (10, 50, 200, 300))
    assert list(bias) == [10, 50, 200] and bias[10] > bias[50] > bias[200] > 0
    other = np.random.default_rng(2).normal(size=(400, 8))
    assert expected_bias(rows) == pytest.approx(frechet(rows, other), rel=0.4)


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_the_distance_rises_with_known_damage(name: str, network: FeatureNetwork) -> None:
    corruption, videos = CORRUPTIONS[name], [moving_square(number) for number in range(24)]
    base = network.features(videos)
    rising = [0.0]
    for degree in corruption.degrees:
        damaged = network.features(corruption.apply(video, degree, at) for at, video in enumerate(videos))
        own = standardise(base.videos, base.videos)
        rising.append(frechet(own, standardise(damaged.videos, base.videos)))
    assert all(low < high for low, high in zip(rising, rising[1:], strict=False)), rising


def test_what_is_done_to_time_keeps_the_length_and_does_what_it_says() -> None:
    frames = torch.arange(17, dtype=torch.uint8).view(17, 1, 1, 1).expand(17, 2, 2, 3)
    shuffled = shuffling(frames, 1.0, 3)[:, 0, 0, 0]
    assert sorted(shuffled.tolist()) == list(range(17)) and all(int(v) != at for at, v in enumerate(shuffled))
    assert sum(int(v) != at for at, v in enumerate(shuffling(frames, 0.25, 3)[:, 0, 0, 0])) == 4
    assert len(freezing(frames, 1.0, 0)[:, 0, 0, 0].unique()) == 1
    assert len(freezing(frames, 0.5, 5)[:, 0, 0, 0].unique()) == 10  # 8 of 17 frames show the first of them
    assert speed(frames, 2.0, 0)[:, 0, 0, 0].tolist() == [*range(0, 17, 2), *range(14, -1, -2)]


def test_sizes_mix_and_frames_are_sampled_from_each_video(network: FeatureNetwork) -> None:
    videos = [moving_square(0), moving_square(1)[:9, :16, :24], moving_square(2)[:7], moving_square(3)[:1]]
    found = network.features(videos)
    assert found.videos.shape[0] == 4 and found.frames.shape[0] == 8 and np.isfinite(found.videos).all()
    alone = network.features(videos[2:3])
    np.testing.assert_allclose(alone.videos[0], network.features([videos[2][:5]]).videos[0], atol=1e-5)
    with pytest.raises(ValueError, match="no video to compare"):
        network.features([])


def test_a_report_places_the_model_among_damaged_videos(
    network: FeatureNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for a model that makes blurred videos of the references: the report says how blurred."""
    blurred = CORRUPTIONS["blur"]
    real = [moving_square(number) for number in range(32)]
    others = [moving_square(number) for number in range(100, 132)]
    references = [Reference("a square", SIZE, lambda at=at: real[at]) for at in range(len(real))]
    asked = [Reference(f"square {at}", SIZE, lambda: pytest.fail("prompts alone are used")) for at in range(len(real))]

    class Made:
        def __init__(self, frames: Tensor) -> None:
            self.frames = frames

    def make(prompts: list[str], *_: object, **__: object) -> list[Made]:
        return [Made(blurred.apply(others[int(prompt.split()[1])], 1.5, 0)) for prompt in prompts]

    class Named:
        name, model = "blurry", type("M", (), {"sampling": reports.Distance(0, 0)})

    monkeypatch.setattr(reports, "generate_many", make)
    report, pictures = reports.measure(Named(), "films", asked, references, network, lambda *_: None)  # type: ignore[arg-type]
    assert (
        "blur: between 1 and 2 pixels" in report.place_among_damage()
        and "With 32 videos this is rough" in report.markdown()
    )
    assert all(report.rises(name) for name in report.damage), report.damage
    said = report.markdown()
    assert report.network_sha256[:16] in said and "| blurry, 32 videos |" in said
    plain = json.loads(report.json())
    assert plain["videos"] == 32 and set(plain["bias"]["video"]) == {"8", "16"} and plain["rises"]["blur"] is True
    assert set(pictures.stills) == {"damage", "real", "made"} and report.table().row_count == 10
    pictures.stills["damage"].save(tmp_path / "damage.png")


def test_too_few_videos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="7 videos are too few"):
        reports.evaluate_distance("pocket", "films", 7, tmp_path, tmp_path, lambda *_: None)
