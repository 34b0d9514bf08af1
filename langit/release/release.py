"""How a generated video or image becomes a file: checked, watermarked, signed, entered in the ledger.

What is refused or fails on the way leaves nothing behind. The ledger's entry is made before the file appears: there may
be an entry of a file that nobody ever saw, and never a file without an entry.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
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
from langit.files import atomic_write, move_to_new_name, sha256
from langit.ledger.derived import Output
from langit.release.credentials.sign import sign
from langit.release.credentials.stores import sidecar_name
from langit.release.gates.finding import Finding
from langit.release.stage import ReleaseStage
from langit.release.watermark import Watermark

if TYPE_CHECKING:
    from langit.release.door import Door
    from langit.release.facts import Facts

Frame = UInt8[np.ndarray, "H W 3"]
SUFFIX = ".mp4"
IMAGE = ".png"
VIDEO_SUFFIXES = (SUFFIX, ".gif", ".webm")
"""Ends of names of videos; the first is the usual one."""
APART = frozenset({".webm"})
"""Formats that cannot hold credentials: theirs become a file beside them."""
PNG_KEYWORDS = frozenset({"title", "comment", "software"})
"""Facts whose names are keywords of the PNG specification, which begin with a capital letter there."""


@dataclass(frozen=True)
class Released:
    """A released file: its absolute path, its entry in the ledger, and findings of the gates that were only noted.

    ``sidecar`` holds its credentials if its format cannot.
    """

    path: Path
    entry: Output
    notes: tuple[Finding, ...]
    sidecar: Path | None = None


def check_path(path: Path, overwrite: bool = False, suffixes: tuple[str, ...] = VIDEO_SUFFIXES) -> None:
    """Refuse a path where a video or an image could not be written, before one is generated for it.

    Raises:
        ValueError: the name does not end in one of ``suffixes``, is a folder's, or no encoder is available.
        FileExistsError: the file, or one for its credentials, exists and ``overwrite`` is not set.
        FileNotFoundError: the folder does not exist.
        PermissionError: the folder cannot be written to.
    """
    if path == Path():
        raise ValueError(f"no file is named, or only this folder: name one, for example video{suffixes[0]}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file in it, for example {path / f'video{suffixes[0]}'}")
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise ValueError(f"{path} does not end in {' or '.join(suffixes)}: name it {path.stem}{suffixes[0]}")
    if suffix != IMAGE:
        video.check_encoder(suffix)
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: create it, or choose another")
    for each in (path, _sidecar(path)):
        if each is not None and each.exists() and not overwrite:
            raise FileExistsError(f"{each} exists: choose another name, or overwrite it (--overwrite)")
    try:
        # Permission bits do not decide it: root passes them all, and still cannot write everywhere.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise PermissionError(f"{folder} cannot be written to ({error.strerror}): choose another folder") from error


def _sidecar(path: Path) -> Path | None:
    """The file for the credentials of a format that cannot hold them."""
    return sidecar_name(path) if path.suffix.lower() in APART else None


def release(
    frames: Iterable[ArrayLike],
    facts: Facts,
    path: Path,
    door: Door,
    overwrite: bool = False,
    given: Collection[int] = (),
    stage: ReleaseStage | None = None,
) -> Released:
    """Write a video, (T, H, W, 3) uint8, through the door. The whole file appears at once, or none.

    Args:
        frames: the generated frames; may be an iterator.
        facts: what made them.
        path: the file, which ends in ``.mp4``, ``.gif`` or ``.webm``; a WebM's credentials become a file beside it.
        door: the door of the model that made them.
        overwrite: whether a file at ``path`` is replaced.
        given: numbers of frames that a person gave; a file that looks like them is not said to be ours.
        stage: a folder from which the release can be finished if this process dies; see :class:`ReleaseStage`.

    Raises:
        Refused: a gate refuses the prompt or the frames.
        ValueError, OSError: see :func:`check_path`, :func:`langit.video.write` and :func:`credentials.sign`.
    """
    check_path(path, overwrite)

    def write(place: Path, passed: Iterator[Frame]) -> None:
        video.encode(place, passed, facts.fps, facts.metadata(), path)

    return _release(frames, facts, path, door, overwrite, given, stage, write)


def release_image(
    frame: ArrayLike,
    facts: Facts,
    path: Path,
    door: Door,
    overwrite: bool = False,
    given: Collection[int] = (),
    stage: ReleaseStage | None = None,
) -> Released:
    """Write an image, (H, W, 3) uint8, as PNG through the door. The whole file appears at once, or none.

    Raises:
        Refused: a gate refuses the prompt or the picture.
        ValueError, OSError: not uint8 RGB; see :func:`check_path` and :func:`credentials.sign`.
    """
    check_path(path, overwrite, (IMAGE,))
    picture = _check_picture(frame, path)

    def write(place: Path, passed: Iterator[Frame]) -> None:
        (leaving,) = passed
        _save_png(leaving, facts, place)

    return _release([picture], facts, path, door, overwrite, given, stage, write)


def release_preview(frame: ArrayLike, facts: Facts, path: Path) -> Path:
    """Write a picture of an unfinished video: watermarked, neither signed nor entered. It may replace a file.

    Raises:
        ValueError, OSError: not uint8 RGB; see :func:`check_path`.
    """
    check_path(path, True, (IMAGE,))
    picture = _check_picture(frame, path)
    height, width = picture.shape[:2]
    with atomic_write(path) as unfinished:
        _save_png(Watermark(height, width, facts.mark).mark(picture), facts, unfinished)
    return path.absolute()


def _release(
    frames: Iterable[ArrayLike],
    facts: Facts,
    path: Path,
    door: Door,
    overwrite: bool,
    given: Collection[int],
    stage: ReleaseStage | None,
    write: Callable[[Path, Iterator[Frame]], None],
) -> Released:
    """Pass frames through the gates into a file, sign it, enter it, and only then give it its name."""
    passage = door.passage(facts)
    beside = _sidecar(path)
    with _temporary_files(path) as (plain, signed, apart):
        write(plain, passage.frames(frames, given))
        notes = passage.findings()
        sign(plain, signed, facts, door.identity, apart if beside is not None else None)
        digest = sha256(signed)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists: choose another name, or overwrite it (--overwrite)")
        entry = door.outputs.describe(digest, facts, passage.looks(), [str(note) for note in notes])
        if stage is not None:
            signed = stage.keep(signed, entry, notes).path
        door.outputs.ledger.add([entry])
        # Credentials come first: no video appears without them.
        if beside is not None:
            _place(apart, beside, overwrite)
        try:
            _place(signed, path, overwrite)
        except OSError:
            if beside is not None:
                beside.unlink()
            raise
    return Released(path.absolute(), entry, notes, beside.absolute() if beside is not None else None)


def _place(source: Path, path: Path, overwrite: bool) -> None:
    """Give a file its name. Unlike a rename, a second name fails if another process has taken it meanwhile."""
    if overwrite:
        source.replace(path)
        return
    try:
        move_to_new_name(source, path)
    except FileExistsError as error:
        raise FileExistsError(f"{path} exists: choose another name, or overwrite it (--overwrite)") from error


@contextmanager
def _temporary_files(path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Yield three names beside ``path`` to write to; what remains of them is removed afterwards."""
    # Without the name of ``path``, which may already be as long as the file system allows.
    places = tuple(path.with_name(f".{secrets.token_hex(8)}.part") for _ in range(3))
    try:
        yield places[0], places[1], places[2]
    finally:
        for place in places:
            place.unlink(missing_ok=True)


def _check_picture(frame: ArrayLike, path: Path) -> Frame:
    picture = np.asarray(frame)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{path}: the image is {picture.dtype} {picture.shape}: pass uint8 (height, width, 3)")
    return picture


def _save_png(picture: Frame, facts: Facts, place: Path) -> None:
    texts = PngInfo()
    for name, value in facts.metadata().items():
        texts.add_itxt(name.title() if name in PNG_KEYWORDS else name, value)
    Image.fromarray(picture).save(place, format="PNG", pnginfo=texts)
