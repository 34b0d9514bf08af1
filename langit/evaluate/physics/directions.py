"""Left or right: of an object that crosses the picture, and of a camera that pans or orbits.

An object goes where its track goes. A camera's turn is read off the distant hills and the sky, which do not move by
themselves: they drift left when the camera turns right. Knows frames and tracks, no prompts and no models.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from langit.evaluate.judges.probe import to_video
from langit.evaluate.judges.tracker import Segmentation, Track

_BAND = (0.08, 0.30)  # picture heights from the top between which hills and sky are visible
_STEP = 7  # pixels: the largest drift per frame that is searched
MOVES, TURNS = 0.10, 0.10  # picture widths: smaller displacements do not count as motion


def track_direction(track: Track) -> str:
    """Return "left", "right" or "" (no motion) from an object's first to its last position."""
    seen = [spot.x for spot in track if spot is not None]
    return _direction(seen[-1] - seen[0], MOVES) if seen else ""


def camera_direction(drift: float, orbits: bool) -> str:
    """Return "left", "right" or "" (no turn) from the drift of the sky.

    A camera that orbits to the right looks to the left to keep its target in view, so the sky drifts right.
    """
    return _direction(drift if orbits else -drift, TURNS)


def sky_drift(video: UInt8[Tensor, "T H W 3"], sight: Segmentation) -> float:
    """Return how far hills and sky drift to the right over a video, in picture widths, ignoring covered pixels."""
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
    """Return the shift to the right with the smallest squared difference, refined below a pixel by a parabola."""
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


def _direction(distance: float, least: float) -> str:
    return "" if abs(distance) < least else "right" if distance > 0 else "left"
