"""Verbs that answer programs: --json prints one value on stdout, and prompts can come from a file."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.running import Run
from typer.main import get_command

from langit import video
from langit.cli import app
from langit.files import sha256

SPEAKS_OTHERWISE = {
    "serve": "answers by HTTP, and runs until it is stopped",
    "serve worker": "takes jobs until it is stopped",
    "mcp": "answers in the Model Context Protocol on stdout",
}
"""Verbs without --json, and why."""


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All commands below a command, by the words that call them."""
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*path, name))
    if not hasattr(command, "commands"):
        yield " ".join(path), command


def test_every_verb_that_answers_has_json() -> None:
    found = dict(verbs(get_command(app)))
    assert len(found) > 40  # the walk sees them
    without = {name for name, verb in found.items() if not any("--json" in each.opts for each in verb.params)}
    assert without <= SPEAKS_OTHERWISE.keys(), f"{without - SPEAKS_OTHERWISE.keys()} answer without --json"
    assert not any(name in found and name not in without for name in SPEAKS_OTHERWISE)


def test_generating_answers_with_a_line_for_each_file(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "red ball", "--model", model, "--variations", 2, "--steps", 1, "--json")
    assert run.code == 0, run.err
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert [answer["seed"] for answer in answers] == [0, 1]
    for answer in answers:
        assert answer["sha256"] == sha256(Path(answer["path"])) and answer["asked"] == "red ball"
        assert (answer["width"], answer["height"], answer["frames"], answer["steps"]) == (32, 32, 9, 1)
        assert any("filled in" in note for note in answer["notes"])


@pytest.fixture
def own_model(tmp_path: Path, model: Path) -> Path:
    """A copy of the model, for verbs that change one."""
    return Path(shutil.copytree(model, tmp_path / "own"))


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ("gate 'a red ball'", {"prompt", "passes", "findings"}),
        ("bundle check {model} --render 0", {"path", "model", "holds", "findings"}),
        ("bundle seal {model}", {"path", "model", "changed"}),
        ("bundle sign {model}", {"model", "verifier"}),
        ("bundle convert {model} small --dtype fp16", {"path", "model"}),
        ("likeness grant 'Ani Lestari' --scope all --evidence form.txt", {"name", "scopes", "ends", "entry"}),
        ("likeness list", {"consents"}),
        ("keys show", {"name", "fingerprint"}),
        ("ledger add footage --licence CC0-1.0", {"new", "known", "entries", "problems"}),
        pytest.param("worlds render 1 -o films --size 32x32x5", {"folder", "films"}, marks=pytest.mark.draws),
        ("runs pocket", {"folder", "report"}),
        ("serve keys add me", {"name", "key"}),
    ],
)
def test_other_verbs_answer_with_one_value(
    capsys, place: Path, own_model: Path, arguments: str, keys: set[str]
) -> None:
    (place / "footage").mkdir()
    video.write(place / "footage" / "a.mp4", np.full((4, 64, 64, 3), 90, np.uint8), 8)
    (place / "form.txt").write_text("yes")
    run = Run(capsys, *shlex.split(arguments.format(model=own_model)), "--json")
    answer = json.loads(run.out)  # one value, and nothing else on stdout
    assert keys <= answer.keys() and run.code == (2 if answer.get("holds") is False else 0), run.err


def test_consents_and_corrections_answer_with_one_value(capsys, place: Path) -> None:
    (place / "form.txt").write_text("yes")
    Run(capsys, "likeness", "grant", "Ani Lestari", "--scope", "all", "--evidence", "form.txt")
    gone = json.loads(Run(capsys, "likeness", "revoke", "Ani Lestari", "--json").out)
    assert len(gone["withdrawn"]) == 1 and gone["erased"] is False
    (place / "footage").mkdir()
    film = place / "footage" / "a.mp4"
    video.write(film, np.full((4, 64, 64, 3), 90, np.uint8), 8)
    Run(capsys, "ledger", "add", "footage", "--licence", "CC-BY-4.0")
    right = Run(capsys, "ledger", "correct", film, "--licence", "CC0-1.0", "--reason", "a slip", "--json")
    assert json.loads(right.out)["verdict"] == "allowed" and len(json.loads(right.out)["superseded"]) == 1
    assert json.loads(Run(capsys, "ledger", "key", "--json").out).keys() == {"key"}
    proof = json.loads(Run(capsys, "ledger", "prove", film, "-o", "a.tlog-proof", "--json").out)
    assert proof == {"files": ["a.tlog-proof"]}


def test_a_curation_that_keeps_nothing_answers_and_fails(capsys, place: Path) -> None:
    (place / "footage").mkdir()
    video.write(place / "footage" / "a.mp4", np.full((4, 64, 64, 3), 90, np.uint8), 8)
    (place / "c.toml").write_text('name = "c"\nfootage = "footage"\n')
    Run(capsys, "ledger", "add", "footage", "--licence", "CC0-1.0")
    run = Run(capsys, "curate", "c.toml", "--json")
    answer = json.loads(run.out)
    assert run.code == 2 and (answer["files"], answer["kept"], answer["manifest"]) == (1, 0, None)
    assert sum(answer["dropped"].values()) == answer["outcomes"] == 1


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
