"""A model with a fast preset: which quality is used, what the person is told, and what the file says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cli.running import Run

from langit.bundle import TunedAdapter, load_bundle, save_bundle
from langit.transformer.adapter import Adapter
from langit.video import probe


@pytest.fixture(scope="module")
def fast(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with an adapter."""
    opened = load_bundle(model)
    adapter = Adapter.of_rank(opened.transformer, 2)
    for weight in adapter.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    plain = {"steps": 3, "guidance": 1.0, "solver": "euler", "levels": {"shift": 2.0}}
    folder = tmp_path_factory.mktemp("models") / "quick"
    save_bundle(folder, replace(opened, adapters={"fast": TunedAdapter(adapter, plain)}), opened.provenance)
    return folder


def sampled(capsys, fast: Path, *options: object) -> tuple[dict[str, object], str]:
    """The sampling settings that a file names, and what was written to stderr."""
    run = Run(capsys, "generate", "a red ball on snow", "--model", fast, "--expand", "off", *options)
    assert run.code == 0, run.err
    return json.loads(probe(Path(run.out.strip())).metadata["sampling"]), run.err


def test_the_fast_preset_is_the_default_and_the_file_says_so(capsys, place: Path, fast: Path) -> None:
    said, err = sampled(capsys, fast)
    assert (said["adapter"], said["steps"], said["guidance"]) == ("fast", 3, 1.0)
    assert "full quality" not in err


@pytest.mark.parametrize("options", [("--quality", "full"), ("--careful",)])
def test_full_quality_is_one_option(capsys, place: Path, fast: Path, options: tuple[str, ...]) -> None:
    said, err = sampled(capsys, fast, *options)
    assert (said["adapter"], said["steps"], said["guidance"]) == ("", 2, 2.0)
    assert "full quality" not in err


@pytest.mark.parametrize(
    ("options", "guidance"),
    [(("--guidance", 4), 4.0), (("--negative", "a cube"), 2.0), (("--solver", "heun"), 2.0)],
)
def test_settings_that_the_preset_does_not_support_get_full_quality(
    capsys, place: Path, fast: Path, options: tuple[object, ...], guidance: float
) -> None:
    said, err = sampled(capsys, fast, *options)
    assert (said["adapter"], said["guidance"]) == ("", guidance)
    named = f"{str(options[0]).removeprefix('--')} {options[1]}"
    assert f"in full quality (2 steps, guidance {guidance:g}): the fast preset does not support {named}" in err


def test_a_quality_that_cannot_be_had_is_an_error(capsys, place: Path, fast: Path, model: Path) -> None:
    for folder, options, words in (
        (fast, ("--quality", "fast", "--guidance", "4"), "quality fast does not support guidance 4"),
        (fast, ("--quality", "fast", "--careful"), "contradict each other"),
        (model, ("--quality", "fast"), "this model has no fast preset"),
    ):
        run = Run(capsys, "generate", "a red ball on snow", "--model", folder, *options)
        assert run.code == 2 and words in run.err and run.err.count("\n") == 1


def test_a_model_without_presets_is_always_in_full_quality(capsys, place: Path, model: Path) -> None:
    said, err = sampled(capsys, model, "--careful", "--steps", 1)
    assert (said["adapter"], said["steps"], said["guidance"]) == ("", 1, 2.0) and "full quality" not in err
