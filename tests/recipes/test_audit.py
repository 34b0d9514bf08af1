"""What a run leaves on record can be audited: `langit train`, `ledger audit` and `ledger check`, as typed.

Each test has a home of its own, so that nothing else is on record in it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cli.running import Run
from curate.making import encode, film

from langit import config, recipes
from langit.feed.exposure import ExposureLog
from langit.ledger.store import Ledger
from langit.recipes.films import RunPaths

CAPTIONS = ("a bright picture slides left", "a dark picture slides right", "shapes pass by", "colours pass by")
pytestmark = pytest.mark.slow  # each trains the tiny recipe, which renders its films first


class Home:
    """LANGIT_HOME of a test, in which verbs are run one after another; each must succeed."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.capsys = place / "home", capsys
        monkeypatch.setenv("LANGIT_HOME", str(self.place))
        monkeypatch.chdir(place)

    def __call__(self, *words: object, code: int = 0) -> str:
        run = Run(self.capsys, *words)
        assert run.code == code, (words, run.out, run.err)
        return run.out

    def add_footage(self, folder: str = "footage") -> None:
        """Add and curate four short films with captions, as manifest "mine"."""
        Path(folder).mkdir()
        for number, caption in enumerate(CAPTIONS):
            path = encode(Path(folder, f"{number}.mp4"), film(2 * number + 1, 2 * number + 2, frames=30))
            path.with_suffix(".txt").write_text(caption + "\n", encoding="utf-8")
        self("ledger", "add", folder, "--licence", "CC0-1.0", "--creator", "Somebody")
        Path("mine.toml").write_text(f'name = "mine"\nfootage = "{folder}"\n[limits]\nsharpness = 1.0\n')
        self("curate", "mine.toml")

    def train(self, *words: str) -> Path:
        return Path(self("train", "tiny", *words, "--workers", 1).strip().splitlines()[-1])

    def audit(self, name: str) -> Path:
        """Audit a model and check the file, once with nothing else and once beside the model."""
        file = Path(f"{name}.audit.zip").absolute()
        self("ledger", "audit", name, "-o", file)
        self("ledger", "check", file)
        self("ledger", "check", file, "--model", self.place / "models" / name)
        self("ledger", "verify")
        return file

    def seen(self, name: str) -> set[str]:
        logs = RunPaths(self.place, name).run.glob("*/exposure.log")
        return {clip for log in logs for _, clip in ExposureLog(log).read()}


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path, capsys, monkeypatch)


def test_a_model_of_films_of_several_worlds(home: Home) -> None:
    home.train("name=only")
    file = home.audit("only")
    with zipfile.ZipFile(file) as parts:
        assert "model/provenance.json" in parts.namelist()
    assert "clips seen" in home("ledger", "whose", "only")
    home("ledger", "state", "eu", "--model", "only", "-o", "statement")


def test_footage_in_the_home_that_the_model_did_not_use(home: Home) -> None:
    home.add_footage()
    home.train("name=beside")
    clips = Ledger(home.place / "ledger").clips()
    footage = {clip.digest for clip in clips if clip.fps is not None}
    assert footage and not footage & home.seen("beside")
    home.audit("beside")


def test_a_model_that_learnt_a_manifest(home: Home) -> None:
    home.add_footage()
    home.train("name=with-mine", "--manifest", "mine")
    listed = Ledger(home.place / "ledger").manifests()[-1]
    clips = set(Ledger(home.place / "ledger").evidence.get(listed.listing).decode().split())
    assert clips & home.seen("with-mine"), "some footage was learnt"
    home.audit("with-mine")
    assert "CC0-1.0" in home("ledger", "whose", "with-mine")


def test_a_model_of_footage_alone_and_one_that_begins_from_it(home: Home) -> None:
    home.add_footage()
    tiny = recipes.find("tiny")
    stage = replace(tiny.stages[0], films=(), sizes=("32x32x9",), autoencoder="")
    changes = [f"stages={json.dumps([config.dump(stage)])}", "distil=[]"]
    first = json.dumps([config.dump(tiny.autoencoder_stages[0])])
    home.train("name=alone", "--manifest", "mine", *changes, f"autoencoder_stages={first}")
    home.audit("alone")
    home.train("name=later", "--manifest", "mine", "--base", "alone", *changes, "autoencoder_stages=[]")
    home.audit("later")


def test_a_clip_that_was_revoked_after_training_does_not_break_the_audit(home: Home) -> None:
    home.add_footage()
    home.train("name=taken", "--manifest", "mine")
    clip = next(iter(Ledger(home.place / "ledger").clips()))
    home("ledger", "revoke", "--hash", clip.digest, "--reason", "its owner asked for it")
    home.audit("taken")
