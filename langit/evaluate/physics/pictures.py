"""Pictures for the physics report: heights over time, and frames of generated videos above those of real films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from langit.evaluate.figures.strips import Strip, strip_sheet

_WIDE, _HIGH, _LEFT, _GAP, _LINE = 420, 260, 40, 16, 18
_INK, _PAPER, _FAINT = (20, 24, 32), (255, 255, 255), (224, 228, 234)
_TRACK = (24, 92, 170, 90)

Track = Sequence[float | None]


def tracks_picture(tracks: Mapping[str, Sequence[Track]], fps: float) -> Image.Image:
    """Draw one panel per kind of video: the height of each video's object over time, in picture heights."""
    picture = Image.new("RGB", (_GAP + len(tracks) * (_LEFT + _WIDE + _GAP), _HIGH + 3 * _LINE + _GAP), _PAPER)
    pen, font = ImageDraw.Draw(picture, "RGBA"), ImageFont.load_default(size=12)
    longest = max(len(track) for some in tracks.values() for track in some)
    for number, (name, some) in enumerate(tracks.items()):
        left, top = _GAP + _LEFT + number * (_LEFT + _WIDE + _GAP), _LINE + 4
        pen.text((left, 2), f"{name}: height in the picture, {len(some)} videos", fill=_INK, font=font)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = top + share * _HIGH
            pen.line((left, y, left + _WIDE, y), fill=_FAINT)
            pen.text((left - 6, y), f"{1 - share:.2f}", fill=_INK, font=font, anchor="rm")
        for at in range(0, longest, max(1, round(fps / 2))):
            x = left + at / max(1, longest - 1) * _WIDE
            pen.text((x, top + _HIGH + 4), f"{at / fps:g} s", fill=_INK, font=font, anchor="ma")
        for track in some:
            points = [
                (left + at / max(1, longest - 1) * _WIDE, top + y * _HIGH)
                for at, y in enumerate(track)
                if y is not None
            ]
            if len(points) > 1:
                pen.line(points, fill=_TRACK, width=1)
    return picture


def strips_picture(rows: Sequence[tuple[str, Tensor, Tensor]]) -> Image.Image:
    """Stack for each (prompt, generated video, real film) the video above the film."""
    groups = [[Strip("model", made), Strip("real film", real)] for _, made, real in rows]
    return strip_sheet(groups, [text for text, _, _ in rows])
