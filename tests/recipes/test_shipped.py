"""A model on a machine that never trained: its own record answers whose footage it saw, and can be audited."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from cli.running import Run

from langit.config import home as langit_home
from langit.feed.traces import read_model
from langit.ledger import shipped
from langit.ledger.archive import Archive, UnprovedError, write_parts
from langit.ledger.store import Ledger

pytestmark = pytest.mark.slow  # trains the tiny recipe, which renders its films first


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from langit import recipes
    from langit.recipes.run import run

    place = tmp_path_factory.mktemp("trained")
    return run(recipes.find("tiny"), workers=1, report=lambda *_: None, home=place)


@pytest.fixture
def fresh(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model's folder in a home without a ledger."""
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = langit_home() / "models" / "tiny"
    shutil.copytree(trained, folder)
    return folder


def test_the_record_holds_every_clip_that_was_seen(trained: Path) -> None:
    model = read_model(trained)
    record = model.record
    assert record is not None and {*record.exposures} == {stage.name for stage in model.stages}
    ledger = Ledger(trained.parents[1] / "ledger")
    seen = {clip for stage in model.with_logs(record.exposures).stages if stage.log for clip in stage.log.seen}
    assert seen == {clip.digest for clip in record.snapshot.clips()} and seen
    assert record.snapshot.root() == ledger.root_at(model.ledger_size)
    assert (trained / shipped.FILE).stat().st_size < 40_000


def test_a_fresh_machine_answers_and_audits(
    capsys: pytest.CaptureFixture[str], fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whose = Run(capsys, "ledger", "whose", "tiny")
    assert whose.code == 0 and "by Langit, CC0-1.0" in whose.out and "clips seen" in whose.out, whose.err
    assert "exposure logs not here" not in whose.out
    state = Run(capsys, "ledger", "state", "eu", "--model", "tiny", "-o", "statement")
    assert state.code == 0 and "clips of" in Path("statement", "training-content.md").read_text(), state.err
    assert Run(capsys, "ledger", "audit", "tiny", "-o", "tiny.zip").code == 0
    monkeypatch.setenv("LANGIT_HOME", str(Path("stranger").absolute()))
    checked = Run(capsys, "ledger", "check", "tiny.zip", "--model", fresh)
    assert checked.code == 0 and "fails" not in checked.out, checked.out + checked.err
    assert "not signed" in checked.out and "clips were allowed by policy" in checked.out
    assert checked.out.count("the exposure log is the one that the model names") == 5
    assert not Path("stranger").exists() and not (langit_home() / "ledger").exists()


@pytest.mark.parametrize("part", ["log.json", "records.packed", "policy.json", "exposures/scenes"])
def test_a_changed_record_is_not_believed(fresh: Path, part: str) -> None:
    file = fresh / shipped.FILE
    archive = Archive(file)
    parts = {name: archive.part(name) for name in archive.names()}
    changed = parts[part].replace(b"CC0-1.0", b"CC1-1.0") if part != "exposures/scenes" else parts[part][8:]
    if part == "log.json":
        changed = changed.replace(b'"size":', b'"size":1')
    write_parts(file, parts | {part: changed}, zipfile.ZIP_LZMA)
    if part == "policy.json":
        record = read_model(fresh).record  # the policy is its maker's word, and audits say so
        assert record is not None and "CC1-1.0" in record.policy.allowed
        return
    with pytest.raises(UnprovedError):
        _ = read_model(fresh).record


def test_another_models_record_is_not_believed(fresh: Path, tmp_path: Path) -> None:
    other = Ledger(tmp_path / "other")
    ledger = read_model(fresh).record
    assert ledger is not None
    other.add([*ledger.snapshot.sources()[:3]])
    shipped.write_record(fresh / shipped.FILE, other, other.digests(), {}, [other.digests()[0]])
    with pytest.raises(UnprovedError, match="of another ledger"):
        _ = read_model(fresh).record
