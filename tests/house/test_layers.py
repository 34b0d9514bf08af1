"""A room imports only from rooms above it in docs/DESIGN.md; cli, the last, imports all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_ROOMS = {"__init__.py", "__main__.py", "py.typed", "weights", "__pycache__"}


def rooms_on_the_map() -> list[str]:
    listed = (ROOT / "docs" / "DESIGN.md").read_text(encoding="utf-8").partition("<!-- rooms -->")[2]
    return re.findall(r"^    (\w+)(?:\.py|/) ", listed.partition("\n\n`langit/weights")[0], flags=re.MULTILINE)


def imported_rooms(source: str) -> set[str]:
    """The rooms of langit that a module imports, wherever in the module it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("langit.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "langit":
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("langit."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.level > 0:
            found.add("a relative import")
    return found


def breaches(room: str, source: str, order: list[str]) -> set[str]:
    allowed = set(order[: order.index(room) + 1])
    return imported_rooms(source) - allowed


def test_imports_go_up_only() -> None:
    order, found = rooms_on_the_map(), {}
    for path in sorted((ROOT / "langit").rglob("*.py")):
        inside = path.relative_to(ROOT / "langit")
        source, room = path.read_text(encoding="utf-8"), inside.parts[0].removesuffix(".py")
        if room == "__main__":  # starts the command line
            continue
        # The package itself opens the studio, on first use: `from langit import Studio`.
        below = imported_rooms(source) - {"studio"} if room == "__init__" else breaches(room, source, order)
        if below:
            found[str(inside)] = below
    assert found == {}


def test_the_map_and_the_house_have_the_same_rooms() -> None:
    there = {entry.name for entry in (ROOT / "langit").iterdir()} - NOT_ROOMS
    assert {name.removesuffix(".py") for name in there} == set(rooms_on_the_map())


def test_the_rule_sees_each_way_to_import() -> None:
    order = ["shapes", "patches", "train", "cli"]
    for line in (
        "import langit.train.trainer",
        "from langit import train",
        "from langit.train import trainer",
        "def f():\n    from langit.train.trainer import Trainer",
    ):
        assert breaches("patches", line, order) == {"train"}
        assert breaches("train", line, order) == set()
    assert breaches("patches", "from . import pack", order) == {"a relative import"}
