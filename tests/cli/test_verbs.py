"""The command line as a whole, and the verbs beside those that make videos."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from cli.running import Run, process

from langit import cli, video
from langit.cli import entry
from langit.flow.solvers import SOLVERS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train nonesuch", "no recipe is named 'nonesuch'"),
        ("train pockt", "did you mean 'pocket'?"),
        ("train tiny stages.scenes.training.stepps=3", "did you mean 'steps'?"),
        ("train tiny nonesuch=3", "unknown key 'nonesuch'"),
        ("train tiny stages.scenes.training.steps=soon", "'soon'"),
        ("train tiny stages.scenes.training.steps=0", "steps=0"),
        ("train tiny stages.scenes.training.steps", "is not of the form key=value"),
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
        ("dance", "No such command 'dance': langit --help lists them"),
        ("ledger dance", "No such command 'dance': langit ledger --help lists them"),
        ("extend", "Missing argument 'video': write langit extend [OPTIONS]"),
        ("connect there", "Missing argument 'second': write langit connect [OPTIONS] FIRST SECOND [PROMPT]"),
        ("train lora", "Missing option '--model': write langit tune [OPTIONS]"),
        ("train pocket nonsense", "for example captions=8"),
        ("generate ball --dance", "No such option"),
        ("generate --prompts .", "--prompts . is a folder: name a text file"),
        ("serve --model nonesuch", "no model 'nonesuch'"),
        ("serve worker --model /nonesuch/model", "no model '/nonesuch/model'"),
        ("mcp --model nonesuch", "no model 'nonesuch'"),
        ("nearest there --png near.jpg", "near.jpg does not end in .png"),
        ("nearest there --html nowhere/near.html", "nowhere is not a folder"),
        ("ledger verify --ledger nowhere", "there is no ledger at nowhere"),
        ("ledger check .", ". is a folder: name a receipt"),
        ("generate a red ball", "(red ball): leave them out, or put words that belong together in quotation marks"),
        ("generate ball --seed -1", "Invalid value for '--seed': -1: it must be greater than or equal to 0"),
        ("generate ball --seed abc", "'--seed': abc: it must be a valid integer\n"),
        ("generate ball --quality best", "'--quality': 'best' is not one of 'fast', 'full'"),
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
    assert run.err.count("\n") == 1 and "failed the check (films)" in run.err


MAKING = ["generate", "image", "minute", "storyboard", "extend", "loop", "connect", "edit", "inpaint", "recut"]


@pytest.mark.parametrize("verb", MAKING)
def test_verbs_that_make_something_share_their_options(capsys, verb: str) -> None:
    run = Run(capsys, verb, "--help")
    assert run.code == 0
    for option in ("--seed", "--variations", "--output", "--overwrite", "--steps", "--expand", "--preview", *SOLVERS):
        assert option in run.out


def test_help_is_quick_and_names_every_verb() -> None:
    started = os.times()
    running = process("--help")
    out, _ = running.communicate()
    spent = os.times()
    assert running.returncode == 0
    for verb in (*MAKING, "worlds", "train", "evaluate", "bundle"):
        assert verb in out
    assert spent.children_user + spent.children_system - started.children_user - started.children_system < 1.0
    loaded = "import langit.cli, sys; sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'av')))"
    assert subprocess.run([sys.executable, "-c", loaded]).returncode == 0


def test_a_missing_extra_is_named(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(entry, "app", lambda *_, **__: lacking("mujoco"))
    run = Run(capsys, "worlds", "render", 1)
    assert run.code == 2 and "pip install 'langit[worlds]'" in run.err
    monkeypatch.setattr(entry, "app", lambda *_, **__: lacking("nonesuch"))
    with pytest.raises(ModuleNotFoundError):  # our own mistake keeps its traceback
        cli.main(["worlds"])


def test_the_version_names_what_results_depend_on(capsys) -> None:
    run = Run(capsys, "--version")
    assert run.code == 0 and run.out.startswith("langit 0.")
    for word in ("python 3.", "torch 2.", "numpy", platform.machine(), "model pocket sha256:"):
        assert word in run.out


def test_short_help_and_the_module_are_the_same_command(capsys) -> None:
    short, long = Run(capsys, "generate", "-h"), Run(capsys, "generate", "--help")
    assert short.code == 0 and short.out == long.out
    command = [sys.executable, "-m", "langit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("langit 0.")


def test_the_shell_can_complete_verbs() -> None:
    asked = {"_LANGIT_COMPLETE": "complete_bash", "COMP_WORDS": "langit gen", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "langit"]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True)
    assert done.stdout.split() == ["generate"], done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: free some space"),
        (OSError(errno.ENOSPC, "No space left on device", "a.png"), "the disk is full where a.png belongs"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "a cannot be used (Permission denied)"),
    ],
)
def test_errors_of_the_system_say_what_to_do(error: OSError, words: str) -> None:
    assert words in entry.describe_error(error)
