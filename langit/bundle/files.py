"""Files of a bundle: hashed, checked, and put in place whole or not at all. Knows nothing of what is in them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

from langit.files import sha256

NAMED = {".safetensors", ".json"}  # what is opened, here or by other libraries, wherever it lies in a bundle
PICKLES = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}


def hashes(folder: Path) -> dict[str, str]:
    """Every file under a folder with its hash, in order of name."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in found}


def check_files(folder: Path, wanted: Mapping[str, str]) -> None:
    """Check that each file is there, whole, and the one that the provenance names, and that no other is opened.

    Raises:
        ValueError: names the first file that is not, and the mend.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix in PICKLES:
            raise ValueError(f"{path} is a pickle by its name, which can run code: remove it, use safetensors")
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in NAMED and name not in wanted and name != "provenance.json":
            raise ValueError(f"{path} is not named by provenance.json: remove it")
    for name, expected in wanted.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"provenance.json of {folder} names {name!r}, outside the bundle: get the bundle again")
        if not path.is_file():
            raise ValueError(f"{path} is missing: get the bundle again, or put the file back")
        if path.suffix == ".safetensors":
            check_whole(path)
        found = sha256(path)
        if found != expected:
            other = next((twin for twin, digest in wanted.items() if digest == found), None)
            what = f"is {other} under another name" if other else "is not the file that provenance.json names"
            raise ValueError(f"{path} {what} (SHA-256 {found[:12]}…, not {expected[:12]}…): get the bundle again")


def check_whole(path: Path) -> None:
    """Check a safetensors file's length against its header.

    Raises:
        ValueError: the file is a pickle, not safetensors, or cut off.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        text = file.read(length) if length + 8 <= size else b""
    try:
        ends = [item["data_offsets"][1] for name, item in json.loads(text).items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        # 0x80, protocol, an opcode; or a zip of it. A safetensors header of 640 bytes starts with 0x80 0x02 0x00.
        if start[:2] == b"PK" or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05" and start[2:3] != b"\0"):
            raise ValueError(
                f"{path} is a pickle, which can run code: bundles hold safetensors only, get it again"
            ) from error
        if length + 8 > size:
            raise ValueError(f"{path} is cut off after {size} bytes: get the bundle again") from error
        raise ValueError(f"{path} is not a safetensors file: get the bundle again") from error
    whole = 8 + length + max(ends, default=0)
    if size != whole:
        raise ValueError(f"{path} has {size} bytes, its header tells of {whole}: it was cut off, get the bundle again")
