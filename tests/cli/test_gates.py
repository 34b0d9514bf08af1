"""The verbs `gate` and `likeness`, as a person runs them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cli.running import Run


def test_a_prompt_passes_or_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "gate", "puppies playing in snow")
    assert (run.code, run.out, run.err) == (0, "passes\n", "")
    run = Run(capsys, "gate", "the b3h3ading of a prisoner")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert run.err.startswith("langit: refused by rule violence ('b3h3ading'") and "docs/gates.md" in run.err


def test_settings_are_those_of_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    home = Path(os.environ["LANGIT_HOME"])
    home.mkdir()
    (home / "release.toml").write_text('[prompt]\nviolence = "flag"\n')
    run = Run(capsys, "gate", "the beheading of a prisoner")
    assert run.code == 0 and run.out.startswith("flagged by rule violence: 'beheading'")
    (home / "release.toml").write_text('[prompt]\nguard = "m@http://127.0.0.1:1"\n')
    run = Run(capsys, "gate", "puppies playing in snow")
    assert run.code == 2 and "the guard http://127.0.0.1:1/v1/moderations cannot be reached" in run.err


def test_consent_is_granted_listed_asked_and_withdrawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    form = tmp_path / "form.txt"
    form.write_text("I agree.")
    shown = "Barack Obama rides a horse"
    assert Run(capsys, "likeness", "list").out == "nobody has agreed to be shown\n"
    assert Run(capsys, "gate", shown).code == 2
    run = Run(capsys, "likeness", "grant", "Barack Obama", "--scope", "ability:generate", "--evidence", form)
    assert run.code == 0 and run.out.startswith("Barack Obama may be shown (ability:generate) until it is withdrawn")
    assert Run(capsys, "gate", shown).code == 0
    assert Run(capsys, "gate", shown, "--ability", "extend").code == 2
    assert Run(capsys, "likeness", "revoke", "Barack Obama", "--erase").code == 0
    assert Run(capsys, "likeness", "list").out.startswith("revoked   (erased): ability:generate")
    assert Run(capsys, "gate", shown).code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gate", " "), "has no words"),
        (("likeness", "revoke", "Sarah Miller"), "there is no ledger"),
        (("likeness", "grant", "Sarah Miller", "--scope", "all", "--evidence", "none.pdf"), "none.pdf cannot be used"),
        (("likeness", "grant", "Sarah Miller", "--evidence", "none.pdf"), "--scope"),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    run = Run(capsys, *arguments)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1) and words in run.err


def test_the_classifier_says_that_it_judged_with_its_score_and_can_be_switched_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    veiled = "the boss wants the witness gone before breakfast"
    run = Run(capsys, "gate", veiled)
    assert run.code == 2 and "refused by rule classifier (a learnt classifier, which may err" in run.err
    run = Run(capsys, "gate", veiled, "--json")
    (finding,) = json.loads(run.out)["findings"]
    assert (run.code, finding["rule"], finding["action"]) == (2, "classifier", "refuse")
    assert 0.9 < finding["score"] <= 1
    run = Run(capsys, "gate", "the beheading of a prisoner", "--json")
    assert [set(one) for one in json.loads(run.out)["findings"]] == [{"rule", "action", "why"}]
    home = Path(os.environ["LANGIT_HOME"])
    home.mkdir(exist_ok=True)
    (home / "release.toml").write_text('[prompt]\nclassifier = "off"\n')
    assert Run(capsys, "gate", veiled).out == "passes\n"
