"""Rules that can be read off the source: small files, shape arithmetic in one place, one door out, no pickle."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
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


WRITERS = [f"{module}.{name}" for module in ("video", "langit.video") for name in ("write", "encode")]


def writes_video(source: str) -> list[str]:
    """Ways to write a video file: the writer of langit.video, or a library that has one."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.ImportFrom) and node.module == "langit.video":
            found += [alias.name for alias in node.names if alias.name in ("write", "encode", "*")]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in WRITERS:
            found.append(ast.unparse(node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            found += [module] if module.split(".")[0] in ("av", "imageio", "moviepy", "torchvision") else []
            named = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else ["*"]
            found += [module] if module == "cv2" and {"*", "VideoWriter"} & set(named) else []
    return found


def writes_pictures(source: str) -> list[str]:
    """Ways to write a picture's file with Pillow: ``save``, in a module that imports it, to anything but a BytesIO."""
    imported = [node for node in nodes(source) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imported]
    if not any(name.split(".")[0] == "PIL" for name in names):
        return []
    assigned = [node for node in nodes(source) if isinstance(node, ast.Assign)]
    memory = {ast.unparse(node.targets[0]) for node in assigned if ast.unparse(node.value) == "io.BytesIO()"}
    called = (node for node in nodes(source) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    saved = (node for node in called if ast.unparse(node.func).endswith(".save"))
    return [ast.unparse(node.func) for node in saved if not node.args or ast.unparse(node.args[0]) not in memory]


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


Rule = Callable[[str], list[str]]


def breaches(rule: Rule, paths: Iterable[Path]) -> dict[str, list[str]]:
    found = {name(path): rule(path.read_text(encoding="utf-8")) for path in paths}
    return {path: lines for path, lines in found.items() if lines}


def test_the_rules_see_the_house() -> None:
    assert len(MODULES) > 50 and len(SOURCES) > len(MODULES)


def test_files_are_short_and_named_for_what_they_do() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}
    assert [name(path) for path in SOURCES if path.stem in DRAWERS] == []


def test_modules_say_what_they_are() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert [name(path) for path in silent] == []


def test_compression_arithmetic_stands_in_shapes_alone() -> None:
    assert breaches(shape_arithmetic, (path for path in MODULES if path.name != "shapes.py")) == {}


def test_only_worlds_and_release_write_video_files() -> None:
    may = ("video", "worlds", "release")
    others = (path for path in MODULES if path.relative_to(ROOT / "langit").parts[0] not in may)
    assert breaches(writes_video, others) == {}


def test_pictures_are_written_by_release_and_where_people_look_at_footage_and_figures() -> None:
    may = ("sheet.py", "worlds", "curate", "release", "evaluate")  # curate: the funnel, of footage that was given
    others = (path for path in MODULES if path.relative_to(ROOT / "langit").parts[0] not in may)
    assert breaches(writes_pictures, others) == {}


def test_nothing_is_pickled() -> None:
    assert breaches(pickles, SOURCES) == {}


def test_the_library_prints_nothing() -> None:
    assert breaches(prints, MODULES) == {}


@pytest.mark.parametrize(
    ("rule", "breach", "fine"),
    [
        (shape_arithmetic, "latents = (frames - 1) // 4 + 1", "middle = (count - 1) // 2"),
        (shape_arithmetic, "frames = (latents - 1) * 4 + 1", "tokens = latents * 4"),
        (shape_arithmetic, "rows = height // 8", "rows = height // patch"),
        (shape_arithmetic, "rows = height // config.compression.space", "cell = config.compression.space"),
        (writes_video, "from langit.video import read, write", "from langit.video import read"),
        (writes_video, "from langit import video\nvideo.write(path, frames, 8)", "path.write(frames)"),
        (writes_video, "import langit.video\nlangit.video.encode(path, frames, 8)", "text.encode()"),
        (writes_video, "import av", "import langit.video"),
        (writes_video, "import cv2", "from cv2 import resize"),
        (writes_video, "from cv2 import VideoWriter", "from cv2 import Laplacian"),
        (writes_pictures, "from PIL import Image\nImage.fromarray(frame).save(path)", "from PIL import Image"),
        (writes_pictures, "import PIL.Image\npicture.save(path)", "tokenizer.save(path)"),
        (
            writes_pictures,
            "from PIL import Image\nfile = path\nImage.new('L', (1, 1)).save(file, 'PNG')",
            "from PIL import Image\nfile = io.BytesIO()\nImage.new('L', (1, 1)).save(file, 'PNG')",
        ),
        (pickles, "import pickle", "import json"),
        (pickles, "state = torch.load(path)", "state = load_file(path)"),
        (pickles, "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=False)"),
        (prints, "print('done')", "console.print('done')"),
    ],
)
def test_each_rule_sees_its_breach(rule: Rule, breach: str, fine: str) -> None:
    assert rule(breach)
    assert not rule(fine)
