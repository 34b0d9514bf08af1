"""Verbs that answer programs: --json prints one value on stdout, and prompts can come from a file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from cli.running import Run

from langit.files import sha256


def test_generating_answers_with_a_line_for_each_file(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "red ball", "--model", model, "--variations", 2, "--steps", 1, "--json")
    assert run.code == 0, run.err
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert [answer["seed"] for answer in answers] == [0, 1]
    for answer in answers:
        assert answer["sha256"] == sha256(Path(answer["path"])) and answer["asked"] == "red ball"
        assert (answer["width"], answer["height"], answer["frames"], answer["steps"]) == (32, 32, 9, 1)
        assert any("filled in" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ("gate 'a red ball'", {"prompt", "passes", "findings"}),
        ("bundle check {model} --render 0", {"path", "model", "holds", "findings"}),
        ("likeness list", {"consents"}),
        ("keys show", set()),
    ],
)
def test_other_verbs_answer_with_one_value(capsys, place: Path, model: Path, arguments: str, keys: set[str]) -> None:
    run = Run(capsys, *shlex.split(arguments.format(model=model)), "--json")
    answer = json.loads(run.out)
    assert keys <= answer.keys()


def test_a_refused_prompt_is_an_answer_with_exit_code_2(capsys) -> None:
    run = Run(capsys, "gate", "a naked child", "--json")
    answer = json.loads(run.out)
    assert run.code == 2 and not answer["passes"] and answer["findings"][0]["action"] == "refuse"


def test_prompts_come_from_a_file(capsys, place: Path, model: Path) -> None:
    (place / "prompts.txt").write_text("\ufeff# two of them\nred ball\n\n  blue cube \nred ball\n", encoding="utf-8")
    (place / "films").mkdir()
    run = Run(capsys, "generate", "--prompts", "prompts.txt", "-o", "films", "--model", model, "--steps", 1)
    assert run.code == 0, run.err
    names = ["red-ball-0.mp4", "blue-cube-0.mp4", "red-ball-0-2.mp4"]
    assert [Path(line).name for line in run.out.split()] == names
    assert sorted(path.name for path in (place / "films").iterdir()) == sorted(names)
    (place / "one.txt").write_text("green ring\n")
    one = Run(capsys, "generate", "--prompts", "one.txt", "-o", "films", "--model", model, "--steps", 1)
    assert one.out.split() == [str(place / "films" / "green-ring-0.mp4")], one.err
    here = Run(capsys, "image", "--prompts", "prompts.txt", "--model", model, "--steps", 1)
    assert [Path(line).parent for line in here.out.split()] == [place] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--prompts nowhere.txt", "nowhere.txt"),
        ("--prompts empty.txt", "empty.txt has no prompts"),
        ("--prompts binary.txt", "binary.txt is not text in UTF-8"),
        ("ball --prompts two.txt", "exclude each other"),
        ("--prompts two.txt -o a.mp4", "a.mp4 is not a folder"),
        ("--prompts bad.txt", "has no words"),
        ("", "the prompt is missing"),
    ],
)
def test_files_of_prompts_that_cannot_be_used(capsys, place: Path, model: Path, arguments: str, words: str) -> None:
    (place / "empty.txt").write_text("# nothing\n")
    (place / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (place / "two.txt").write_text("ball\ncube\n")
    (place / "bad.txt").write_text("ball\n?!\n")
    before = sorted(place.iterdir())
    run = Run(capsys, "generate", *arguments.split(), "--model", model)
    assert (run.code, run.out) == (2, "") and words in run.err and run.err.count("\n") == 1
    assert sorted(place.iterdir()) == before
