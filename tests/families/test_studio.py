"""Open weights through the studio: gates, notes, credentials, ledger, and what verify repeats of their origin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from langit import Studio
from langit.cli.entry import app
from langit.families.load import OpenBundle
from langit.release import Refused
from langit.release.models import find_model
from langit.studio.models import describe_model, list_models

SIZE = {"size": "64x32", "frames": 9, "steps": 2}


@pytest.fixture(scope="module")
def place(saved: Callable[[str], Path]) -> Path:
    return saved("wan2.2-t2v-a14b")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output + (f"\n{result.exception}" if result.exception else "")


def test_a_video_names_its_base_weights_and_that_their_training_is_not_disclosed(place: Path, tmp_path: Path) -> None:
    studio = Studio(place)
    video = studio.generate("burung merah terbang &amp; a ball", output=tmp_path / "a.mp4", **SIZE)
    assert isinstance(studio.bundle, OpenBundle)
    assert video.facts.prompt == "burung merah terbang & a ball"  # as written, in any language, cleaned and no more
    base = json.loads(video.facts.base)
    assert base["family"] == "wan2.2-t2v-a14b" and base["licence"] == "Apache-2.0"
    assert base["files"].startswith("sha256:") and base["makers"] == "Wan Team, Alibaba"
    code, said = run("verify", str(tmp_path / "a.mp4"))
    assert code == 0
    assert 'not disclosed by its makers, "Wan Team, Alibaba"' in said
    assert "base weights" in said and "Apache-2.0" in said
    found = find_model(video.facts.weights, Path(studio.door.home))
    assert found is not None and found[1].files == studio.bundle.provenance.files
    code, said = run("ledger", "whose", str(tmp_path / "a.mp4"))
    assert code == 0 and "its makers, Wan Team, Alibaba, do not disclose what it was trained on" in said
    # At shift 5 where the makers have 12: followed, with a note that names both.
    assert any("shift 5, its makers sample with 12" in note for note in video.notes)
    chosen = studio.generate("a ball", output=tmp_path / "b.mp4", shift=12.0, **SIZE)
    assert json.loads(chosen.facts.sampling)["shift"] == 12.0
    assert not any("shift" in note for note in chosen.notes)


def test_gates_read_what_the_model_reads(place: Path, tmp_path: Path) -> None:
    studio = Studio(place)
    wanted = "a nude child on a bed"
    hidden = "".join(f"&#{ord(letter)};" for letter in wanted)
    for prompt in (wanted, hidden, hidden.replace("&", "&amp;")):
        with pytest.raises(Refused):
            studio.generate(prompt, output=tmp_path / "a.mp4", **SIZE)
    assert not (tmp_path / "a.mp4").exists()


def test_settings_of_open_weights_are_none_of_pocket_and_the_other_way_round(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expand embedded writes captions of this project's own worlds"):
        Studio(place).generate("a ball", output=tmp_path / "a.mp4", expand="embedded", **SIZE)
    with pytest.raises(ValueError, match="this model has no fast preset"):
        Studio(place).generate("a ball", output=tmp_path / "a.mp4", quality="fast", **SIZE)
    with pytest.raises(ValueError, match=r"shift 5.0 is a setting of open weights"):
        Studio("pocket").generate("a red ball on snow", output=tmp_path / "a.mp4", shift=5.0)


def test_what_a_family_cannot_take_is_refused_before_it_is_loaded(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langit.families.load.load_weights", lambda *_, **__: pytest.fail("weights were loaded"))
    Image.new("RGB", (64, 32)).save(tmp_path / "still.png")
    picture, model = str(tmp_path / "still.png"), str(place)
    for arguments in (
        ("generate", "a ball", "--image", picture),
        ("generate", "a ball", "--reference", picture),
        ("minute", "a ball", "--seconds", "30"),
        ("extend", picture, "a ball"),
        ("loop", picture),
        ("inpaint", picture, "a ball", "--mask", picture),
    ):
        code, said = run(*arguments, "--model", model, "-o", str(tmp_path / "a.mp4"))
        assert code != 0 and "cannot take" in said, said
        assert ("wan2.1-vace-14b" if "--reference" in arguments else "wan2.2-ti2v-5b") in said, said


def test_vace_with_a_reference_picture_is_planned_generated_and_released(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    Image.new("RGB", (64, 32), (200, 40, 30)).save(tmp_path / "still.png")
    model, size = str(saved("wan2.1-vace")), ("--size", "64x32", "--frames", "5", "--steps", "1")
    code, said = run("plan", "--model", model, *size)
    assert code == 0 and "denoising (transformer)" in said, said
    still, out = str(tmp_path / "still.png"), tmp_path / "a.mp4"
    code, said = run("generate", "a ball", "--model", model, "--reference", still, *size, "-o", str(out))
    assert code == 0 and out.is_file(), said


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--reuse 2", "reuse 2.0 is not a relative change"),
        ("--shift 0", "shift 0.0 is out of range"),
        ("--guidance nan", "guidance nan is out of range"),
        ("--guidance 1 --negative ugly", "does not count at guidance 1"),
        ("--solver newton", "no solver is named 'newton'"),
        ("--preset quick", "no preset is named 'quick'"),
        ("--preset fastwan --solver heun", "solver heun does not count"),
        ("--quality fast", "no fast preset"),
        ("--expand embedded", "which open weights do not need"),
        ("--expand nobody", "there is no prompt expander 'nobody'"),
        ("--size 64x32x10", "use 9 or 13"),
    ],
)
def test_options_that_are_wrong_are_refused_before_weights_are_loaded(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, said: str
) -> None:
    monkeypatch.setattr("langit.families.load.load_weights", lambda *_, **__: pytest.fail("weights were loaded"))
    code, words = run("generate", "a ball", "--model", str(place), "-o", str(tmp_path / "a.mp4"), *option.split())
    assert code != 0 and said in words, words
    # The same options of weights of which nothing is here: nothing is downloaded to say so.
    name = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
    code, words = run("generate", "a ball", "--model", name, "-o", str(tmp_path / "a.mp4"), *option.split())
    assert code != 0 and said in words, words


def test_models_lists_what_is_here_and_what_is_known(place: Path) -> None:
    code, said = run("models", "--json")
    assert code == 0
    listed = {entry["name"]: entry for entry in json.loads(said)["models"]}
    assert listed["pocket"]["where"] == "shipped" and listed["pocket"]["missing"] == []
    small = listed["Wan-AI/Wan2.1-T2V-1.3B-Diffusers"]
    assert small["where"] == "known" and small["licence"] == "Apache-2.0" and "GB in bf16" in small["missing"][-1]
    assert len(list_models()) == 10
    entry = describe_model(str(place))
    assert entry.where == "folder" and entry.missing == () and entry.training == "not disclosed by Wan Team, Alibaba"
    assert describe_model("wan2.2-ti2v-5b").name == "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
    with pytest.raises(ValueError, match="no model 'nothing' is here or known"):
        describe_model("nothing")
