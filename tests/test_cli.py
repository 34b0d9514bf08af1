"""The command line: what a person gets, and that each mistake is one line, exit code 2, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from langit import cli, video
from langit.autoencoder.model import Autoencoder
from langit.bundle import LedgerState, Parts, Provenance, save_bundle
from langit.recipes import find
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.transformer.model import VideoTransformer

CAPTIONS = ["a red ball bounces on snow at sunset", "bola merah memantul di atas salju saat matahari terbenam"]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny recipe's sizes, untrained."""
    torch.manual_seed(0)
    recipe, tokenizer = find("tiny"), train_tokenizer(CAPTIONS)
    parts = Parts(
        VideoTransformer(recipe.transformer),
        Autoencoder(recipe.autoencoder),
        TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer),
        sampling={"steps": 2, "guidance": 2.0, "solver": "euler", "levels": {"shift": 2.0}},
        sizes=(PixelShape(5, 32, 32), PixelShape(5, 32, 48)),
    )
    provenance = Provenance("tiny", "0", "0", {"name": "tiny"}, LedgerState("test", 0, ""), {}, {})
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(folder, parts, provenance)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a person stands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Run:
    """A verb in this process: its exit code and what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        self.code = left.value.code
        self.out, self.err = capsys.readouterr()


def process(*arguments: object) -> subprocess.Popen[str]:
    # A shell that starts the tests in the background has them ignore interrupts; a person's terminal does not.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from langit.cli import main; main()", *map(str, arguments)]
    bars = os.environ | {"FORCE_COLOR": "1"}  # the bar is drawn as on a terminal
    return subprocess.Popen(command, env=bars, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_sentence_becomes_a_video_that_says_what_made_it(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "A red ball, on snow!", "--model", model, "--seed", 7, "--steps", 3)
    assert run.code == 0
    path = Path(run.out.strip())
    assert path == place / "a-red-ball-on-snow-7.mp4"
    info = video.probe(path)
    assert (info.width, info.height, info.frames, info.fps) == (32, 32, 5, 8.0)
    told = {"model": "tiny", "prompt": "A red ball, on snow!", "seed": "7", "steps": "3", "guidance": "2.0"}
    assert told.items() <= info.metadata.items()
    assert info.metadata["provenance"].startswith("sha256:")
    assert list(place.iterdir()) == [path]


def test_the_same_seed_gives_the_same_file_and_names_never_collide(capsys, place: Path, model: Path) -> None:
    names = []
    for seed in (0, 0, 1):
        names.append(Path(Run(capsys, "generate", "red ball", "--model", model, "--seed", seed).out.strip()).name)
    assert names == ["red-ball-0.mp4", "red-ball-0-2.mp4", "red-ball-1.mp4"]
    first, again, other = (video.read(place / name) for name in names)
    assert (place / names[0]).read_bytes() == (place / names[1]).read_bytes()
    assert (first == again).all() and (first != other).any()


def test_words_never_seen_are_named_with_the_nearest(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "a red baal on snow", "--model", model)
    assert run.code == 0
    assert "never seen: baal (the nearest known word is ball)" in run.err


def test_sizes_can_be_asked_for_in_each_way(capsys, place: Path, model: Path) -> None:
    for options, width in (
        (["--size", "48x32"], 48),
        (["--size", "48X32x5"], 48),
        (["--frames", 5], 32),
        (["--seconds", 0.6], 32),
        (["--size", "48x32", "--seconds", 0.625], 48),
    ):
        run = Run(capsys, "generate", "ball", "--model", model, *options)
        assert run.code == 0, run.err
        assert video.probe(Path(run.out.strip())).width == width


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], "has no words"),
        (["  \n "], "has no words"),
        (["ball " * 300], "at most 1000"),
        (["красный мяч"], "Cyrillic"),
        (["赤いボール"], "English and Indonesian"),
        (["ball", "--size", "64"], "'64'"),
        (["ball", "--size", "640x480"], "--size 640x480"),
        (["ball", "--size", "32x32x9"], "--size 32x32x9"),
        (["ball", "--frames", "6"], "--frames 6"),
        (["ball", "--frames", "0"], "--frames"),
        (["ball", "--seconds", "60"], "--seconds 60"),
        (["ball", "--seconds", "nan"], "--seconds nan"),
        (["ball", "--seconds", "-1"], "--seconds -1"),
        (["ball", "--seconds", "0.6", "--frames", "5"], "give one of them"),
        (["ball", "--size", "32x32x5", "--frames", "9"], "give the frames once"),
        (["ball", "--steps", "0"], "--steps"),
        (["ball", "--guidance", "nan"], "guidance nan"),
        (["ball", "--seed", "-1"], "--seed"),
        (["ball", "--seed", "seven"], "--seed"),
        (["ball", "--model", "nonesuch"], "no model 'nonesuch'"),
        (["ball", "-o", "there.mp4"], "there.mp4 exists"),
        (["ball", "-o", "folder"], "is a folder"),
        (["ball", "-o", "none/a.mp4"], "none is not a folder"),
        (["ball", "-o", "a.gif"], "name it a.mp4"),
        (["ball", "-o", "/proc/a.mp4"], "cannot be written to"),
        (["ball", "--bogus"], "--bogus"),
        ([], "prompt"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    capsys, place: Path, model: Path, arguments: list[str], words: str
) -> None:
    (place / "there.mp4").write_bytes(b"kept")
    (place / "folder").mkdir()
    chosen = [] if "--model" in arguments else ["--model", model]
    run = Run(capsys, "generate", *arguments, *chosen)
    line = run.err.rstrip("\n")
    assert run.code == 2
    assert run.out == ""
    assert "\n" not in line and line.startswith("langit: ") and words in line
    assert sorted(entry.name for entry in place.iterdir()) == ["folder", "there.mp4"]
    assert (place / "there.mp4").read_bytes() == b"kept" and not list((place / "folder").iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train nonesuch", "no recipe is named 'nonesuch'"),
        ("train pockt", "did you mean 'pocket'?"),
        ("train tiny stages.scenes.training.stepps=3", "did you mean 'steps'?"),
        ("train tiny nonesuch=3", "unknown key 'nonesuch'"),
        ("train tiny stages.scenes.training.steps=soon", "'soon'"),
        ("train tiny stages.scenes.training.steps=0", "steps=0"),
        ("train tiny stages.scenes.training.steps", "is not key=value"),
        ("evaluate nonesuch", "no model 'nonesuch'"),
        ("evaluate nonesuch --prompts 0", "--prompts"),
        ("bundle check nonesuch", "no model 'nonesuch'"),
        ("bundle check nonesuch --render some", "--render some"),
        ("worlds", "Missing command"),
        ("worlds render 0 -o films", "count"),
        ("worlds render 1", "--output"),
        ("worlds render 1 -o there", "there cannot be used"),
        ("worlds render 1 -o films --size 33x32", "width 33"),
        ("worlds render 1 -o films --size 64", "size '64'"),
        ("worlds render 1 -o films --size 100000x64", "width 100000"),
        ("worlds render 1 -o films --size 64x64x100000000", "100000000 frames"),
        ("worlds render 1 -o films --seed -1", "--seed"),
        ("dance", "No such command 'dance'"),
    ],
)
@pytest.mark.draws
def test_mistakes_with_the_other_verbs(capsys, place: Path, arguments: str, words: str) -> None:
    (place / "there").write_bytes(b"kept")
    run = Run(capsys, *arguments.split())
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert run.err.startswith("langit: ") and words in run.err
    assert [entry.name for entry in place.iterdir()] == ["there"]


@pytest.mark.draws
def test_films_can_be_looked_at(capsys, place: Path) -> None:
    run = Run(capsys, "worlds", "render", 2, "-o", "films", "--size", "48x32", "--seed", 3, "--contact-sheet")
    assert run.code == 0, run.err
    names = sorted(path.name for path in (place / "films").iterdir())
    stems = ["seed-000003", "seed-000004"]
    assert names == sorted(["contact-sheet.png", *(stem + end for stem in stems for end in (".mp4", ".json"))])
    info = video.probe(place / "films" / "seed-000003.mp4")
    assert (info.width, info.height, info.frames) == (48, 32, 17)


def test_a_bundle_that_cannot_show_its_films_does_not_pass(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "bundle", "check", model, "--render", 0)
    assert run.code == 2
    assert "holds   files" in run.out and "broken  films" in run.out
    assert run.err.count("\n") == 1 and "does not keep its word (films)" in run.err


@pytest.mark.parametrize("harm", ["missing", "truncated", "swapped", "not json"])
def test_a_damaged_model_is_one_line_that_names_the_file(capsys, place: Path, model: Path, harm: str) -> None:
    broken = place / "broken"
    for path in sorted(model.rglob("*")):
        target = broken / path.relative_to(model)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    vae, text = broken / "vae" / "diffusion_pytorch_model.safetensors", broken / "text_encoder" / "model.safetensors"
    if harm == "missing":
        vae.unlink()
    elif harm == "truncated":
        vae.write_bytes(vae.read_bytes()[:-100])
    elif harm == "swapped":
        vae.write_bytes(text.read_bytes())
    else:
        (broken / "provenance.json").write_text("{")
    run = Run(capsys, "generate", "ball", "--model", broken)
    assert run.code == 2
    assert run.err.count("\n") == 1
    assert ("provenance.json" if harm == "not json" else "diffusion_pytorch_model.safetensors") in run.err
    assert list(place.iterdir()) == [broken]


def test_a_missing_encoder_is_said_before_anything_is_made(capsys, place: Path, model: Path, monkeypatch) -> None:
    monkeypatch.setattr(video, "ENCODER", "libx999")
    run = Run(capsys, "generate", "ball", "--model", model)
    assert run.code == 2 and run.err.count("\n") == 1 and "no libx999 encoder" in run.err
    assert list(place.iterdir()) == []


def test_overwriting_is_done_only_when_asked(capsys, place: Path, model: Path) -> None:
    (place / "a.mp4").write_bytes(b"old")
    run = Run(capsys, "generate", "ball", "--model", model, "-o", "a.mp4", "--overwrite")
    assert run.code == 0 and video.probe(place / "a.mp4").frames == 5


def test_an_interrupt_leaves_nothing_and_130(place: Path, model: Path) -> None:
    running = process("generate", "ball", "--model", model, "--steps", 1000, "-o", "a.mp4")
    assert running.stderr is not None
    said = ""
    while "sampling" not in said:
        letter = running.stderr.read(1)
        assert letter, said
        said += letter
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err and err.rstrip().endswith("langit: interrupted")
    assert list(place.iterdir()) == []


def test_help_is_quick_and_names_every_verb() -> None:
    started = os.times()
    running = process("--help")
    out, _ = running.communicate(timeout=60)
    spent = os.times()
    assert running.returncode == 0
    for verb in ("generate", "worlds", "train", "evaluate", "bundle"):
        assert verb in out
    assert spent.children_user + spent.children_system - started.children_user - started.children_system < 1.0
    loaded = "import langit.cli, sys; sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'av')))"
    assert subprocess.run([sys.executable, "-c", loaded]).returncode == 0


def test_a_missing_extra_is_named(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(cli, "app", lambda *_, **__: lacking("mujoco"))
    run = Run(capsys, "worlds", "render", 1)
    assert run.code == 2 and "pip install -c constraints.txt -e '.[worlds]'" in run.err
    monkeypatch.setattr(cli, "app", lambda *_, **__: lacking("nonesuch"))
    with pytest.raises(ModuleNotFoundError):  # our own mistake keeps its traceback
        cli.main(["worlds"])


def test_version(capsys) -> None:
    run = Run(capsys, "--version")
    assert run.code == 0 and run.out.startswith("langit 0.")
