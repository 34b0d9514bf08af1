"""Frames as a notebook displays them: an animation or a still inside the page, and contact sheets.

Everything stays in memory; video files are written by `release/` alone.
"""

from __future__ import annotations

import base64
import html as markup
import io

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

ENLARGED = 256
"""Pixels up to which the longer side of a small picture is enlarged by whole numbers."""


def encode_png(frame: UInt8[Tensor, "H W 3"]) -> bytes:
    """A picture as PNG."""
    file = io.BytesIO()
    Image.fromarray(frame.numpy()).save(file, "PNG")
    return file.getvalue()


def animated_webp(frames: UInt8[Tensor, "T H W 3"], fps: float) -> bytes:
    """Frames as an animated WebP that repeats for ever."""
    # WebP rather than GIF: it has true colour, and notebooks on the web show it.
    first, *others = (Image.fromarray(frame.numpy()) for frame in frames)
    file = io.BytesIO()
    # WebP has whole milliseconds: differences of rounded times, so that rounding errors do not add up
    times = [round(1000 * (number + 1) / fps) - round(1000 * number / fps) for number in range(len(frames))]
    first.save(file, "WEBP", save_all=True, append_images=others, duration=times, loop=0, quality=90)
    return file.getvalue()


def sheet(frames: UInt8[Tensor, "T H W 3"], columns: int = 6) -> UInt8[Tensor, "Y X 3"]:
    """Up to ``columns`` frames side by side, evenly spread from the first to the last."""
    count = min(columns, len(frames))
    places = torch.linspace(0, len(frames) - 1, count).round().long()
    return torch.cat(list(frames[places]), dim=1)


def html(frames: UInt8[Tensor, "T H W 3"], fps: float, words: str) -> str:
    """Frames as an ``img`` element that needs no other file, with ``words`` as its alternative text."""
    kind, data = ("png", encode_png(frames[0])) if len(frames) == 1 else ("webp", animated_webp(frames, fps))
    height, width = frames.shape[1:3]
    source = base64.b64encode(data).decode()
    return (
        f'<img src="data:image/{kind};base64,{source}" alt="{markup.escape(words, quote=True)}"'
        f" {enlarged_size(width, height)}>"
    )


def enlarged_size(width: int, height: int) -> str:
    """HTML attributes that show a small picture larger, by a whole number and without smoothing."""
    scale = max(1, ENLARGED // max(height, width))
    return f'width="{width * scale}" height="{height * scale}" style="image-rendering: pixelated"'
