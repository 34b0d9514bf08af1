"""Camera rows of story-1 in every frame, as in `worlds.camera`, in the stage's own axes."""

import math

import numpy as np

from langit.worlds.camera import Track
from langit.worlds.story import carriage
from langit.worlds.story.scene import StoryScene

FPS = 8
# metres from the figures, metres above the ground, degrees of tilt downward
_EYES = {"puppies": (3.0, 0.95, 9.0), "traveller": (4.2, 1.2, 2.5), "window": (carriage.DISTANCE, 0.0, 0.0)}


def distance(scene: StoryScene) -> float:
    """Metres along the ground from the camera to the figures."""
    return _EYES[scene.kind][0]


def track(scene: StoryScene, frames: int) -> Track:
    """Camera rows of `frames` (2 or more) frames."""
    return np.array([_row(scene, share, frame) for frame, share in enumerate(np.linspace(-0.5, 0.5, frames))])


def heading(scene: StoryScene, share: float) -> float:
    """The camera's heading, in radians to the right, at a share (-0.5 to 0.5) of the film."""
    kind, _, way = scene.camera.partition(" ")
    return math.radians(scene.sweep) * share * (-1.0 if way == "left" else 1.0) if kind == "pan" else 0.0


def half(scene: StoryScene, share: float) -> float:
    """Tangent of half the field of view of a square picture."""
    wide = scene.width / 2 / distance(scene)
    if scene.camera.startswith("zoom"):
        in_full = (
            0.5 if scene.kind == "window" else 0.0
        )  # a zoom of a window starts or ends at the full picture: the frame must not show
        wide /= scene.sweep ** ((share if scene.camera == "zoom in" else -share) + in_full)
    return wide


def _row(scene: StoryScene, share: float, frame: int) -> list[float]:
    away, high, tilt_degrees = _EYES[scene.kind]
    turn, tilt, roll = heading(scene, share), math.radians(tilt_degrees), 0.0
    if scene.style == "handheld":  # sums of slow and fast sines, with amplitudes in radians
        seconds, (a, b) = frame / FPS, scene.phase
        turn += 0.030 * math.sin(2 * math.pi * (0.83 * seconds + a)) + 0.014 * math.sin(
            2 * math.pi * (2.1 * seconds + b)
        )
        tilt += 0.024 * math.sin(2 * math.pi * (0.97 * seconds + b)) + 0.014 * math.sin(
            2 * math.pi * (2.6 * seconds + a)
        )
        roll = 0.035 * math.sin(2 * math.pi * (0.71 * seconds + a + b))
    forward = np.array([math.sin(turn) * math.cos(tilt), math.cos(turn) * math.cos(tilt), -math.sin(tilt)])
    up = np.array([math.sin(turn) * math.sin(tilt), math.cos(turn) * math.sin(tilt), math.cos(tilt)])
    up = up * math.cos(roll) + np.cross(forward, up) * math.sin(roll)
    return [0.0, -away, high, *forward, *up, half(scene, share)]
