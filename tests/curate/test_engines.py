"""Daft's native runner and a local Ray give the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from curate.conftest import Enter
from curate.making import encode, film

from langit.curate import plan
from langit.curate.footage import list_files
from langit.ledger.store import Ledger

WALK = """
import base64, json, sys
from dataclasses import asdict
from pathlib import Path
from langit.curate.footage import list_files
from langit.files import sha256
from langit.curate.plan import PlanContext, SourceRights, run_plan, use_engine
from langit.curate.settings import Curation

engine, footage, cache = sys.argv[1:]
use_engine(engine)
found = list_files(footage)
known = {sha256(Path(i.place)): SourceRights("0" * 64, i.title != "b.mp4", "refused", "a rule") for i in found}
rows = run_plan([asdict(item) for item in found], PlanContext(Curation("set", footage), known, Path(cache)))
plain = lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
print("ROWS" + json.dumps(rows, default=plain, sort_keys=True))
"""


def rows(engine: str, footage: Path, cache: Path) -> list[dict[str, object]]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-c", WALK, engine, str(footage), str(cache)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found: list[dict[str, object]] = json.loads(ended.stdout.split("ROWS", 1)[1].splitlines()[0])
    return found


@pytest.mark.slow
def test_native_and_ray_give_the_same_rows(tmp_path: Path, footage: Path, ledger: Ledger, enter: Enter) -> None:
    encode(footage / "a.mp4", film(1, 2, frames=30))
    encode(footage / "b.mp4", film(3, frames=30))
    (footage / "c.mp4").write_text("no film")
    native = rows("native", footage, tmp_path / "one")
    assert [row["drop"] is None for row in native] == [True, True, False, False]
    assert rows("ray", footage, tmp_path / "other") == native


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="native or ray"):
        plan.use_engine("spark")


def test_files_of_a_list_and_of_an_address_are_found(tmp_path: Path, footage: Path) -> None:
    encode(footage / "a ❄.mp4", film(1, frames=3))
    (footage / "notes.md").write_text("no footage")
    (footage / "list.txt").write_text("# what we have\na ❄.mp4\n\n../elsewhere.mp4\nmissing.mp4\n", encoding="utf-8")
    assert [(item.title, item.refused is None) for item in list_files(str(footage))] == [("a ❄.mp4", True)]
    listed = list_files(str(footage / "list.txt"))
    assert [(item.title, item.refused is None) for item in listed] == [
        ("a ❄.mp4", True),
        ("../elsewhere.mp4", False),
        ("missing.mp4", True),
    ]
    (addressed,) = list_files(f"file://{footage}")
    assert addressed.title == "a ❄.mp4"
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ValueError, match="footage"):
            list_files(str(wrong / "empty" if wrong == tmp_path else wrong))
