"""Rules that can be read off the source: small files, shape arithmetic in one place, one door out, no pickle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 400
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}
FOLDERS = ("langit", "tests", "benchmarks")

SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
MODULES = [path for path in SOURCES if path.is_relative_to(ROOT / "langit")]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(source: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(source))


def shape_arithmetic(source: str) -> list[str]:
    """Arithmetic that repeats what shapes.py does: (T - 1) // 4, (F - 1) * 4 + 1, H // 8, compression.space."""
    found = []
    for node in nodes(source):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.FloorDiv, ast.Mult, ast.Mod)):
            continue
        text = ast.unparse(node)
        factor = node.right.value if isinstance(node.right, ast.Constant) else None
        less_one = isinstance(node.left, ast.BinOp) and ast.unparse(node.left).endswith("- 1")
        by_eight = isinstance(node.op, ast.FloorDiv) and factor == 8
        by_compression = re.search(r"compression\w*\.(time|space)\b", text) is not None
        if by_compression or by_eight or (less_one and factor in (4, 8)):
            found.append(text)
    return found


def writes_video(source: str) -> list[str]:
    """Ways to write a video file: the writer of langit.video, or a library that has one."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.ImportFrom) and node.module == "langit.video":
            found += [alias.name for alias in node.names if alias.name in ("write", "*")]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("video.write", "langit.video.write"):
            found.append(ast.unparse(node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            found += [module] if module.split(".")[0] in ("av", "cv2", "imageio", "moviepy", "torchvision") else []
    return found


def pickles(source: str) -> list[str]:
    """Ways to read or write Python objects that run code when they are read."""
    found = []
    for node in nodes(source):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            found += [module] if module.split(".")[0] in ("pickle", "dill", "cloudpickle", "joblib", "shelve") else []
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            found += [called] if called in ("torch.load", "torch.save") else []
            unsafe = [
                word for word in node.keywords if word.arg == "allow_pickle" and ast.unparse(word.value) != "False"
            ]
            found += [called for _ in unsafe]
    return found


def prints(source: str) -> list[str]:
    called = (node for node in nodes(source) if isinstance(node, ast.Call))
    return [ast.unparse(node) for node in called if ast.unparse(node.func) in ("print", "pprint", "pprint.pprint")]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_short_and_named_for_what_it_does(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    assert path.stem not in DRAWERS


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_compression_arithmetic_stands_in_shapes_alone(path: Path) -> None:
    if path.name != "shapes.py":
        assert shape_arithmetic(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_worlds_and_release_write_video_files(path: Path) -> None:
    if path.relative_to(ROOT / "langit").parts[0] not in ("video.py", "worlds", "release"):
        assert writes_video(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_pickled(path: Path) -> None:
    assert pickles(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_library_prints_nothing(path: Path) -> None:
    assert prints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("rule", "breach", "fine"),
    [
        (shape_arithmetic, "latents = (frames - 1) // 4 + 1", "middle = (count - 1) // 2"),
        (shape_arithmetic, "frames = (latents - 1) * 4 + 1", "tokens = latents * 4"),
        (shape_arithmetic, "rows = height // 8", "rows = height // patch"),
        (shape_arithmetic, "rows = height // config.compression.space", "cell = config.compression.space"),
        (writes_video, "from langit.video import read, write", "from langit.video import read"),
        (writes_video, "from langit import video\nvideo.write(path, frames, 8)", "path.write(frames)"),
        (writes_video, "import av", "import langit.video"),
        (pickles, "import pickle", "import json"),
        (pickles, "state = torch.load(path)", "state = load_file(path)"),
        (pickles, "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=False)"),
        (prints, "print('done')", "console.print('done')"),
    ],
)
def test_each_rule_sees_its_breach(rule, breach: str, fine: str) -> None:
    assert rule(breach)
    assert not rule(fine)
