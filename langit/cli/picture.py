"""A preview on a terminal: frames side by side in half blocks, two pixels to a character, in true colour.

It knows pictures and consoles, not what the picture is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

HALF = "▀"
LINES = 16  # of a terminal that a picture takes at most
LEFT = 6  # lines that it leaves free for the bars and what was said before


def can_show(console: Console) -> bool:
    """Whether a console has the colours and the letters."""
    utf = console.encoding.lower().replace("-", "").startswith("utf")
    return console.is_terminal and console.color_system == "truecolor" and utf


def side_by_side(frames: np.ndarray, gap: int = 1) -> np.ndarray:
    """Frames (n, H, W, 3) as one picture, (H, n W + gaps, 3), black in between."""
    import numpy as np

    black = np.zeros((frames.shape[1], gap, 3), np.uint8)
    parts = [part for frame in frames for part in (frame, black)]
    return np.concatenate(parts[:-1], axis=1)


def half_blocks(picture: np.ndarray, console: Console) -> Segments:
    """A picture (H, W, 3) uint8 as characters, made smaller where the terminal is."""
    import numpy as np
    from PIL import Image

    height, width, _ = picture.shape
    lines = max(2, min(LINES, console.height - LEFT))
    scale = min(1.0, 2 * lines / height, max(8, console.width - 1) / width)
    rows, columns = max(2, int(height * scale) // 2 * 2), max(1, int(width * scale))
    small = np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BOX))
    segments = []
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
            segments.append(Segment(HALF, style))
        segments.append(Segment.line())
    return Segments(segments)
