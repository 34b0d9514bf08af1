"""The films and footage that a model was trained on are named with their owners and licences."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from bundle.miniature import make_provenance
from ledger.lived import Lived, live

from langit.bundle.provenance import Undisclosed
from langit.ledger.store import Ledger
from langit.release.training import describe_training


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return live(tmp_path_factory.mktemp("lived"))


def test_films_and_footage_are_named(lived: Lived) -> None:
    lines = describe_training(lived.name, lived.home, Ledger(lived.home / "ledger"))
    assert lines[0] == "4 films that were rendered for it"
    assert lines[-1] == "`langit ledger whose tiny` lists all of it"
    footage = "\n".join(lines[1:-1])
    # Rabbit was lent by somebody else than the holder whom a later statement names.
    assert "footage by The Heirs, CC-BY-3.0 (1): Rabbit" in footage
    assert "stream.webm" not in footage  # in the ledger, and never seen
    assert "worlds" not in footage  # rendered films are counted, not named


def test_without_its_ledger_only_the_films_are_known(lived: Lived, tmp_path: Path) -> None:
    shutil.copytree(lived.home / "models", tmp_path / "models")
    lines = describe_training(lived.name, tmp_path, None)
    assert lines == ("4 films that were rendered for it", "`langit ledger whose tiny` lists all of it")


def test_nothing_is_said_of_a_model_that_is_not_here(lived: Lived) -> None:
    assert describe_training("00" * 32, lived.home, Ledger(lived.home / "ledger")) == ()


def test_models_whose_makers_disclose_nothing_say_so(tmp_path: Path) -> None:
    provenance = replace(make_provenance(), ledger=Undisclosed("Wan Team"), films=None)
    (tmp_path / "models" / "wan").mkdir(parents=True)
    (tmp_path / "models" / "wan" / "provenance.json").write_text(provenance.text())
    digest = provenance.digest.removeprefix("sha256:")
    assert describe_training(digest, tmp_path, None) == ("not disclosed by its makers, Wan Team",)
    tuned = replace(make_provenance(), base=provenance.digest)
    (tmp_path / "models" / "tuned").mkdir()
    (tmp_path / "models" / "tuned" / "provenance.json").write_text(tuned.text())
    lines = describe_training(tuned.digest.removeprefix("sha256:"), tmp_path, None)
    assert lines[-1].endswith("which was trained on: not disclosed by its makers, Wan Team")
