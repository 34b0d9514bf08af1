"""What the verb evaluate is asked for: options that do not go together are refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import Run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--abilities --prompts 3", "--abilities is measured on films, not on --prompts"),
        ("--abilities --seeds 1", "give --films"),
        ("--films 8", "--films 8 are what --abilities are measured on"),
        ("--abilities --films 1", "1 films cannot be connected with each other: use at least 2"),
        ("--abilities --films 0", "--films"),
        ("--abilities", "no model 'nonesuch'"),
        ("--physics --seeds 2", "--physics makes one video of each of --prompts"),
        ("--physics --prompts 3", "3 prompts cannot be shared"),
        ("--physics", "no model 'nonesuch'"),
        ("--story --physics", "--story is a report of its own"),
        ("--story --prompts 2", "2 prompts cannot tell of puppies, traveller, window: use at least 3"),
        ("--story", "no model 'nonesuch'"),
        ("sampling.steps=4 --careful", "no model 'nonesuch'"),
    ],
)
def test_options_that_cannot_be_met(
    options: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(capsys, "evaluate", "nonesuch", *options.split())
    assert run.code == 2
    assert said in run.err
    assert run.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["", "--abilities", "--physics", "--story"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sampling.stepz=3", "unknown key 'stepz' in 'sampling': did you mean 'steps'?"),
        ("steps=3", "unknown key 'steps'"),
        ("sampling.steps=0", "0 steps cannot make a video"),
        ("sampling.adapter=fast", "this model has no adapter 'fast': it has none"),
    ],
)
def test_a_wrong_change_of_sampling_is_one_line_and_leaves_nothing(
    change: str, said: str, kind: str, capsys: pytest.CaptureFixture[str], place: Path, model: Path
) -> None:
    run = Run(capsys, "evaluate", model, change, *kind.split())
    assert run.code == 2
    assert said in run.err and run.err.count("\n") == 1
    assert list(place.iterdir()) == []
