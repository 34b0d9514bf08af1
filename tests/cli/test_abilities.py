"""Verbs that begin with videos and pictures: what they write, and that a mistake is one line and nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli.running import Run
from PIL import Image

from langit import video
from langit.files import sha256

FPS = 8.0
NOTED = "noted: nearest clip: model tiny has no index of its training clips: nothing was compared"


def film(frames: int, width: int = 32, height: int = 32) -> np.ndarray:
    """A bright square that moves over a slope of grey."""
    pictures = np.repeat(np.linspace(20, 120, width, dtype=np.uint8)[None, None, :, None], frames, axis=0)
    pictures = np.ascontiguousarray(np.broadcast_to(pictures, (frames, height, width, 3)))
    for number, picture in enumerate(pictures):
        picture[8:16, number % (width - 8) : number % (width - 8) + 8] = (220, 40, 40)
    return pictures


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that a person may give, good and bad."""
    folder = tmp_path_factory.mktemp("inputs")
    video.write(folder / "in.mp4", film(9), FPS)
    video.write(folder / "other.mp4", film(7)[::-1], FPS)
    video.write(folder / "fast.mp4", film(9), 24)
    video.write(folder / "big.mp4", film(9, 66, 40), FPS)
    (folder / "cut.mp4").write_bytes((folder / "in.mp4").read_bytes()[:-200])
    (folder / "words.mp4").write_text("this is no video")
    (folder / "empty.mp4").write_bytes(b"")
    for name, size in (("still.png", (32, 32)), ("big.png", (66, 40)), ("black.png", (32, 32))):
        Image.new("RGB", size, (0, 0, 0) if name == "black.png" else (90, 140, 200)).save(folder / name)
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (8, 8, 24, 24))
    mask.save(folder / "mask.png")
    (folder / "words.png").write_text("this is not a picture")
    for name, text in BOARDS.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def board(*cards: str, head: str = "seconds = 2.0") -> str:
    """A storyboard; the lines of a card are divided by semicolons."""
    return "\n".join([head, *("[[card]]\n" + card.replace("; ", "\n") for card in cards)])


BOARDS = {
    "board": board('from = 0.0; to = 1.0; text = "a red ball"', 'at = 1.5; image = "still.png"'),
    "seeded": board(
        'from = 0.0; to = 1.0; text = "ball"', 'from = 1.0; to = 2.0; text = "cube"', head="seconds = 2\nseed = 5"
    ),
    "overlapping": board('from = 0.0; to = 1.0; text = "ball"', 'from = 0.5; to = 1.5; text = "cube"'),
    "unsorted": board('from = 1.0; to = 2.0; text = "ball"', 'from = 0.0; to = 0.5; text = "cube"'),
    "cardless": board(),
    "endless": board('from = 0.0; to = 1.0; text = "ball"', head="seconds = -1.0"),
    "misspelt": board('from = 0.0; to = 1.0; txt = "ball"'),
    "speechless": board('from = 0.0; to = 1.0; text = ""'),
    "lost": board('from = 0.0; to = 1.0; text = "ball"', 'at = 1.5; image = "nowhere.png"'),
    "broken": board(head="seconds = = 2.0"),
}

