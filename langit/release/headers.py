"""What the header of a stranger's file claims of its pictures, before any of them is decoded. Never raises for a file.

This module does not know what is too much.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import av
from av.error import FFmpegError
from PIL import Image, UnidentifiedImageError

from langit.release.pictures import FORMATS
from langit.video.containers import CONTAINERS
from langit.video.packed import check_packed

NO_DECODING = {"max_pixels": "1", **CONTAINERS}
"""FFmpeg decodes a frame while it opens some files: with this it refuses to, and reports the size all the same."""


def claimed_size(path: Path) -> tuple[int, int, float | None] | None:
    """Width, height and seconds that a file claims; seconds are None of a picture. None if no header can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as picture:  # reads the header alone
                return picture.width, picture.height, None
        except Image.DecompressionBombError:
            return _BEYOND
        except (OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError):
            pass
    try:
        check_packed(path)
        with av.open(str(path), options=NO_DECODING) as container:
            if not container.streams.video:
                return None
            film = container.streams.video[0].codec_context
            seconds = container.duration / av.time_base if container.duration else None
            return film.width, film.height, seconds
    except (FFmpegError, ValueError):
        return None


_BEYOND = (1 << 16, 1 << 16, None)  # Pillow gives no size of what it refuses
