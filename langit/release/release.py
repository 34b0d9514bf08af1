"""The one door by which a generated video or image becomes a file: gated, watermarked, signed, entered in the ledger.

Whatever is refused or goes wrong on the way leaves nothing behind. An entry is made before its file appears: there may
be an entry of a file that nobody ever saw, and never a file without one.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8
from numpy.typing import ArrayLike
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from langit import video
from langit.files import atomic_write, sha256
from langit.ledger.made import Output
from langit.release.credentials.sign import sign
from langit.release.gates.finding import Finding
from langit.release.watermark import Watermark

if TYPE_CHECKING:
    from langit.release.door import Door
    from langit.release.facts import Facts

Frame = UInt8[np.ndarray, "H W 3"]
SUFFIX = ".mp4"
IMAGE = ".png"


@dataclass(frozen=True)
class Released:
    """A file that left: its absolute path, its entry in the ledger, and what the gates noted and let pass."""

    path: Path
    entry: Output
    notes: tuple[Finding, ...]


def check_path(path: Path, overwrite: bool = False, suffix: str = SUFFIX) -> None:
    """Refuse a place where a video, or an image, could not be written, before one is made for it.

    Raises:
        ValueError: another format than ``suffix`` says, a folder, or no encoder for it.
        FileExistsError: there is a file already and ``overwrite`` was not asked for.
        FileNotFoundError: the folder does not exist.
        PermissionError: the folder may not be written to.
    """
    if suffix == SUFFIX:
        video.check_encoder()
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file in it, for example {path / f'video{suffix}'}")
    if path.suffix.lower() != suffix:
        raise ValueError(
            f"{path} does not end in {suffix}, the one format that is written: name it {path.stem}{suffix}"
        )
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: make it, or choose another")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another name, or ask to overwrite it")
    try:
        tempfile.TemporaryFile(dir=folder).close()  # root may do all, and yet cannot everywhere
    except OSError as error:
        raise PermissionError(f"{folder} cannot be written to ({error.strerror}): choose another folder") from error


def release(frames: Iterable[ArrayLike], facts: Facts, path: Path, door: Door, overwrite: bool = False) -> Released:
    """Write a video, (T, H, W, 3) uint8, through the door; the whole file appears at once, or none.

    Raises:
        Refused: a gate refuses the prompt or the frames.
        ValueError, OSError: see :func:`check_path`, :func:`langit.video.write` and :func:`credentials.sign`.
    """
    check_path(path, overwrite)

    def write(place: Path, passing: Iterator[Frame]) -> None:
        video.encode(place, passing, facts.fps, facts.metadata(), path)

    return _leave(frames, facts, path, door, overwrite, write)


def release_image(frame: ArrayLike, facts: Facts, path: Path, door: Door, overwrite: bool = False) -> Released:
    """Write an image, (H, W, 3) uint8, as PNG through the door; the whole file appears at once, or none.

    Raises:
        Refused: a gate refuses the prompt or the picture.
        ValueError, OSError: not uint8 RGB; see :func:`check_path` and :func:`credentials.sign`.
    """
    check_path(path, overwrite, IMAGE)
    picture = _checked(frame, path)

    def write(place: Path, passing: Iterator[Frame]) -> None:
        (leaving,) = passing
        _save(leaving, facts, place)

    return _leave([picture], facts, path, door, overwrite, write)


def release_preview(frame: ArrayLike, facts: Facts, path: Path) -> Path:
    """Write a picture of something unfinished, watermarked; neither signed nor entered. It may replace a file.

    Raises:
        ValueError, OSError: not uint8 RGB; see :func:`check_path`.
    """
    check_path(path, True, IMAGE)
    picture = _checked(frame, path)
    height, width = picture.shape[:2]
    with atomic_write(path) as unfinished:
        _save(Watermark(height, width, facts.mark).mark(picture), facts, unfinished)
    return path.absolute()


def _leave(
    frames: Iterable[ArrayLike],
    facts: Facts,
    path: Path,
    door: Door,
    overwrite: bool,
    write: Callable[[Path, Iterator[Frame]], None],
) -> Released:
    """Frames pass the gates into a file, which is signed, entered, and only then given its name."""
    passage = door.passage(facts)
    with _beside(path) as (plain, signed):
        write(plain, passage.through(frames))
        notes = passage.findings()
        sign(plain, signed, facts, door.identity)
        digest = sha256(signed)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or ask to overwrite it")
        entry = door.outputs.enter(digest, facts, passage.looks.kept, [str(note) for note in notes])
        signed.replace(path)
    return Released(path.absolute(), entry, notes)


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, Path]]:
    """Two names beside ``path`` to write to, which are gone afterwards."""
    places = tuple(path.with_name(f".{secrets.token_hex(8)}.part") for _ in range(2))
    try:
        yield places[0], places[1]
    finally:
        for place in places:
            place.unlink(missing_ok=True)


def _checked(frame: ArrayLike, path: Path) -> Frame:
    picture = np.asarray(frame)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{path}: the image is {picture.dtype} {picture.shape}: give uint8 (height, width, 3)")
    return picture


def _save(picture: Frame, facts: Facts, place: Path) -> None:
    told = PngInfo()
    for name, value in facts.metadata().items():
        told.add_itxt(name.title() if name in ("title", "comment", "software") else name, value)  # PNG's own keywords
    Image.fromarray(picture).save(place, format="PNG", pnginfo=told)