MADE = [  # a verb, its arguments, the frames that come out, and the file's name
    ("generate", "ball --image {}/still.png --frames 6", 6, "ball-3.mp4"),
    ("generate", "ball --image {}/still.png --last {}/still.png", 9, "ball-3.mp4"),
    ("generate", "ball --image {}/big.png --fit crop", 9, "ball-3.mp4"),
    ("extend", "{}/in.mp4 --seconds 0.75", 15, "in-extended-3.mp4"),
    ("extend", "{}/in.mp4 ball --seconds 0.5 --before", 13, "in-extended-3.mp4"),
    ("loop", "{}/in.mp4 --seconds 0.5", 13, "in-loop-3.mp4"),
    ("connect", "{}/in.mp4 {}/other.mp4 --seconds 0.5", 20, "in-to-other-3.mp4"),
    ("connect", "{}/in.mp4 {}/other.mp4 --blend 0.5", 12, "in-to-other-3.mp4"),
    ("connect", "{}/in.mp4 {}/big.mp4 --fit stretch", 26, "in-to-big-3.mp4"),
    ("edit", "{}/in.mp4 ball --strength 0.6", 9, "in-edited-3.mp4"),
    ("edit", "{}/big.mp4 ball --fit pad", 9, "big-edited-3.mp4"),
    ("edit", "{}/fast.mp4 ball --rate resample", 3, "fast-edited-3.mp4"),
    ("inpaint", "{}/in.mp4 ball --mask {}/mask.png", 9, "in-inpainted-3.mp4"),
    ("recut", "{}/in.mp4 --from 0.25 --to 0.75 --seconds 1.5", 12, "in-recut-3.mp4"),
    ("storyboard", "{}/board.toml", 16, "board-3.mp4"),
    ("minute", "ball --seconds 2", 16, "ball-3.mp4"),
]


@pytest.mark.parametrize(("name", "arguments", "frames", "file"), MADE)
def test_each_verb_writes_a_video_that_says_what_made_it(
    capsys, place: Path, model: Path, inputs: Path, name: str, arguments: str, frames: int, file: str
) -> None:
    given = arguments.format(inputs, inputs).split()
    run = Run(capsys, name, *given, "--model", model, "--seed", 3)
    assert run.code == 0, run.err
    assert [str(place / file)] == run.out.split() and [path.name for path in place.iterdir()] == [file]
    info = video.probe(place / file)
    assert (info.frames, info.fps) == (frames, FPS)
    assert info.metadata["ability"] == name and info.metadata["seed"] == "3"
    parents = [Path(each) for each in given if each.startswith("/") and not each.endswith(".toml")]
    assert all(sha256(parent) in info.metadata["parents"] for parent in parents)
    assert not any(parent.name in info.metadata.get("parents", "") for parent in parents)
    if "--fit" in given:
        assert "66x40" in info.metadata["parents"]


def test_an_image_is_a_png_that_says_what_made_it(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "image", "a ball", "--model", model, "--variations", 2, "-o", "a.png")
    assert run.code == 0, run.err
    assert run.out.split() == [str(place / "a-0.png"), str(place / "a-1.png")]
    with Image.open(place / "a-1.png") as picture:
        assert picture.size == (32, 32) and picture.text["ability"] == "image" and picture.text["seed"] == "1"


def test_variations_are_what_their_seeds_give_alone(capsys, place: Path, model: Path) -> None:
    several = Run(capsys, "generate", "ball", "--model", model, "--seed", 4, "--variations", 2, "-o", "v.mp4")
    assert several.code == 0, several.err
    assert [Path(line).name for line in several.out.split()] == ["v-4.mp4", "v-5.mp4"]
    alone = Run(capsys, "generate", "ball", "--model", model, "--seed", 5, "-o", "alone.mp4")
    assert alone.code == 0
    one, five, four = (video.read(place / name) for name in ("alone.mp4", "v-5.mp4", "v-4.mp4"))
    assert (one == five).all() and (one != four).any()
    before = (place / "v-4.mp4").read_bytes()
    taken = Run(capsys, "generate", "ball", "--model", model, "--seed", 3, "--variations", 2, "-o", "v.mp4")
    assert taken.code == 2 and "v-4.mp4 exists" in taken.err
    assert not (place / "v-3.mp4").exists() and (place / "v-4.mp4").read_bytes() == before


def test_expansions_are_shown_and_recorded(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "red ball", "--model", model, "-o", "a.mp4")
    expansion, noted = run.err.splitlines()
    assert run.code == 0 and "filled in" in expansion and noted == NOTED
    facts = video.probe(place / "a.mp4").metadata
    assert facts["asked"] == "red ball" and "red ball" in facts["prompt"] != "red ball" and facts["prompt"] in run.err
    plain = Run(capsys, "generate", "red ball", "--model", model, "-o", "b.mp4", "--expand", "off")
    assert (plain.code, plain.err.strip()) == (0, NOTED) and "asked" not in video.probe(place / "b.mp4").metadata


