"""The watermark's id follows from all facts, and from nothing else; undisclosed training data are said to be so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from release.leaving import FACTS

from langit.release.credentials.identity import Identity
from langit.release.credentials.read import read
from langit.release.credentials.sign import sign
from langit.release.facts import Facts, LedgerState, Parent, Undisclosed

PARENT = Parent("a.mp4", "12" * 32, ("cropped",))
CHANGES = {
    "model": "other",
    "prompt": "bola biru",
    "seed": 8,
    "fps": 16.0,
    "steps": 26,
    "guidance": 4.5,
    "provenance": "sha256:" + "cd" * 32,
    "ledger": LedgerState("langit/tiny", 4, "cd" * 32),
    "ability": "extend",
    "asked": "a ball",
    "sampling": '{"steps":26}',
    "parents": (PARENT,),
    "placement": "bf16 on a GPU",
    "base": '{"source":"Wan-AI/Wan2.1-T2V-1.3B-Diffusers"}',
}


def test_every_fact_changes_the_id() -> None:
    assert set(CHANGES) == set(vars(FACTS))
    marks = {replace(FACTS, **{name: value}).mark for name, value in CHANGES.items()}
    marks |= {replace(FACTS, parents=(replace(PARENT, name="b.mp4"),)).mark, FACTS.mark}
    marks |= {replace(FACTS, parents=(replace(PARENT, done=()),)).mark}
    marks |= {replace(FACTS, ledger=Undisclosed("Somebody")).mark}
    assert len(marks) == len(CHANGES) + 4


def test_equal_facts_have_equal_ids_wherever_the_parent_lies() -> None:
    here, there = (replace(FACTS, parents=(replace(PARENT, path=Path(place)),)) for place in ("/a", "/b"))
    assert here.mark == there.mark
    # Old videos are found by this id: it must not change.
    assert FACTS.mark.hex() == "f399c4ee348e1d20"


@pytest.mark.parametrize("ability", ["generate", "extend"])
def test_undisclosed_training_data_are_signed_and_read_as_such(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path, ability: str
) -> None:
    undisclosed = replace(facts, ledger=Undisclosed("Wan Team"), ability=ability)
    sign(plain, tmp_path / "a.mp4", undisclosed, own)
    credentials = read(tmp_path / "a.mp4", own.chain[-1:])
    assert credentials is not None and credentials.state == "trusted" and credentials.langit
    assert (credentials.undisclosed, credentials.ledger) == ("Wan Team", None)
    assert undisclosed.metadata()["training_data"] == "not disclosed by Wan Team"
    sign(plain, tmp_path / "b.mp4", facts, own)
    credentials = read(tmp_path / "b.mp4", own.chain[-1:])
    assert credentials is not None and credentials.undisclosed is None and credentials.ledger is not None
