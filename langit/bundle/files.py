"""The files of a bundle: their digests, and the check that a folder holds exactly the files that its provenance names.

Knows nothing of the content of the files, except whether a safetensors file is whole.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from langit.bundle.tensors import check_whole
from langit.config import parse_json
from langit.files import sha256

PROVENANCE, SIGNATURE = "provenance.json", "signature.json"
UNNAMED = {PROVENANCE, SIGNATURE}  # they hold or sign the digests of the others, so they cannot be among them
# Files that the bundles of older versions do not name. They are only ever shown as text.
TEXTS = {"README.md"}
# The only kinds of files that a bundle holds. None of them can run code in the libraries that open them.
KINDS = {".json", ".md", ".safetensors", ".txt", ".zip"}
# Keys by which configs name code that other libraries would download and run, and libraries that a pipeline may name.
CODE_KEYS = {"auto_map", "custom_pipelines", "trust_remote_code"}
LIBRARIES = {"diffusers", "transformers", "langit", None}
PICKLES = {".bin", ".ckpt", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a bundle's folder but those that sign or list the others, in order of name."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: sha256(path) for name, path in names.items() if name not in UNNAMED}


def check_files(folder: Path, wanted: Mapping[str, str], digest: Callable[[Path], str] = sha256) -> None:
    """Check that a folder holds the files that its provenance names, unchanged, and no others.

    Other libraries open whatever lies in such a folder, and some formats can run code, so that every other file, link,
    pipe or device is refused, whatever its name.

    Args:
        folder: the bundle.
        wanted: SHA-256 of each file by name, from the provenance.
        digest: computes the SHA-256 of a file; see :class:`langit.bundle.digests.DigestCache`.

    Raises:
        ValueError: names the first file that is wrong, and what to do.
    """
    for name in wanted:
        if Path(name).is_absolute() or ".." in Path(name).parts or name in UNNAMED:
            raise ValueError(f"{PROVENANCE} of {folder} names {name!r}, outside the bundle: get the bundle again")
        if PurePosixPath(name).as_posix() != name or "\\" in name or "\0" in name:
            raise ValueError(f"{PROVENANCE} of {folder} names {name!r}, which is not a file's name: get it again")
    _check_nothing_else(folder, wanted)
    for name, expected in wanted.items():
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{path} is missing: get the bundle again, or put the file back")
        if path.suffix == ".safetensors":
            check_whole(path)
        if path.name == "model_index.json" or path.name.endswith("config.json"):
            _check_runs_no_code(path)
        found = digest(path)
        if found != expected:
            twin = next((other for other, known in wanted.items() if known == found), None)
            what = f"is {twin} under another name" if twin else f"is not the file that {PROVENANCE} names"
            raise ValueError(f"{path} {what} (SHA-256 {found[:12]}…, not {expected[:12]}…): get the bundle again")


def _check_nothing_else(folder: Path, wanted: Mapping[str, str]) -> None:
    root = folder.resolve()  # the folder itself may be a link
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            # A linked folder would hide files from this search, and what lies outside can change without notice.
            target = path.resolve()
            if not target.is_relative_to(root) or not target.is_file():
                raise ValueError(f"{path} is a link to {target}, which is not a file of the bundle: copy the file")
        elif stat.S_ISDIR(mode):
            if name in UNNAMED | TEXTS:
                raise ValueError(f"{path} is a folder, and not the file of that name: remove it")
            continue
        elif not stat.S_ISREG(mode):
            raise ValueError(f"{path} is not an ordinary file: remove it")
        if path.suffix.lower() in PICKLES:
            raise ValueError(f"{path} is a pickle by its name, which can run code: remove it, use safetensors")
        if path.suffix not in KINDS:
            raise ValueError(f"{path} is not of a kind that bundles hold ({', '.join(sorted(KINDS))}): remove it")
        if name in wanted or name in UNNAMED or name in TEXTS:
            continue
        raise ValueError(f"{path} is not named by {PROVENANCE}: remove it, or get the bundle again")


def _check_runs_no_code(path: Path) -> None:
    """Check that a config names no code of its own, and a pipeline's index only classes of known libraries.

    Raises:
        ValueError: it does, or is not JSON.
    """
    plain = parse_json(path.read_bytes(), str(path))
    level: list[Any] = [plain]
    while level:
        for table in level:
            found = CODE_KEYS & set(table) if isinstance(table, dict) else set()
            if found:
                raise ValueError(f"{path} names code to be run ({found.pop()}): get the bundle again")
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if path.name == "model_index.json" and isinstance(plain, dict):
        for name, value in plain.items():
            is_class = isinstance(value, list) and len(value) == 2 and name != "sizes"
            if is_class and not (value[0] is None or (isinstance(value[0], str) and value[0] in LIBRARIES)):
                raise ValueError(
                    f"{path} names {value} as {name}, which this version cannot load: use classes of diffusers,"
                    " transformers or langit; others could be any code"
                )
