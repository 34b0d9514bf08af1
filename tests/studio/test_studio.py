"""The studio from Python: the same files, gates and records as the command line, and results that notebooks show."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.running import Run
from PIL import Image

from langit import Studio, config, video
from langit.files import sha256
from langit.generate import Model, limited_threads
from langit.release.credentials.read import read
from langit.release.gates.finding import Refused
from langit.release.outputs import Outputs
from langit.studio import StudioOptions, StudioProgress
from langit.studio.text_requests import GenerateRequest
from langit.studio.video_requests import ExtendRequest


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    dice = np.random.default_rng(0)
    video.write(folder / "first.mp4", dice.integers(0, 256, (9, 32, 32, 3), dtype=np.uint8), 8)
    video.write(folder / "other.mp4", dice.integers(0, 256, (9, 66, 40, 3), dtype=np.uint8), 24)
    Image.new("RGB", (32, 32), (90, 140, 200)).save(folder / "still.png")
    Image.new("RGB", (66, 40)).save(folder / "big.png")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (8, 8, 24, 24))
    mask.save(folder / "mask.png")
    (folder / "board.toml").write_text('seconds = 2.0\n[[card]]\nfrom = 0.0\nto = 1.0\ntext = "a red ball"\n')
    return folder


def calls(studio: Studio, inputs: Path, output: Path) -> dict[str, object]:
    """Every ability, by the arguments that the command line has for the same request."""
    first, still, mask = (inputs / name for name in ("first.mp4", "still.png", "mask.png"))
    common = {"seed": 3, "output": output}
    return {
        "generate ball": lambda: studio.generate("ball", **common),
        f"generate ball --image {still} --frames 6": lambda: studio.generate("ball", image=still, frames=6, **common),
        "minute ball --seconds 2": lambda: studio.minute("ball", seconds=2, **common),
        f"storyboard {inputs / 'board.toml'}": lambda: studio.storyboard(inputs / "board.toml", **common),
        f"extend {first} --seconds 0.5": lambda: studio.extend(first, seconds=0.5, **common),
        f"loop {first} --seconds 0.5": lambda: studio.loop(first, seconds=0.5, **common),
        f"connect {first} {first} --blend 0.5": lambda: studio.connect(first, first, blend=0.5, **common),
        f"edit {first} ball --strength 0.5": lambda: studio.edit(first, "ball", strength=0.5, **common),
        f"inpaint {first} ball --mask {mask}": lambda: studio.inpaint(first, "ball", mask=mask, **common),
        f"recut {first} --from 0.25 --seconds 2": lambda: studio.recut(first, start=0.25, seconds=2, **common),
    }


NAMES = [name.split()[0] + str(number) for number, name in enumerate(calls(None, Path(), Path()))]  # type: ignore[arg-type]


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_command_line_and_python_give_the_same_pixels_and_records(
    capsys, tmp_path: Path, model: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    studio = Studio(model, device="cpu")
    arguments, call = list(calls(studio, inputs, tmp_path / "python.mp4").items())[number]
    monkeypatch.chdir(tmp_path)
    run = Run(capsys, *arguments.split(), "--model", model, "--device", "cpu", "--seed", 3, "-o", "shell.mp4")
    assert run.code == 0, run.err
    result = call()
    assert (video.read(tmp_path / "shell.mp4") == result.frames).all()
    facts = [video.probe(tmp_path / name).metadata for name in ("shell.mp4", "python.mp4")]
    assert facts[0] == facts[1] and facts[0]["seed"] == "3"
    outputs = Outputs.of(config.home())
    shell, python = (outputs.by_hash(sha256(tmp_path / name)) for name in ("shell.mp4", "python.mp4"))
    assert shell is not None and python is not None and python == result.entry
    for name in ("model", "parents", "ability", "mark", "looks", "flags"):
        assert getattr(shell, name) == getattr(python, name)
    assert outputs.prompt(shell) == outputs.prompt(python)


def test_an_image_is_the_same_as_the_command_lines(capsys, tmp_path: Path, model: Path) -> None:
    run = Run(capsys, "image", "a ball", "--model", model, "-o", tmp_path / "a.png", "--seed", 5)
    assert run.code == 0, run.err
    result = Studio(model).image("a ball", seed=5)
    assert (np.asarray(Image.open(tmp_path / "a.png")) == result.frames[0]).all()
    assert result.path.suffix == ".png" and 'src="data:image/png;base64' in result._repr_html_()


def test_without_an_output_files_go_to_the_home(model: Path) -> None:
    studio = Studio(model)
    results = [studio.generate("Red ball!", steps=1) for _ in range(2)]
    assert [result.path.name for result in results] == ["red-ball-0.mp4", "red-ball-0-2.mp4"]
    assert results[0].path.parent == config.home() / "outputs"
    assert sorted(path.name for path in results[0].path.parent.iterdir()) == ["red-ball-0-2.mp4", "red-ball-0.mp4"]


def test_a_notebook_shows_the_released_file(model: Path, tmp_path: Path) -> None:
    result = Studio(model).generate("red ball <b>", steps=1, seed=7)
    page = result._repr_mimebundle_()["text/html"]
    found = re.search(r'src="data:video/mp4;base64,([^"]+)"', page)
    assert found is not None and base64.b64decode(found[1]) == result.path.read_bytes()
    assert "<b>" not in page and any("filled in" in note for note in result.notes)
    assert repr(result) == f"<ReleasedVideo '{result.path}': 32x32, 9 frames at 8 fps, seed 7>"
    assert result.seconds == 9 / 8 and result.facts.asked == "red ball <b>"
    copy = result.save(tmp_path / "copy.mp4")
    assert copy.read_bytes() == result.path.read_bytes()
    with pytest.raises(FileExistsError, match=r"copy.mp4 exists"):
        result.save(tmp_path / "copy.mp4")
    with pytest.raises(ValueError, match=r"name it copy.mp4"):
        result.save(tmp_path / "copy.gif")
    assert json.loads(json.dumps(result.as_dict()))["sha256"] == sha256(result.path)


def test_results_can_be_given_to_other_abilities(model: Path) -> None:
    studio = Studio(model)
    first = studio.generate("ball", steps=1)
    longer = studio.extend(first, seconds=0.5, steps=1)
    assert longer.pixels.frames == 13 and longer.facts.parents[0].sha256 == sha256(first.path)


def test_names_of_given_files_are_signed_only_on_request(model: Path, inputs: Path) -> None:
    studio = Studio(model)
    for choice, name in ((False, "parent-1.mp4"), (True, "first.mp4")):
        result = studio.extend(inputs / "first.mp4", seconds=0.5, steps=1, parent_names=choice)
        assert [parent.name for parent in result.facts.parents] == [name]
        assert (b"first.mp4" in result.path.read_bytes()) == choice
    secret = shutil.copy(inputs / "first.mp4", inputs / "first.annas-diary")
    result = studio.extend(secret, seconds=0.5, steps=1)
    assert [parent.name for parent in result.facts.parents] == ["parent-1"]
    assert b"annas-diary" not in result.path.read_bytes()


def test_the_file_says_in_which_precision_it_was_computed(model: Path) -> None:
    for dtype, words in (("fp32", None), ("bf16", "CPU, bfloat16")):
        result = Studio(model, device="cpu", dtype=dtype).generate("ball", steps=1)
        written = video.probe(result.path).metadata.get("placement")
        assert written is None if words is None else words in str(written)
        signed = read(result.path).settings.get("placement")
        assert signed == written


def test_progress_is_reported_and_an_exception_cancels(model: Path, tmp_path: Path) -> None:
    studio, reports, previews = Studio(model), [], []
    studio.generate("ball", steps=3, on_progress=reports.append, on_preview=previews.append)
    assert [(report.done, report.total) for report in reports] == [(1, 3), (2, 3), (3, 3)]
    assert len(previews) == 1 and previews[0].shape == (3, 32, 32, 3)

    class CancelledError(Exception):
        pass

    def cancel(progress: StudioProgress) -> None:
        if progress.window == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        studio.minute("ball", seconds=4, output=tmp_path / "a.mp4", on_progress=cancel, preview=tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []
    assert studio.generate("ball", output=tmp_path / "a.mp4").path.is_file()  # the studio can go on


def test_prompts_pass_the_gate_before_anything_is_generated(model: Path, inputs: Path) -> None:
    studio, bad = Studio(model), "a naked child"
    ran: list[StudioProgress] = []
    for call in (
        lambda: studio.generate(bad, on_progress=ran.append),
        lambda: studio.generate("ball", negative=bad, on_progress=ran.append),
        lambda: studio.edit(inputs / "first.mp4", bad, on_progress=ran.append),
        lambda: studio.image(bad, expand="off", on_progress=ran.append),
    ):
        with pytest.raises(Refused):
            call()
    assert ran == [] and not list((config.home() / "outputs").iterdir())


def test_one_message_names_every_problem_of_a_file(model: Path, inputs: Path) -> None:
    studio = Studio(model)
    with pytest.raises(ValueError, match=r"40x66.*--fit crop.*24 frames a second.*--rate resample"):
        studio.extend(inputs / "other.mp4")
    with pytest.raises(ValueError, match=r"other.mp4 is 40x66.*24 frames a second.*big.png is 66x40"):
        studio.connect(inputs / "other.mp4", inputs / "big.png")
    with pytest.raises(ValueError, match=r"big.png is 66x40.*big.png is 66x40"):
        studio.generate("ball", image=inputs / "big.png", last=inputs / "big.png")
    cards = ['[[card]]\nat = 0.0\nimage = "big.png"\n', '[[card]]\nat = 1.0\nvideo = "other.mp4"\n']
    (inputs / "bad.toml").write_text("seconds = 3.0\n" + "".join(cards))
    with pytest.raises(ValueError, match=r"card 1: .*66x40.*card 2: .*40x66.*24 frames a second"):
        studio.storyboard(inputs / "bad.toml")
    with pytest.raises(ValueError, match=r"first.mp4 is 32x32, .* 40x66|other.mp4 is 40x66"):
        studio.connect(inputs / "first.mp4", inputs / "other.mp4", rate="resample")


def test_strict_refuses_words_that_are_not_understood(model: Path) -> None:
    studio = Studio(model)
    with pytest.raises(ValueError, match="'zebra'"):
        studio.generate("a zebra on snow", strict=True)
    assert studio.generate("a red ball on snow", strict=True, steps=1).path.is_file()


def test_a_request_is_prepared_once_for_several_seeds(model: Path, inputs: Path, tmp_path: Path) -> None:
    studio = Studio(model)
    request = ExtendRequest(video=inputs / "first.mp4", seconds=0.5)
    jobs = studio.prepare(request, StudioOptions(steps=1), [1, 2])
    assert [job.seed for job in jobs] == [1, 2] and jobs[0].work is jobs[1].work
    results = [job.run(tmp_path / f"{job.seed}.mp4") for job in jobs]
    assert (results[0].frames != results[1].frames).any()
    assert (results[1].frames == studio.extend(inputs / "first.mp4", seconds=0.5, steps=1, seed=2).frames).all()


def test_wrong_options_and_models_are_named(model: Path) -> None:
    for arguments, words in (
        ({"model": "nonesuch"}, "no model 'nonesuch'"),
        ({"device": "abacus"}, "device 'abacus'"),
        ({"dtype": "fp8"}, "dtype 'fp8'"),
    ):
        with pytest.raises(ValueError, match=words):
            Studio(**{"model": model, **arguments})
    with pytest.raises(ValueError, match="quality 'best' is not known: use fast or full"):
        StudioOptions(quality="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed -1 is out of range"):
        Studio(model).generate("ball", seed=-1)


def test_a_home_that_cannot_be_written_is_found_before_generating(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "home"))
    with pytest.raises(OSError, match=r"home.*cannot be written to.*set LANGIT_HOME"):
        Studio(model)


def test_the_number_of_threads_is_restored(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    studio, during = Studio(model), []
    torch.set_num_threads(2)
    try:
        studio.generate("ball", steps=1, on_progress=lambda progress: during.append(torch.get_num_threads()))
        assert during == [1] and torch.get_num_threads() == 2
        with pytest.raises(KeyError), limited_threads(studio.model):
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_studio_works_in_another_thread(model: Path) -> None:
    results: list[object] = []
    worker = threading.Thread(target=lambda: results.append(Studio(model).generate("ball", steps=1)))
    worker.start()
    worker.join()
    assert len(results) == 1


def test_importing_langit_loads_nothing_heavy() -> None:
    check = "import langit, sys; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'av', 'typer')))"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
    assert Studio is not None and Model is not None and GenerateRequest(prompt="ball").title == "ball"
