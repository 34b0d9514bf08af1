"""The camera's position and projection in every frame: geometry only, in the stage's own axes.

Axes: x to the right of the picture, y away from the viewer, z up; the origin is on the ground at the stage's centre.
A camera row has 10 numbers: position (3), forward (3), up (3), tangent of half the field of view of a square picture.
"""

import math

import numpy as np
from jaxtyping import Float

from langit.worlds.scene import Scene

DISTANCE = 3.4  # metres from the stage's centre, along the ground
HEIGHT = 1.5
TILT = 13.0  # degrees down: the horizon lies in the upper third

Track = Float[np.ndarray, "T 10"]


def track(scene: Scene, frames: int) -> Track:
    """Camera rows of `frames` (2 or more) frames."""
    share = np.linspace(-0.5, 0.5, frames)
    kind, _, way = scene.camera.partition(" ")
    side = -1.0 if way == "left" else 1.0
    rows = [_row(scene, kind, way, float(u) * side, float(u)) for u in share]
    return np.array(rows)


def _row(scene: Scene, kind: str, way: str, sideways: float, share: float) -> list[float]:
    around = math.radians(scene.sweep) * sideways if kind == "orbit" else 0.0
    position = (DISTANCE * math.sin(around), -DISTANCE * math.cos(around), HEIGHT)
    turn = math.radians(scene.sweep) * sideways if kind == "pan" else -around  # to the right
    tilt = math.radians(TILT)
    forward = (math.sin(turn) * math.cos(tilt), math.cos(turn) * math.cos(tilt), -math.sin(tilt))
    up = (math.sin(turn) * math.sin(tilt), math.cos(turn) * math.sin(tilt), math.cos(tilt))
    half = scene.width / 2 / DISTANCE
    if kind == "zoom":
        half /= scene.sweep ** (share if way == "in" else -share)
    return [*position, *forward, *up, half]


def lens(half: float, height: int, width: int) -> tuple[float, float]:
    """Tangents of half the picture's width and height. A wide or tall picture shows more of the stage, at one scale."""
    unit = min(width, 1.25 * height)  # pixels that span the field of view of a square picture
    return half * width / unit, half * height / unit


def stage_x(row: Float[np.ndarray, "10"], across: float, away: float = 0.0) -> float:
    """The x of the point on the line y = away that is `across` picture widths right of a square picture's centre."""
    forward = row[3:5] / np.hypot(row[3], row[4])
    right = np.array([forward[1], -forward[0]])
    # (p - c) . right = slope * depth, solved for p = (x, away); depth runs along the tilted view, at 0.5 m above ground
    slope = 2 * across * row[9]
    flat = math.cos(math.radians(TILT))
    drop = math.sin(math.radians(TILT)) * (HEIGHT - 0.5)
    factor = right[0] - slope * flat * forward[0]
    known = right @ row[:2] - slope * flat * (forward @ row[:2]) + slope * drop
    known -= away * (right[1] - slope * flat * forward[1])
    return float(known / factor)


def project(
    row: Float[np.ndarray, "10"], point: Float[np.ndarray, "3"], height: int, width: int
) -> tuple[float, float]:
    """Project a point: picture widths right of the picture's centre, and picture heights above it."""
    away = point - row[:3]
    forward, up = row[3:6], row[6:9]
    right = np.cross(forward, up)
    depth = float(away @ forward)
    half_width, half_height = lens(float(row[9]), height, width)
    return float(away @ right) / (2 * half_width * depth), float(away @ up) / (2 * half_height * depth)