def test_a_board_keeps_its_own_seed_unless_another_is_given(capsys, place: Path, model: Path, inputs: Path) -> None:
    for options, seed in (([], "5"), (["--seed", "6"], "6")):
        run = Run(capsys, "storyboard", inputs / "seeded.toml", "--model", model, *options)
        assert run.code == 0, run.err
        facts = video.probe(place / f"seeded-{seed}.mp4").metadata
        assert facts["seed"] == seed and " | " in facts["prompt"] and run.err.count("filled in") == 2


LONG = "ball " * 2000
FOOTAGE = {  # what each verb that takes a video needs beside it
    "extend": "{video}",
    "loop": "{video}",
    "connect": "{video} {folder}/in.mp4",
    "edit": "{video} ball",
    "inpaint": "{video} ball --mask {folder}/mask.png",
    "recut": "{video} --seconds 2",
}
BAD_VIDEOS = [
    ("nowhere.mp4", "nowhere.mp4 does not exist"),
    (".", "is a folder"),
    ("cut.mp4", "cut.mp4 is cut short"),
    ("words.mp4", "words.mp4 cannot be read as video"),
    ("empty.mp4", "empty.mp4 cannot be read as video"),
    ("big.mp4", "66x40"),
    ("fast.mp4", "24 frames a second"),
]
MISTAKES = [
    ("generate", "ball --image {}/nowhere.png", "nowhere.png does not exist"),
    ("generate", "ball --image {}/words.png", "words.png is not a picture"),
    ("generate", "ball --image {}/big.png", "66x40"),
    ("generate", "ball --image {}/still.png --size 48x32", "48x32"),
    ("generate", "ball --image {}/still.png --fit squeeze", "--fit"),
    ("generate", "ball --last {}/in.mp4", "in.mp4"),
    ("image", "ball -o a.mp4", "name it a.png"),
    ("image", "ball --size 64", "'64'"),
    ("image", "ball --size 33x32", "33x32"),
    ("image", "ball --size 32x32x5", "give the frames once"),
    ("minute", "ball --seconds 0", "seconds 0"),
    ("minute", "ball --seconds -1", "seconds -1"),
    ("minute", "ball --seconds 600", "seconds 600"),
    ("minute", "ball --seconds soon", "--seconds"),
    ("minute", "ball --size 32x34", "32x34"),
    ("extend", "{}/in.mp4 --seconds 0", "seconds 0"),
    ("extend", "{}/in.mp4 --seconds -1", "seconds -1"),
    ("extend", "{}/in.mp4 --seconds 600", "seconds 600"),
    ("extend", "{}/in.mp4 --seconds 0.3", "use 0.25 or 0.375"),
    ("loop", "{}/in.mp4 --seconds 0", "seconds 0"),
    ("connect", "{}/in.mp4", "second"),
    ("connect", "{}/in.mp4 {}/big.mp4", "66x40"),
    ("connect", "{}/in.mp4 {}/fast.mp4", "24 frames a second"),
    ("connect", "{}/in.mp4 {}/other.mp4 --seconds 1 --blend 0.5", "exclude each other"),
    ("connect", "{}/in.mp4 {}/other.mp4 --blend 5", "blend 5"),
    ("edit", "{}/in.mp4", "prompt"),
    ("edit", "{}/in.mp4 ball --strength 0", "strength 0"),
    ("edit", "{}/in.mp4 ball --strength 1.5", "strength 1.5"),
    ("edit", "{}/in.mp4 ball --strength nan", "strength nan"),
    ("inpaint", "{}/in.mp4 ball", "--mask"),
    ("inpaint", "{}/in.mp4 ball --mask {}/big.png", "66x40"),
    ("inpaint", "{}/in.mp4 ball --mask {}/words.png", "words.png is not a picture"),
    ("inpaint", "{}/in.mp4 ball --mask {}/black.png", "no white pixel"),
    ("recut", "{}/in.mp4", "--seconds"),
    ("recut", "{}/in.mp4 --from 0.75 --to 0.25 --seconds 2", "0.75"),
    ("recut", "{}/in.mp4 --from 5 --seconds 9", "5 s"),
    ("recut", "{}/in.mp4 --seconds 0.5", "seconds 0.5"),
    ("storyboard", "{}/nowhere.toml", "nowhere.toml does not exist"),
    ("storyboard", "{}/overlapping.toml", "overlap"),
    ("storyboard", "{}/unsorted.toml", "unsorted.toml: card 2"),
    ("storyboard", "{}/cardless.toml", "no cards"),
    ("storyboard", "{}/endless.toml", "seconds -1"),
    ("storyboard", "{}/misspelt.toml", "txt"),
    ("storyboard", "{}/speechless.toml", "speechless.toml: card 1"),
    ("storyboard", "{}/lost.toml", "nowhere.png"),
    ("storyboard", "{}/broken.toml", "not TOML"),
    ("storyboard", "{}/in.mp4", "not text in UTF-8"),
]
EVERY = {  # what every verb needs at least
    "generate": "ball",
    "image": "ball",
    "minute": "ball",
    **{name: said.replace("{video}", "{folder}/in.mp4") for name, said in FOOTAGE.items()},
}


