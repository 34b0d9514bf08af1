"""`make test` runs the tests in parts: together these are all tests."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_parts_of_make_test_are_all_tests() -> None:
    (line,) = re.findall(r"^PARTS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    found = [path for pattern in re.findall(r"'([^']+)'", line) for path in ROOT.glob(pattern)]
    folders = {path.parent for path in (ROOT / "tests").glob("*/**/test_*.py")}
    rooms = {ROOT / "tests" / folder.relative_to(ROOT / "tests").parts[0] for folder in folders}
    expected = [*rooms, *(ROOT / "tests").glob("test_*.py")]
    assert sorted(found) == sorted(expected)
