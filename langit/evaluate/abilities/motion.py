"""Does a video go on as the film does? Its optical flow, measured, against the flow that the simulator knows.

The reference is exact: depth, camera and the things' places say where every point of a frame is in the next one. What
is judged is estimated from its frames, by a coarse-to-fine least-squares match of colours (Lucas and Kanade 1981),
which is wrong by about half a pixel on the things of real films; so real films have an error too, and it is the floor.
Not judged is the sky, on which nothing can be seen to move. It knows frames and truth, no models.
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

PAIRS = 4  # of neighbouring frames that are compared: one latent frame
_FAR = 200.0  # metres: the ground ends at 150, what is further is the sky
_LEVELS, _TURNS = 3, 3
_WINDOW, _BLUR, _BETWEEN = 2.0, 0.6, 0.7  # standard deviations in pixels
_CALM = 3e-3  # how much a flow is drawn to that of its neighbours
_FAINT = 1e-3  # squared difference of colours (0 to 1) below which all count alike

Flow = Float[Tensor, "n 2 H W"]


def flow(before: UInt8[Tensor, "n H W 3"], after: UInt8[Tensor, "n H W 3"]) -> Flow:
    """Pixels to the right and down that each pixel of ``before`` goes until ``after``, estimated."""
    levels = [tuple(x.permute(0, 3, 1, 2).float() / 255 for x in (before, after))]
    for _ in range(_LEVELS - 1):
        one, other = (functional.avg_pool2d(_blurred(x, _BETWEEN), 2, ceil_mode=True) for x in levels[-1])
        levels.append((one, other))
    found = levels[-1][0].new_zeros(len(before), 2, *levels[-1][0].shape[2:])
    for one, other in reversed(levels):
        if found.shape[2:] != one.shape[2:]:
            found = 2 * functional.interpolate(found, size=one.shape[2:], mode="bilinear", align_corners=False)
        found = _match(_blurred(one, _BLUR), _blurred(other, _BLUR), found)
    return found


def _match(one: Tensor, other: Tensor, found: Flow) -> Flow:
    """Better the flow on one level: other, warped by it, is to look like one."""
    height, width = one.shape[2:]
    down, across = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    for _ in range(_TURNS):
        place = torch.stack([(across + found[:, 0]) / width, (down + found[:, 1]) / height], dim=-1) * 2 - 1
        warped = functional.grid_sample(other, place, mode="bicubic", padding_mode="border", align_corners=False)
        padded = functional.pad((one + warped) / 2, (1, 1, 1, 1), mode="replicate")
        x, y = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2], padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        x, y, rest = x / 2, y / 2, warped - one
        trust = (rest.square().mean(dim=1, keepdim=True) + _FAINT).rsqrt()  # what is hidden matches nothing
        sums = torch.stack([(trust * a * b).sum(dim=1) for a, b in ((x, x), (x, y), (y, y), (x, rest), (y, rest))], 1)
        smooth = _blurred(torch.cat([sums, found], dim=1), _WINDOW)
        xx, xy, yy, xd, yd = smooth[:, :5].unbind(dim=1)
        pull = _CALM * (smooth[:, 5:] - found)
        xx, yy, xd, yd = xx + _CALM, yy + _CALM, xd - pull[:, 0], yd - pull[:, 1]
        found = found - torch.stack([yy * xd - xy * yd, xx * yd - xy * xd], dim=1) / (xx * yy - xy * xy)[:, None]
    near = functional.unfold(functional.pad(found, (1, 1, 1, 1), mode="replicate"), 3)
    return near.view(len(found), 2, 9, height, width).median(dim=2).values


def _blurred(x: Tensor, deviation: float) -> Tensor:
    reach, channels = int(3 * deviation + 0.5), x.shape[1]
    line = torch.exp(-(torch.arange(-reach, reach + 1) / deviation).square() / 2)
    line = (line / line.sum()).to(x)
    x = functional.pad(x, (reach, reach, reach, reach), mode="replicate")
    x = functional.conv2d(x, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(x, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


@dataclass(frozen=True, eq=False)
class TrueFlow:
    """Where every pixel goes until the next frame, which pixels show a thing, and which the ground."""

    flow: Flow
    things: Bool[Tensor, "n H W"]
    ground: Bool[Tensor, "n H W"]


def true_flow(film: Film, frames: Sequence[int]) -> TrueFlow:
    """The exact flow from each of ``frames`` to the one after it, of a film that was drawn with depth."""
    assert film.depth is not None, "the exact flow needs depth"
    masks = torch.from_numpy(film.masks[list(frames)])
    things = masks > 0
    sky = torch.from_numpy(film.depth[list(frames)]) > _FAR
    exact = np.stack([_exact(film, frame) for frame in frames])
    return TrueFlow(torch.from_numpy(exact).float().permute(0, 3, 1, 2), things, ~sky & ~things)


def _exact(film: Film, frame: int) -> Float[np.ndarray, "H W 2"]:
    """Every pixel's point is found by its depth, carried by the thing that it belongs to, and seen again."""
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
        turn = _matrix(film.orientations[frame + 1, index]) @ _matrix(film.orientations[frame, index]).T
        carried = (points[here] - film.positions[frame, index]) @ turn.T
        points[here] = carried + film.positions[frame + 1, index]
    row = film.camera[frame + 1]
    half_width, half_height = lens(float(row[9]), height, width)
    forward, up = row[3:6], row[6:9]
    away = points - row[:3]
    depth = np.maximum(away @ forward, 1e-3)
    seen_x = (away @ np.cross(forward, up) / (half_width * depth) + 1) / 2 * width - 0.5
    seen_y = (1 - away @ up / (half_height * depth)) / 2 * height - 0.5
    return np.stack([seen_x - across, seen_y - down], axis=-1)


def _matrix(turned: Float[np.ndarray, " q"]) -> Float[np.ndarray, "3 3"]:
    """The rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = turned
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@dataclass(frozen=True)
class FlowError:
    """Mean end-point errors in pixels a frame, on pixels of the things and of the ground; None where there are none."""

    things: float | None
    ground: float | None


def error(estimated: Flow, truth: TrueFlow) -> FlowError:
    """How far the flow of a video is from that of the film."""
    apart = (estimated - truth.flow).norm(dim=1)
    shares = [float(apart[where].mean()) if where.any() else None for where in (truth.things, truth.ground)]
    return FlowError(*shares)


def flow_error(frames: UInt8[Tensor, "T H W 3"], firsts: Sequence[int], truth: TrueFlow) -> FlowError:
    """The error of a video between each of the frames ``firsts`` and the next."""
    places = torch.tensor(list(firsts))
    return error(flow(frames[places], frames[places + 1]), truth)


def frozen_error(truth: TrueFlow) -> FlowError:
    """The error of a video that stands still: how far things go."""
    return error(torch.zeros_like(truth.flow), truth)
