"""Generating from a prompt: what a person gets. A mistake is one line, exit code 2, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cli.running import Run

from langit import video
from langit.release.credentials.read import read

PLAIN = ("--expand", "off")


def test_a_sentence_becomes_a_video_that_says_what_made_it(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "A red ball, on snow!", "--model", model, "--seed", 7, "--steps", 3, *PLAIN)
    assert run.code == 0
    path = Path(run.out.strip())
    assert path == place / "a-red-ball-on-snow-7.mp4"
    info = video.probe(path)
    assert (info.width, info.height, info.frames, info.fps) == (32, 32, 9, 8.0)
    expected = {"model": "tiny", "prompt": "A red ball, on snow!", "seed": "7", "steps": "3", "guidance": "2.0"}
    assert expected.items() <= info.metadata.items()
    assert info.metadata["provenance"].startswith("sha256:")
    assert list(place.iterdir()) == [path]


def test_the_same_seed_gives_the_same_file_and_names_never_collide(capsys, place: Path, model: Path) -> None:
    names = []
    for seed in (0, 0, 1):
        names.append(Path(Run(capsys, "generate", "red ball", "--model", model, "--seed", seed).out.strip()).name)
    assert names == ["red-ball-0.mp4", "red-ball-0-2.mp4", "red-ball-1.mp4"]
    first, again, other = (video.read(place / name) for name in names)
    marks = [read(place / name).mark for name in names]
    assert marks[0] == marks[1] != marks[2]
    assert (first == again).all() and (first != other).any()


def test_words_never_seen_are_named_with_the_nearest(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "a red baal on snow", "--model", model, *PLAIN)
    assert run.code == 0
    assert "unknown words: 'baal' (nearest: 'ball')" in run.err


def test_sizes_can_be_named_in_several_ways(capsys, place: Path, model: Path) -> None:
    for options, size in (
        (["--size", "48x32"], (48, 9)),
        (["--size", "48X32x5"], (48, 5)),
        (["--frames", 6], (32, 6)),
        (["--seconds", 0.75], (32, 6)),
        (["--size", "48x32", "--seconds", 0.625], (48, 5)),
    ):
        run = Run(capsys, "generate", "ball", "--model", model, *options)
        assert run.code == 0, run.err
        info = video.probe(Path(run.out.strip()))
        assert (info.width, info.frames) == size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], "has no words"),
        (["  \n "], "has no words"),
        (["ball " * 300], "shorten it to 1000"),
        (["красный мяч"], "Cyrillic"),
        (["красный мяч", *PLAIN], "Cyrillic"),
        (["赤いボール", *PLAIN], "this model reads Latin ones"),
        (["ball", "--expand", "thesaurus"], "there is no prompt expander 'thesaurus'"),
        (["ball", "--expand", "chat:a@nowhere"], "nowhere"),
        (["ball", "--negative", "  "], "has no words"),
        (["ball", "--solver", "magic"], "no solver is named 'magic'"),
        (["ball", "--variations", "0"], "--variations"),
        (["ball", "--seed", str(2**63 - 1), "--variations", "2"], "use a smaller seed"),
        (["ball", "--preview", "a.jpg"], "name it a.png"),
        (["ball", "--preview", "there.png"], "there.png exists"),
        (["ball", "--size", "64"], "'64'"),
        (["ball", "--size", "640x480"], "640x480x9"),
        (["ball", "--size", "32x32x13"], "at most 9 frames"),
        (["ball", "--frames", "10"], "at most 9 frames"),
        (["ball", "--frames", "0"], "--frames"),
        (["ball", "--seconds", "60"], "or langit minute"),
        (["ball", "--seconds", "0.6"], "use 0.5 or 0.625"),
        (["ball", "--seconds", "0"], "seconds 0"),
        (["ball", "--seconds", "nan"], "seconds nan"),
        (["ball", "--seconds", "-1"], "seconds -1"),
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
        (["ball", "-o", "a.avi"], "name it a.mp4"),
        (["ball", "-o", "/proc/a.mp4"], "cannot be written to"),
        (["ball", "--bogus"], "--bogus"),
        ([], "prompt"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    capsys, place: Path, model: Path, arguments: list[str], words: str
) -> None:
    for name in ("there.mp4", "there.png"):
        (place / name).write_bytes(b"kept")
    (place / "folder").mkdir()
    chosen = [] if "--model" in arguments else ["--model", model]
    run = Run(capsys, "generate", *arguments, *chosen)
    line = run.err.rstrip("\n")
    assert run.code == 2
    assert run.out == ""
    assert "\n" not in line and line.startswith("langit: ") and words in line
    assert sorted(entry.name for entry in place.iterdir()) == ["folder", "there.mp4", "there.png"]
    assert (place / "there.mp4").read_bytes() == (place / "there.png").read_bytes() == b"kept" and not list(
        (place / "folder").iterdir()
    )


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
    broken = replace(video.encoder.FORMATS[".mp4"], codec="libx999")
    monkeypatch.setitem(video.encoder.FORMATS, ".mp4", broken)
    run = Run(capsys, "generate", "ball", "--model", model)
    assert run.code == 2 and run.err.count("\n") == 1 and "no libx999 encoder" in run.err
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", ["a.gif", "A.WEBM"])
def test_the_end_of_the_name_decides_the_format(capsys, place: Path, model: Path, name: str) -> None:
    run = Run(capsys, "generate", "red ball", "--model", model, "--steps", 1, "-o", name)
    assert run.code == 0, run.err
    assert run.out.split() == [str(place / name)] and video.read(place / name).shape == (9, 32, 32, 3)
    beside = ["A.c2pa"] if name == "A.WEBM" else []
    assert sorted(path.name for path in place.iterdir()) == sorted([name, *beside])
    assert ("its credentials are in A.c2pa" in run.err) == bool(beside)
    verified = Run(capsys, "verify", name)
    assert verified.code == 0 and "signed by this machine's own key" in verified.out
    again = Run(capsys, "extend", name, "--model", model, "--steps", 1, "-o", f"longer-{name}", "--seconds", 0.5)
    assert again.code == 0, again.err
    assert len(video.read(place / f"longer-{name}")) > 9


def test_overwriting_is_done_only_when_asked(capsys, place: Path, model: Path) -> None:
    (place / "a.mp4").write_bytes(b"old")
    run = Run(capsys, "generate", "ball", "--model", model, "-o", "a.mp4", "--overwrite")
    assert run.code == 0 and video.probe(place / "a.mp4").frames == 9
