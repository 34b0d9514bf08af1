"""Optical flow: does a video continue like the film? Estimated flow against the exact flow of the simulator.

The reference is exact: depth, camera and the objects' poses say where every point of a frame is in the next one. The
flow of a video is estimated from its frames by coarse-to-fine least squares on colours (Lucas and Kanade 1981). That
estimate is wrong by about half a pixel on the objects of real films, so real films have an error too, which is the
floor. The sky is ignored, because it has no texture. Knows frames and truth, no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional

from langit.worlds.camera import lens

if TYPE_CHECKING:
    from langit.worlds.film import Film  # its module starts OpenGL

PAIRS = 4  # pairs of neighbouring frames that are compared: one latent frame
_FAR = 200.0  # metres: the ground ends at 150, anything further is sky
_LEVELS, _TURNS = 3, 3
_WINDOW, _BLUR, _BETWEEN = 2.0, 0.6, 0.7  # standard deviations in pixels
_CALM = 3e-3  # weight of smoothness: how strongly flow is pulled to that of its neighbours
_FAINT = 1e-3  # squared colour difference (0 to 1) below which all pixels are trusted equally

Flow = Float[Tensor, "n 2 H W"]


def flow(before: UInt8[Tensor, "n H W 3"], after: UInt8[Tensor, "n H W 3"]) -> Flow:
    """Estimate how many pixels (right, down) each pixel of ``before`` moves until ``after``."""
    levels = [tuple(x.permute(0, 3, 1, 2).float() / 255 for x in (before, after))]
    for _ in range(_LEVELS - 1):
        one, other = (functional.avg_pool2d(_blur(x, _BETWEEN), 2, ceil_mode=True) for x in levels[-1])
        levels.append((one, other))
    found = levels[-1][0].new_zeros(len(before), 2, *levels[-1][0].shape[2:])
    for one, other in reversed(levels):
        if found.shape[2:] != one.shape[2:]:
            found = 2 * functional.interpolate(found, size=one.shape[2:], mode="bilinear", align_corners=False)
        found = _refine(_blur(one, _BLUR), _blur(other, _BLUR), found)
    return found


def _refine(one: Tensor, other: Tensor, found: Flow) -> Flow:
    """Improve the flow on one level of the pyramid, so that ``other`` warped by it resembles ``one``."""
    height, width = one.shape[2:]
    down, across = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    for _ in range(_TURNS):
        place = torch.stack([(across + found[:, 0]) / width, (down + found[:, 1]) / height], dim=-1) * 2 - 1
        warped = functional.grid_sample(other, place, mode="bicubic", padding_mode="border", align_corners=False)
        padded = functional.pad((one + warped) / 2, (1, 1, 1, 1), mode="replicate")
        x, y = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2], padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        x, y, rest = x / 2, y / 2, warped - one
        trust = (rest.square().mean(dim=1, keepdim=True) + _FAINT).rsqrt()  # robust: occluded pixels match nothing
        sums = torch.stack([(trust * a * b).sum(dim=1) for a, b in ((x, x), (x, y), (y, y), (x, rest), (y, rest))], 1)
        smooth = _blur(torch.cat([sums, found], dim=1), _WINDOW)
        xx, xy, yy, xd, yd = smooth[:, :5].unbind(dim=1)
        pull = _CALM * (smooth[:, 5:] - found)
        xx, yy, xd, yd = xx + _CALM, yy + _CALM, xd - pull[:, 0], yd - pull[:, 1]
        # solve the 2x2 normal equations of each pixel by Cramer's rule
        found = found - torch.stack([yy * xd - xy * yd, xx * yd - xy * xd], dim=1) / (xx * yy - xy * xy)[:, None]
    near = functional.unfold(functional.pad(found, (1, 1, 1, 1), mode="replicate"), 3)
    return near.view(len(found), 2, 9, height, width).median(dim=2).values


def _blur(x: Tensor, deviation: float) -> Tensor:
    reach, channels = int(3 * deviation + 0.5), x.shape[1]
    line = torch.exp(-(torch.arange(-reach, reach + 1) / deviation).square() / 2)
    line = (line / line.sum()).to(x)
    x = functional.pad(x, (reach, reach, reach, reach), mode="replicate")
    x = functional.conv2d(x, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(x, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


@dataclass(frozen=True, eq=False)
class TrueFlow:
    """The exact motion of every pixel to the next frame, and which pixels show an object or the ground."""

    flow: Flow
    things: Bool[Tensor, "n H W"]
    ground: Bool[Tensor, "n H W"]


def true_flow(film: Film, frames: Sequence[int]) -> TrueFlow:
    """Compute the exact flow from each of ``frames`` to the next, of a film that was rendered with depth."""
    assert film.depth is not None, "exact flow needs depth"
    masks = torch.from_numpy(film.masks[list(frames)])
    things = masks > 0
    sky = torch.from_numpy(film.depth[list(frames)]) > _FAR
    exact = np.stack([_exact_flow(film, frame) for frame in frames])
    return TrueFlow(torch.from_numpy(exact).float().permute(0, 3, 1, 2), things, ~sky & ~things)


def _exact_flow(film: Film, frame: int) -> Float[np.ndarray, "H W 2"]:
    """Unproject every pixel by its depth, move it with its object, and project it into the next frame."""
    assert film.depth is not None
    height, width = film.masks.shape[1:]
    row = film.camera[frame]
    half_width, half_height = lens(float(row[9]), height, width)
    down, across = np.mgrid[0:height, 0:width]
    x = ((across + 0.5) / width * 2 - 1) * half_width
    y = (1 - (down + 0.5) / height * 2) * half_height
    forward, up = row[3:6], row[6:9]
    rays = forward + x[..., None] * np.cross(forward, up) + y[..., None] * up
    points = row[:3] + film.depth[frame][..., None] * rays  # (H, W, 3)
    for index in range(film.positions.shape[1]):
        here = film.masks[frame] == index + 1
        turn = _rotation(film.orientations[frame + 1, index]) @ _rotation(film.orientations[frame, index]).T
        moved = (points[here] - film.positions[frame, index]) @ turn.T
        points[here] = moved + film.positions[frame + 1, index]
    row = film.camera[frame + 1]
    half_width, half_height = lens(float(row[9]), height, width)
    forward, up = row[3:6], row[6:9]
    away = points - row[:3]
    depth = np.maximum(away @ forward, 1e-3)
    seen_x = (away @ np.cross(forward, up) / (half_width * depth) + 1) / 2 * width - 0.5
    seen_y = (1 - away @ up / (half_height * depth)) / 2 * height - 0.5
    return np.stack([seen_x - across, seen_y - down], axis=-1)


def _rotation(quaternion: Float[np.ndarray, " q"]) -> Float[np.ndarray, "3 3"]:
    """Return the rotation matrix of a unit quaternion (w, x, y, z)."""
    w, x, y, z = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@dataclass(frozen=True)
class FlowError:
    """Mean end-point errors in pixels per frame, on objects and on the ground; None where there are no such pixels."""

    things: float | None
    ground: float | None


def end_point_error(estimated: Flow, truth: TrueFlow) -> FlowError:
    """Compare estimated with exact flow."""
    apart = (estimated - truth.flow).norm(dim=1)
    shares = [float(apart[where].mean()) if where.any() else None for where in (truth.things, truth.ground)]
    return FlowError(*shares)


def flow_error(frames: UInt8[Tensor, "T H W 3"], firsts: Sequence[int], truth: TrueFlow) -> FlowError:
    """Return the error of a video's flow from each of the frames ``firsts`` to the next."""
    places = torch.tensor(list(firsts))
    return end_point_error(flow(frames[places], frames[places + 1]), truth)


def frozen_error(truth: TrueFlow) -> FlowError:
    """Return the error of a still video, which is how far objects move."""
    return end_point_error(torch.zeros_like(truth.flow), truth)
