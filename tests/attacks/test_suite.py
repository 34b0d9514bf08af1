"""The list of the attack suite and the table in docs/security.md name the same tests, all of which exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
SECURITY = TESTS.parent / "docs" / "security.md"


def suite() -> set[str]:
    lines = (TESTS / "attacks" / "suite.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_every_file_of_the_suite_exists() -> None:
    assert {name for name in suite() if not (TESTS / name).is_file()} == set()
    here = {f"attacks/{path.name}" for path in (TESTS / "attacks").glob("test_*.py")} - {"attacks/test_suite.py"}
    assert here <= suite(), "a file of this folder is not in its list"


def test_what_the_docs_name_is_in_the_suite() -> None:
    """Each table row of docs/security.md names its tests by their paths."""
    rows = [line for line in SECURITY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`((?:\w+/)+test_\w+\.py)`", row)}
    assert named == suite()
