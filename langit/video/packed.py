"""Refuse files whose PNG pictures hold text or a colour profile that unpacks to far more than a picture needs.

FFmpeg unpacks these without a limit, also while it only opens a file: a PNG of 1.5 MB took 4.5 GB. A PNG may lie in any
container, as a frame or as a cover, so the whole file is searched for them. Not found: one in a Matroska track that is
itself packed. Knows nothing of pictures.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PACKED: Final = (b"zTXt", b"iCCP")
"""Chunks that FFmpeg unpacks besides the pictures: a keyword, a zero byte, the method, and deflated data."""
MOST: Final = 16 << 20
"""Bytes that all of them together may unpack to."""
MOST_CHUNKS: Final = 1 << 20
"""Chunks that are looked at."""


def check_packed(path: Path) -> None:
    """Check that the PNG pictures in a file hold no packed bomb.

    Raises:
        ValueError: they do, or there are too many of them to tell.
        OSError: the file cannot be read.
    """
    if path.stat().st_size < len(SIGNATURE):
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        left, chunks = MOST, 0
        at = data.find(SIGNATURE)
        while at >= 0:
            here = at + len(SIGNATURE)
            while here + 12 <= len(data):
                length, kind = int.from_bytes(data[here : here + 4], "big"), data[here + 4 : here + 8]
                if not kind.isalpha():
                    break
                if kind in PACKED:
                    left -= _unpacked_size(data[here + 8 : here + 8 + length], left)
                chunks += 1
                if left < 0 or chunks > MOST_CHUNKS:
                    limit = f"text or a profile of more than {MOST >> 20} MB" if left < 0 else "too many chunks"
                    raise ValueError(f"{path} has a PNG picture with {limit}: save it anew without metadata")
                here += length + 12  # length, type and checksum around the data
            at = data.find(SIGNATURE, at + 1)


def _unpacked_size(chunk: bytes, most: int) -> int:
    """How many bytes a chunk unpacks to, at most one more than ``most``."""
    packed = chunk.partition(b"\0")[2][1:]
    try:
        return len(zlib.decompressobj().decompress(packed, max(most, 0) + 1))
    except zlib.error:
        return 0  # FFmpeg drops what it cannot unpack
