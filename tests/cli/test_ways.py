"""A model with a fast way: which is taken from the command line, what is said of it, and what the file says."""

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


def told(capsys, fast: Path, *options: object) -> tuple[dict[str, object], str]:
    """The settings that a made file names, and what was said meanwhile."""
    run = Run(capsys, "generate", "a red ball on snow", "--model", fast, "--expand", "off", *options)
    assert run.code == 0, run.err
    return json.loads(probe(Path(run.out.strip())).metadata["sampling"]), run.err


def test_the_fast_way_is_taken_and_the_file_says_so(capsys, place: Path, fast: Path) -> None:
    said, err = told(capsys, fast)
    assert (said["adapter"], said["steps"], said["guidance"]) == ("fast", 3, 1.0)
    assert "full way" not in err


def test_the_full_way_is_one_option(capsys, place: Path, fast: Path) -> None:
    said, err = told(capsys, fast, "--careful")
    assert (said["adapter"], said["steps"], said["guidance"]) == ("", 2, 2.0)
    assert "full way" not in err


@pytest.mark.parametrize(
    ("options", "guidance"),
    [(("--guidance", 4), 4.0), (("--negative", "a cube"), 2.0), (("--solver", "heun"), 2.0)],
)
def test_what_needs_the_full_way_takes_it_and_is_told(
    capsys, place: Path, fast: Path, options: tuple[object, ...], guidance: float
) -> None:
    said, err = told(capsys, fast, *options)
    assert (said["adapter"], said["guidance"]) == ("", guidance)
    assert f"made the full way, 2 steps with guidance {guidance:g}: the fast one cannot do as {options[0]} asks" in err


def test_a_model_without_a_fast_way_takes_careful_for_what_it_does(capsys, place: Path, model: Path) -> None:
    said, err = told(capsys, model, "--careful", "--steps", 1)
    assert (said["adapter"], said["steps"], said["guidance"]) == ("", 1, 2.0) and "full way" not in err
