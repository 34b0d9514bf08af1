"""Frames as a notebook shows them: a moving picture inside the page, a still one for one frame, a contact sheet.

What is made here stays in memory; video files are written by `release/` alone.
"""

from __future__ import annotations

import base64
import html as markup
import io

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

SMALL = 256
"""Pixels to which a small picture's longer side is enlarged by whole numbers, so that it can be seen."""


def png(frame: UInt8[Tensor, "H W 3"]) -> bytes:
    """A picture as PNG."""
    file = io.BytesIO()
    Image.fromarray(frame.numpy()).save(file, "PNG")
    return file.getvalue()


def moving(frames: UInt8[Tensor, "T H W 3"], fps: float) -> bytes:
    """Frames as an animated WebP that plays for ever."""
    first, *others = (Image.fromarray(frame.numpy()) for frame in frames)
    file = io.BytesIO()
    times = [round(1000 * (number + 1) / fps) - round(1000 * number / fps) for number in range(len(frames))]
    first.save(file, "WEBP", save_all=True, append_images=others, duration=times, loop=0, quality=90)
    return file.getvalue()


def sheet(frames: UInt8[Tensor, "T H W 3"], columns: int = 6) -> UInt8[Tensor, "Y X 3"]:
    """Up to ``columns`` frames side by side, evenly from the first to the last."""
    count = min(columns, len(frames))
    places = torch.linspace(0, len(frames) - 1, count).round().long()
    return torch.cat(list(frames[places]), dim=1)


def html(frames: UInt8[Tensor, "T H W 3"], fps: float, words: str) -> str:
    """Frames as an image element that needs no other file; ``words`` are what a reader without pictures is told."""
    kind, data = ("png", png(frames[0])) if len(frames) == 1 else ("webp", moving(frames, fps))
    height, width = frames.shape[1:3]
    scale = max(1, SMALL // max(height, width))
    source = base64.b64encode(data).decode()
    return (
        f'<img src="data:image/{kind};base64,{source}" alt="{markup.escape(words, quote=True)}"'
        f' width="{width * scale}" height="{height * scale}" style="image-rendering: pixelated">'
    )
