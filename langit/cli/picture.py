"""Pictures on a terminal, in half blocks: two pixels to a character, in true colour.

It knows pictures and consoles, not what a picture shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

UPPER_HALF = "▀"
MAX_LINES = 16
"""Lines of the terminal that a picture may take."""
FREE_LINES = 6
"""Lines that it leaves for the bars and for messages."""


def can_show(console: Console) -> bool:
    """Whether a console has true colour and the block character."""
    utf = console.encoding.lower().replace("-", "").startswith("utf")
    return console.is_terminal and console.color_system == "truecolor" and utf


def half_blocks(picture: np.ndarray, console: Console) -> Segments:
    """A picture (H, W, 3) uint8 as characters, reduced to fit the terminal."""
    import numpy as np
    from PIL import Image

    height, width, _ = picture.shape
    lines = max(2, min(MAX_LINES, console.height - FREE_LINES))
    scale = min(1.0, 2 * lines / height, max(8, console.width - 1) / width)
    rows, columns = max(2, int(height * scale) // 2 * 2), max(1, int(width * scale))
    small = np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BOX))
    segments = []
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            # The foreground colours the upper half of the character, the background the lower.
            style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
            segments.append(Segment(UPPER_HALF, style))
        segments.append(Segment.line())
    return Segments(segments)
