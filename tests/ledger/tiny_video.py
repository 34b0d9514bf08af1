"""A video of one frame in 400 bytes, another for every text: real enough for a decoder, made without an encoder."""

from __future__ import annotations

import hashlib

HEADER = b"YUV4MPEG2 W16 H16 F8:1 Ip A1:1 C420jpeg\n"


def tiny_video(text: str) -> bytes:
    """Y4M: a header, and a frame of 16 x 16 luma and two 8 x 8 chroma planes."""
    return HEADER + b"FRAME\n" + hashlib.sha256(text.encode()).digest() * 12
