"""Files that a request gives: stored in the job's folder under names of ours, and judged by their headers alone.

A file is an upload, a data: URL, or the video of another job of the same key. URLs and paths are never opened.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image
from starlette.datastructures import UploadFile

from langit.serve.errors import ApiError
from langit.serve.folders import JobFolder
from langit.serve.jobs import Jobs
from langit.serve.settings import Limits, ServeSettings
from langit.video.header import read_header, read_header_apart

Kind = Literal["picture", "video", "any"]
CHUNK: Final = 1 << 20
PICTURES: Final = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
"""Formats that Pillow may try: some of its others start external programs."""
REFERENCES: Final = ("image_url", "video_url", "url", "file_id", "id")
"""Keys of an object that stands for a file."""
SUFFIXES: Final[Mapping[str, str]] = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif"}


@dataclass(frozen=True)
class GivenFile:
    """A stored file: its name in the job's folder, the hash of its bytes, and what its header claims.

    source: the job whose video it is, if it is one.
    """

    name: str
    sha256: str
    width: int
    height: int
    fps: float = 0.0
    seconds: float = 0.0
    source: str | None = None


@dataclass
class MediaStore:
    """Stores what one request gives. ``kept`` are the digests of all files, by field."""

    settings: ServeSettings
    jobs: Jobs
    owner: str
    limits: Limits
    folder: JobFolder
    kept: dict[str, str] = field(default_factory=dict)

    def put(self, value: Any, param: str, kind: Kind, uploads: Mapping[str, UploadFile] | None = None) -> GivenFile:
        """Store a file.

        Args:
            value: an upload, a data: URL, an id, or an object with one of these.
            param: the field, for messages and the file's name.
            kind: what it has to be.
            uploads: files of the form that ``value`` may name.

        Raises:
            ApiError: it is no file, too large, or nothing that is read.
            OSError: the disk is full.
        """
        if isinstance(value, str) and uploads and value in uploads:
            value = uploads[value]
        name = self.keep(value, param)
        source = _reference(value, param)
        is_job = isinstance(source, str) and source.startswith("video_")
        return self._judge(self.folder.inputs / name, self.kept[param], param, kind, source if is_job else None)

    def keep(self, value: Any, param: str) -> str:
        """Store a file of any kind without a look at its content; returns its name in the job's folder.

        Raises:
            ApiError: it is no file.
            OSError: the disk is full.
        """
        value = _reference(value, param)
        self.folder.inputs.mkdir(parents=True, exist_ok=True)
        place = self.folder.inputs / f"{len(self.kept)}-{param.replace('.', '-')}"
        if isinstance(value, UploadFile):
            digest = _copy(value, place)
        elif isinstance(value, str) and value.startswith("data:"):
            digest = _write(_decode_data(value, param), place)
        elif isinstance(value, str) and value.startswith("video_"):
            digest = self._link(value, place, param)
        else:
            raise _not_a_file(value, param)
        self.kept[param] = digest
        return place.name

    def _link(self, job: str, place: Path, param: str) -> str:
        """Take the video of another job; it stays even if that one is deleted."""
        try:
            found = self.jobs.get(self.owner, job)
        except ApiError as error:  # not the thing that was asked for, but one that it names
            raise ApiError(400, error.message, param=param, code=error.code) from error
        path = JobFolder.of(self.settings, job).output(found.kind)
        if found.status != "completed" or not path.exists():
            raise ApiError(
                400, f"video {job[:80]!r} is {found.status}: wait until it is completed", param=param, code="not_ready"
            )
        os.link(path, place)
        return str(found.result["x_provenance"]["sha256"])

    def _judge(self, place: Path, digest: str, param: str, kind: Kind, source: str | None) -> GivenFile:
        """Read the header, refuse what is too large, and give the file the suffix of its content."""
        if place.stat().st_size == 0:
            raise ApiError(400, f"{param} is empty: give a {_words(kind)}", param=param, code="empty_file")
        picture = _picture_header(place)
        if picture is not None and kind != "video":
            width, height, suffix = picture
            self._check_pixels(width, height, param)
            return GivenFile(_rename(place, suffix), digest, width, height, source=source)
        if kind == "picture":
            raise ApiError(
                400, f"{param} is not a picture: use PNG, JPEG or WebP", param=param, code="unsupported_file"
            )
        try:
            # Our own files are read here; a stranger's might break FFmpeg, and the server with it.
            read = read_header_apart if source is None else read_header
            header = read(place, self.limits.duration)
        except (ValueError, OSError) as error:
            raise ApiError(
                400,
                f"{param} is not a video that can be read: use MP4, WebM, MOV or MKV that plays",
                param=param,
                code="unsupported_file",
            ) from error
        self._check_pixels(header.width, header.height, param)
        if header.seconds > self.limits.duration:
            raise ApiError(
                400,
                f"{param} lasts more than {self.limits.duration:g} s: cut it",
                param=param,
                code="video_too_long",
            )
        name = _rename(place, ".mp4")  # FFmpeg reads the content, whatever the suffix
        return GivenFile(name, digest, header.width, header.height, header.fps, header.seconds, source)

    def _check_pixels(self, width: int, height: int, param: str) -> None:
        if width * height > self.limits.pixels:
            raise ApiError(
                400,
                f"{param} is {width}x{height}, more than {self.limits.pixels:,} pixels: make it smaller",
                param=param,
                code="too_many_pixels",
            )


def _reference(value: Any, param: str) -> Any:
    """What an object stands for; other values stand for themselves."""
    if not isinstance(value, Mapping):
        return value
    given = [key for key in REFERENCES if value.get(key) is not None]
    if len(given) != 1 or set(value) - set(REFERENCES):
        raise ApiError(
            400,
            f'{param} is an object that names no file: use {{"image_url": "data:…"}} or {{"id": "video_…"}}',
            param=param,
            code="invalid_value",
        )
    return value[given[0]]


def _not_a_file(value: Any, param: str) -> ApiError:
    if isinstance(value, str) and "://" in value[:20]:
        return ApiError(
            400,
            f"{param} is a URL, and this server fetches nothing: send the file itself, or a data: URL",
            param=param,
            code="url_not_fetched",
        )
    return ApiError(
        400,
        f"{param} is not a file: send one in the form, a data: URL, or the id of one of your videos",
        param=param,
        code="invalid_value",
    )


def _decode_data(url: str, param: str) -> bytes:
    """The bytes of a data: URL in base64."""
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise ApiError(
            400,
            f"{param} is not a data: URL in base64: write data:image/png;base64,…",
            param=param,
            code="invalid_value",
        )
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(
            400, f"{param} is not valid base64: encode the file again", param=param, code="invalid_value"
        ) from error


def _copy(upload: UploadFile, place: Path) -> str:
    digest = hashlib.sha256()
    with place.open("wb") as file:
        while chunk := upload.file.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _write(data: bytes, place: Path) -> str:
    place.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _picture_header(place: Path) -> tuple[int, int, str] | None:
    """Width, height and suffix of a picture, without decoding it; None if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that are refused right after
            with Image.open(place, formats=PICTURES) as picture:
                return picture.width, picture.height, SUFFIXES[picture.format or "PNG"]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _rename(place: Path, suffix: str) -> str:
    named = place.with_name(place.name + suffix)
    place.rename(named)
    return named.name


def _words(kind: Kind) -> str:
    return {"picture": "picture", "video": "video", "any": "picture or video"}[kind]
