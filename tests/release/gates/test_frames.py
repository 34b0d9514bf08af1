"""The frame gate: flashes by their definition, a classifier made on the spot, and frames that pass unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import ViTConfig, ViTForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from langit.release.gates.finding import Finding, Refused
from langit.release.gates.flashes import Flash, Flashes
from langit.release.gates.frames import FramesConfig, frame_gates, watch_frames

BLACK, WHITE, RED, BLUE, GREY = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 120), (128, 128, 128)


def full(colour: tuple[int, int, int], size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), colour, np.uint8)


def found(frames: Iterable[np.ndarray], fps: float) -> list[Flash]:
    watch = Flashes(fps)
    return [flash for frame in frames for flash in watch.see(frame)]


def square(
    flashes: int, fps: int, seconds: float, one: tuple[int, int, int] = BLACK, other: tuple[int, int, int] = WHITE
) -> Iterator[np.ndarray]:
    """A wave of ``flashes`` a second."""
    for number in range(round(fps * seconds)):
        yield full(other if int(2 * flashes * number / fps) % 2 else one)


def test_every_frame_another_at_8_a_second_is_four_flashes() -> None:
    (flash,) = found(square(4, 8, 2), 8)
    assert flash.kind == "general" and flash.share == 1.0
    assert flash.seconds == pytest.approx(8 / 8)  # the eighth change, in the ninth frame


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_three_flashes_a_second_are_harmless_and_four_are_not(fps: int) -> None:
    assert found(square(3, fps, 4), fps) == []
    assert [flash.kind for flash in found(square(4, fps, 3), fps)] == ["general"]


def test_seven_changes_are_three_flashes_and_a_half() -> None:
    frames = [full(WHITE if number % 2 else BLACK) for number in range(8)] + [full(WHITE)] * 30
    assert found(frames, 30) == []
    frames[8:9] = [full(BLACK)]
    assert [flash.kind for flash in found(frames, 30)] == ["general"]


def test_small_steps_and_bright_ones_are_harmless() -> None:
    assert found(square(10, 30, 2, (100, 100, 100), (115, 115, 115)), 30) == []  # 0.13 and 0.17 of white
    assert found(square(10, 30, 2, (233, 233, 233), WHITE), 30) == []  # the darker one is 0.81
    assert found(square(10, 30, 2, (229, 229, 229), WHITE), 30) != []  # 0.78


def test_a_slow_swing_counts_by_its_extremes() -> None:
    levels = np.sin(np.arange(90) * 2 * np.pi * 5 / 30) * 100 + 128
    assert [flash.kind for flash in found((full((int(level),) * 3) for level in levels), 30)] == ["general"]
    fade = np.linspace(0, 255, 60)
    assert found((full((int(level),) * 3) for level in fade), 30) == []


def test_red_flashes_of_no_great_luminance_are_found_and_blue_ones_are_not() -> None:
    dark_red = (150, 0, 0)  # 0.06 of white
    assert [flash.kind for flash in found(square(5, 30, 2, dark_red, (40, 40, 40)), 30)] == ["red"]
    assert found(square(5, 30, 2, BLUE, (20, 20, 20)), 30) == []
    assert found(square(3, 30, 3, dark_red, (40, 40, 40)), 30) == []


def test_red_noise_in_the_dark_is_no_red_flash() -> None:
    assert found(square(10, 30, 2, (6, 0, 0), BLACK), 30) == []


@pytest.mark.parametrize(("side", "harmful"), [(6, False), (14, True)])
def test_a_small_flash_is_harmless(side: int, harmful: bool) -> None:
    """A field of view is a third of 48 x 64, and a quarter of it 85 pixels: 6 x 6 are fewer, 14 x 14 are more."""

    def frames() -> Iterator[np.ndarray]:
        for number in range(60):
            frame = full(BLACK)
            frame[20 : 20 + side, 30 : 30 + side] = WHITE if number % 2 else BLACK
            yield frame

    assert bool(found(frames(), 30)) == harmful


def test_a_large_frame_is_judged_as_a_small_one() -> None:
    large = (full(WHITE if number % 2 else BLACK, (397, 701)) for number in range(40))
    assert [flash.kind for flash in found(large, 30)] == ["general"]


def test_something_that_moves_is_no_flash() -> None:
    def frames() -> Iterator[np.ndarray]:
        for number in range(40):
            frame = full((60, 140, 60))
            frame[10:25, number : number + 15] = (250, 240, 60)
            yield frame

    assert found(frames(), 24) == []


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.5, 120), st.integers(0, 2**32 - 1))
def test_any_frames_are_watched(height: int, width: int, fps: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    frames = random.integers(0, 256, (12, height, width, 3), np.uint8)
    assert {flash.kind for flash in found(frames, fps)} <= {"general", "red"}


def test_what_is_no_video_is_an_error() -> None:
    with pytest.raises(ValueError, match="fps is 0"):
        Flashes(0)
    watch = Flashes(8)
    watch.see(full(BLACK))
    with pytest.raises(ValueError, match="frames of one size"):
        watch.see(full(BLACK, (8, 8)))


def test_frames_pass_unchanged_and_flags_are_kept() -> None:
    frames = list(square(4, 8, 3))
    flags: list[Finding] = []
    gates = frame_gates(FramesConfig(flashes="flag"))(8)
    passed = list(watch_frames(iter(frames), gates, flags))
    assert all(one is other for one, other in zip(passed, frames, strict=True))
    assert [(flag.rule, flag.action) for flag in flags] == [("flashes", "flag")]


def test_a_refusal_comes_with_the_frame_that_makes_it_and_no_later() -> None:
    seen = 0
    with pytest.raises(Refused, match="more than three flashes within the second before 1.00 s.*docs/gates.md"):
        for _ in watch_frames(square(4, 8, 10), frame_gates()(8), []):
            seen += 1
    assert seen == 8


def test_flashes_may_be_off() -> None:
    assert frame_gates(FramesConfig(flashes="off", nudity="off"))(8) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of two labels that says "bad" of bright frames, by its weights."""
    place = tmp_path_factory.mktemp("classifier")
    mean = [0.5, 0.5, 0.5]
    ViTImageProcessorPil(size={"height": 8, "width": 8}, image_mean=mean, image_std=mean).save_pretrained(place)
    config = ViTConfig(
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        image_size=8,
        patch_size=4,
        id2label={0: "fine", 1: "bad"},
        label2id={"fine": 0, "bad": 1},
    )
    model = ViTForImageClassification(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if name.endswith(("norm.weight", "before.weight", "after.weight")) else 0.0)
        names = dict(model.named_parameters())
        names["vit.embeddings.patch_embeddings.projection.weight"][0] = 1.0
        attention = [weight for name, weight in names.items() if "attention" in name and weight.ndim == 2]
        value, output = attention[2], attention[3]
        value[0, 0], output[0, 0] = 1.0, 1.0
        model.classifier.weight[1, 0] = 8.0
    model.save_pretrained(place)
    return place


