"""A run learns the clips of its manifest and no others, though the ledger allows more; and its log is its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from feed import test_footage, test_pieces
from feed.test_exposure_columns import _filled
from ledger.lived import live

from langit.feed.catalogue import ClipRecords
from langit.feed.exposure import open_exposure_log
from langit.feed.footage import find_training_set, footage_clips, held_out_footage
from langit.feed.pieces import bucketed_held_out, manifest_sizes, plan_footage
from langit.feed.traces import find_artifacts
from langit.ledger.policy import Policy
from langit.train import checkpoint


def test_footage_that_is_on_no_list_is_not_learnt(tmp_path: Path) -> None:
    ledger, _, clips, path = test_footage.entered(tmp_path)
    records, chosen = ClipRecords.read(ledger, Policy()), find_training_set(ledger, "set")
    allowed = {clip.digest for clip in records.clips}
    (tmp_path / "places.json").write_text(json.dumps({ledger.sources()[0].content_sha256: str(path)}))
    few = replace(chosen, clips=frozenset({clips[0].digest}))
    found = footage_clips(
        records, few, tmp_path / "places.json", tmp_path / "frames", test_footage.WANTED, lambda *_: None
    )
    assert [one.digest for one in found] == [clips[0].digest] and clips[2].digest in allowed
    with pytest.raises(ValueError, match="has 1 captioned clips"):
        held_out_footage(records, few, test_footage.WANTED)
    gone = replace(chosen, clips=frozenset({"ab" * 32}))
    with pytest.raises(ValueError, match="the ledger does not hold them"):
        footage_clips(records, gone, tmp_path / "places.json", tmp_path, test_footage.WANTED, lambda *_: None)


def test_pieces_are_of_listed_clips_alone(tmp_path: Path) -> None:
    ledger, clips, _ = test_pieces.entered(tmp_path)
    records, chosen = ClipRecords.read(ledger, Policy()), find_training_set(ledger, "set")
    few = replace(chosen, clips=frozenset({*clips[:2], "ab" * 32}))
    sizes = manifest_sizes(records, few, test_pieces.CONFIG, 4.0)
    plan = plan_footage(records, few, sizes, 4.0)
    assert {piece.clip.digest for piece in plan.pieces} <= {*clips[:2]}
    assert plan.left_out == {"which the ledger does not hold": 1}
    assert bucketed_held_out(records, few, sizes, 4.0) < {*clips[:2]}
    short = replace(chosen, clips=frozenset({clips[2]}))
    with pytest.raises(ValueError, match="none of its 1 clips is large and long enough"):
        manifest_sizes(records, short, test_pieces.CONFIG, 4.0)


def test_a_log_is_cut_where_a_step_ends(tmp_path: Path) -> None:
    log = _filled(tmp_path / "exposure.log", 3, 5, True)
    with pytest.raises(ValueError, match="rows end within a step"):
        open_exposure_log(log.path).cut(6)
    with pytest.raises(ValueError, match="rows, the checkpoint saw 1000"):
        open_exposure_log(log.path).cut(1000)
    again = open_exposure_log(log.path)
    again.cut(5)
    assert again.rows == 5


def test_a_log_of_as_many_rows_is_not_taken_for_a_models(tmp_path: Path) -> None:
    """What a model saw is read from the log whose root it names, and from no other."""
    lived = live(tmp_path / "home")
    log = lived.home / "runs" / "tiny" / "scenes" / "exposure.log"
    log.write_bytes(log.read_bytes()[:-1] + b"\x00")
    model = next(one for one in find_artifacts(lived.home).models if one.name == "tiny")
    assert {stage.name: stage.log is not None for stage in model.stages} == {"autoencoder": True, "scenes": False}


def test_half_a_checkpoint_is_none(tmp_path: Path) -> None:
    for name in ("step-00000004", "step-00000008.part", "step-8", "step-00000002"):
        (tmp_path / name).mkdir()
    assert checkpoint.latest(tmp_path) == tmp_path / "step-00000004"
