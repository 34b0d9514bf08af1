"""Which way does it go? Left or right of a thing that crosses the picture, of a camera that pans or orbits.

A thing goes where its track goes. How a camera turns is read off the far hills and the sky: they are too far away to
move by themselves, so they go left when it turns right. It knows frames and tracks, no prompts and no models.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.evaluate.judges.probe import to_video
from langit.evaluate.judges.tracker import Sight, Track

_BAND = (0.08, 0.30)  # picture heights from the top between which hills and sky are seen
_STEP = 7  # pixels: the most that the sky goes in a frame
MOVES, TURNS = 0.10, 0.10  # picture widths: less is no motion


def way_of(spots: Track) -> str:
    """Which way a thing goes over a video, "left", "right" or "": from its first to its last place."""
    seen = [spot.x for spot in spots if spot is not None]
    return _named(seen[-1] - seen[0], MOVES) if seen else ""


def camera_of(drift: float, orbits: bool) -> str:
    """Which way a camera pans, or orbits around what it looks at, by the sky's drift; "" if it does not turn."""
    return _named(drift if orbits else -drift, TURNS)


def sky_drift(video: UInt8[Tensor, "T H W 3"], sight: Sight) -> float:
    """How far hills and sky go to the right over a video, in picture widths; what the things hide does not count."""
    pictures = to_video(video[None])[0].permute(1, 2, 3, 0).numpy()  # (T, h, w, 3)
    free = 1 - sight.colours.sum(dim=1).numpy()
    height, width = pictures.shape[1:3]
    rows = slice(round(_BAND[0] * height), round(_BAND[1] * height))
    bands, weights = pictures[:, rows], free[:, rows]
    steps = [_shift(*bands[at : at + 2], *weights[at : at + 2]) for at in range(len(bands) - 1)]
    drift: float = float(np.sum(steps)) / width
    return drift


def _shift(
    before: Float[np.ndarray, "h w 3"],
    after: Float[np.ndarray, "h w 3"],
    free: Float[np.ndarray, "h w"],
    free_after: Float[np.ndarray, "h w"],
) -> float:
    """Pixels to the right that fit best, by a parabola through the least of the squared differences."""
    width = before.shape[1]
    errors = []
    for step in range(-_STEP, _STEP + 1):
        here, there = slice(max(0, -step), width - max(0, step)), slice(max(0, step), width - max(0, -step))
        weight = (free[:, here] * free_after[:, there])[..., None]
        squares = weight * (after[:, there] - before[:, here]) ** 2
        errors.append(float(squares.sum() / (weight.sum() + 1e-6)))
    best = int(np.argmin(errors))
    if not 0 < best < len(errors) - 1:
        return float(best - _STEP)
    left, middle, right = errors[best - 1 : best + 2]
    return best - _STEP + (left - right) / (2 * (left - 2 * middle + right) + 1e-12)


def _named(way: float, least: float) -> str:
    return "" if abs(way) < least else "right" if way > 0 else "left"