def refused(capsys, place: Path, words: str, *arguments: object) -> None:
    """A mistake is one line that says it, exit code 2, and leaves nothing."""
    there = sorted(place.iterdir())
    run = Run(capsys, *arguments)
    assert (run.code, run.out) == (2, ""), run.err
    assert run.err.startswith("langit: ") and run.err.count("\n") == 1 and words in run.err, run.err
    assert sorted(place.iterdir()) == there


@pytest.mark.parametrize(("file", "words"), BAD_VIDEOS)
@pytest.mark.parametrize("name", FOOTAGE)
def test_videos_that_cannot_be_used(
    capsys, place: Path, model: Path, inputs: Path, name: str, file: str, words: str
) -> None:
    given = FOOTAGE[name].format(video=inputs / file, folder=inputs).split()
    refused(capsys, place, words, name, *given, "--model", model)


@pytest.mark.parametrize(("name", "arguments", "words"), MISTAKES)
def test_mistakes_of_each_verb(
    capsys, place: Path, model: Path, inputs: Path, name: str, arguments: str, words: str
) -> None:
    refused(capsys, place, words, name, *arguments.format(inputs, inputs).split(), "--model", model)


@pytest.mark.parametrize("name", EVERY)
def test_mistakes_with_the_options_that_all_verbs_share(
    capsys, place: Path, model: Path, inputs: Path, name: str
) -> None:
    suffix = "png" if name == "image" else "mp4"
    (place / f"there.{suffix}").write_bytes(b"kept")
    given = EVERY[name].format(folder=inputs).split()
    for options, words in (
        (["-o", f"there.{suffix}"], "exists"),
        (["-o", f"none/a.{suffix}"], "none is not a folder"),
        (["-o", "a.avi"], f"name it a.{suffix}"),
        (["--steps", "0"], "--steps"),
        (["--guidance", "-1"], "guidance -1"),
        (["--solver", "magic"], "no solver is named 'magic'"),
        (["--negative", LONG], "9999 characters"),
        (["--seed", "-1"], "--seed"),
        (["--model", "nonesuch"], "no model 'nonesuch'"),
        (["--preview", "a.jpg"], "name it a.png"),
    ):
        chosen = [] if "--model" in options else ["--model", model]
        refused(capsys, place, words, name, *given, *options, *chosen)
    assert (place / f"there.{suffix}").read_bytes() == b"kept"


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("prompt", "words"), [("?!", "has no words"), (LONG, "characters: shorten it"), ("красный мяч", "Cyrillic")]
)
def test_prompts_that_cannot_be_read(
    capsys, place: Path, model: Path, inputs: Path, name: str, prompt: str, words: str
) -> None:
    given = [each for each in EVERY[name].format(folder=inputs).split() if each != "ball"]
    refused(capsys, place, words, name, *given, "--model", model, "--expand", "off", "--", prompt)
