"""Without a model on the command line, a file is compared with the clips of the model that made it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bundle.miniature import make_parts, make_provenance
from release.leaving import FACTS, clip

from langit import video
from langit.bundle import load_bundle, save_bundle
from langit.files import sha256
from langit.release.credentials.identity import identity
from langit.release.credentials.sign import sign
from langit.release.nearest.maker import DEFAULT, find_maker
from langit.release.outputs import Outputs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    save_bundle(tmp_path / "models" / "mine", make_parts(), make_provenance())
    return tmp_path


def test_the_model_is_the_one_that_the_credentials_name(home: Path) -> None:
    facts = replace(FACTS, provenance=load_bundle(home / "models" / "mine").provenance.digest)
    video.write(home / "plain.mp4", clip(), 8)
    sign(home / "plain.mp4", home / "own.mp4", facts, identity(home / "keys"))
    place, how = find_maker(home / "own.mp4", home)
    assert Path(place) == home / "models" / "mine" and "credentials" in how


def test_without_credentials_the_ledger_is_asked(home: Path) -> None:
    facts = replace(FACTS, provenance=load_bundle(home / "models" / "mine").provenance.digest)
    video.write(home / "plain.mp4", clip(), 8)
    assert find_maker(home / "plain.mp4", home)[0] == DEFAULT
    Outputs.of(home).enter(sha256(home / "plain.mp4"), facts)
    place, how = find_maker(home / "plain.mp4", home)
    assert Path(place) == home / "models" / "mine" and "ledger" in how


def test_a_model_that_is_not_here_is_named(home: Path) -> None:
    video.write(home / "plain.mp4", clip(), 8)
    sign(home / "plain.mp4", home / "own.mp4", FACTS, identity(home / "keys"))
    with pytest.raises(ValueError, match=r"model 'tiny' \(abababababababab…\), which is not on this machine.*--model"):
        find_maker(home / "own.mp4", home)