def test_a_classifier_looks_at_some_frames_of_each_second(folder: Path) -> None:
    settings = FramesConfig(model=str(folder), model_labels=("bad=refuse",), per_second=2)
    gates = frame_gates(settings)
    dark = [full(BLACK)] * 16
    assert len(list(watch_frames(dark, gates(8), []))) == 16
    passed = []
    with pytest.raises(Refused, match="picture .*says bad, .*at 1.50 s"):
        passed.extend(watch_frames([*dark[:10], *[full(WHITE)] * 6], gates(8), []))
    unseen = [full(WHITE) if number == 3 else full(BLACK) for number in range(8)]
    assert len(list(watch_frames(unseen, gates(8), []))) == 8
    flags: list[Finding] = []
    flagging = FramesConfig(model=str(folder), model_labels=("bad=flag",), per_second=8)
    assert len(list(watch_frames([full(WHITE)] * 8, frame_gates(flagging)(8), flags))) == 8
    assert [flag.rule for flag in flags] == ["picture"]


def test_a_classifier_that_is_set_wrongly_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no label evil: set model_labels for some of fine, bad"):
        frame_gates(FramesConfig(model=str(folder), model_labels=("evil=refuse",)))
    with pytest.raises(OSError, match="there is no folder"):
        frame_gates(FramesConfig(model=str(tmp_path / "none"), model_labels=("bad=refuse",)))
    with pytest.raises(OSError, match="no image classifier can be read"):
        frame_gates(FramesConfig(model=str(tmp_path), model_labels=("bad=refuse",)))
    for wrong in ({"per_second": 0}, {"model_threshold": 0}, {"model_labels": ("bad",)}):
        with pytest.raises(ValueError):
            FramesConfig(**wrong)
