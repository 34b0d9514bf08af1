"""Renders scenes of story-1: figures are posed, MuJoCo draws every frame, and the style is applied to the pixels.

Knows nothing of captions, files or processes. Positions are in the stage's axes (see `worlds.camera`).
"""

import hashlib
import math
import random
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8

from langit.shapes import PixelShape
from langit.worlds.easel import Easel
from langit.worlds.opengl import mujoco
from langit.worlds.story import camera, carriage, puppy, stage, traveller
from langit.worlds.story.puppy import Pose
from langit.worlds.story.scene import VERSION, StoryScene, mirror_scene
from langit.worlds.story.style import apply_style

FPS = camera.FPS
PIXELS = PixelShape(frames=17, height=64, width=64)
_APART = 0.62  # metres from the stage's centre to each of two puppies
_BEHIND = 0.55  # metres by which the second of two running puppies is farther away
_WALK = 2.6  # metres of a traveller's walk towards the viewer or away


@dataclass(frozen=True, eq=False)
class StoryFilm:
    """Pixels and ground truth of one film of n figures. A mask holds the figure (1, 2) that a pixel shows, 0 for none.

    In a window's masks 1 is the reflection and 2 the nearby scenery, and positions are how far the scenery has passed.
    `joints` are the figures' joint angles in the seed's own film, also where this is its mirror image.
    """

    scene: StoryScene
    pixels: PixelShape
    frames: UInt8[np.ndarray, "T H W 3"]
    masks: UInt8[np.ndarray, "T H W"]
    positions: Float[np.ndarray, "T n 3"]
    joints: Float[np.ndarray, "T q"]
    camera: Float[np.ndarray, "T 10"]

    @property
    def scene_sha256(self) -> str:
        return self.scene.sha256

    @property
    def motion_sha256(self) -> str:
        """Hash of positions, joints and camera in thousandths: the same on every machine."""
        parts = (self.positions, self.joints, self.camera)
        return hashlib.sha256(b"".join(np.round(part * 1000).astype("<i4").tobytes() for part in parts)).hexdigest()

    @property
    def pixel_sha256(self) -> str:
        """Hash of the frames: the same wherever the same renderer draws."""
        return hashlib.sha256(np.ascontiguousarray(self.frames).tobytes()).hexdigest()


def poses(scene: StoryScene, seconds: float, share: float) -> list[Pose]:
    """The figures' poses at a moment, a share (-0.5 to 0.5) of the film; yaw 0 faces the right of the picture."""
    if scene.kind == "traveller":
        return [_walk_pose(scene, seconds, share)]
    count = len(scene.colours)
    found = []
    for index in range(count):
        phase, facing = scene.phase[index], scene.facing[index]
        if scene.action in ("left", "right"):
            gap = (0.0, 0.0) if count == 1 else ((0.30, -_BEHIND * 0.5), (-0.34, _BEHIND))[index]
            at = puppy.pose("runs", seconds, 0.0, scene.pace, phase)
            found.append(
                _place(at, _x_along_path(scene, share) + gap[0], gap[1], 0.0 if scene.action == "right" else math.pi)
            )
            continue
        right = (index == 1) if count == 2 else facing > 0  # two puppies face each other
        x = (0.0 if count == 1 else _APART) * (1.0 if right else -1.0)
        inward = 0.35 + 0.25 * abs(facing) if scene.action != "sits" else 0.75 + 0.35 * abs(facing)
        yaw = math.pi + inward if right else -inward
        action = _play_action(scene, index) if scene.action == "plays" else scene.action
        at = puppy.pose(action, seconds, 0.0, scene.pace, phase)
        found.append(_place(at, x, 0.0, yaw))
    return found


def _play_action(scene: StoryScene, index: int) -> str:
    return (("jumps", "bows"), ("bows", "tumbles"), ("tumbles", "jumps"))[int(scene.phase[0] * 3)][index]


def _x_along_path(scene: StoryScene, share: float) -> float:
    """The x of figures that cross the picture, from their place in the first frame to that in the last one."""

    def at(across: float, when: float) -> float:
        turn = camera.heading(scene, when) + math.atan(2 * across * camera.half(scene, when))
        return camera.distance(scene) * math.tan(turn)

    first, last = at(scene.start, -0.5), at(scene.end, 0.5)
    return first + (last - first) * (share + 0.5)


def _walk_pose(scene: StoryScene, seconds: float, share: float) -> Pose:
    at = traveller.pose(seconds, 0.0, scene.pace, scene.phase[0])
    if scene.action in ("left", "right"):
        return _place(at, _x_along_path(scene, share), 0.0, 0.0 if scene.action == "right" else math.pi)
    slant = 0.35 * scene.facing[0]
    sign = -1.0 if scene.action == "towards" else 1.0
    y = 0.75 + sign * _WALK * share
    return _place(at, 0.25 * scene.facing[0] * camera.half(scene, share) * (y + 4.2), y, sign * math.pi / 2 + slant)


def _place(pose: Pose, x: float, y: float, yaw: float) -> Pose:
    """Rotate a pose by yaw and move its root to (x, y), plus the displacement of its action."""
    along, aside, up = pose.place
    c, s = math.cos(yaw), math.sin(yaw)
    return replace(pose, place=(x + c * along - s * aside, y + s * along + c * aside, up), turn=(yaw, *pose.turn[1:]))


def _quaternion(turn: tuple[float, float, float]) -> tuple[float, float, float, float]:
    """Quaternion (w, x, y, z) of yaw about z, then pitch about y, then roll about x, about the body's own axes."""
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(a / 2), math.sin(a / 2)) for a in turn)
    return (
        cy * cp * cr + sy * sp * sr,
        cy * cp * sr - sy * sp * cr,
        cy * sp * cr + sy * cp * sr,
        sy * cp * cr - cy * sp * sr,
    )


@cache
def _easel(kind: str, ground: str, sky: str, height: int, width: int) -> Easel:
    mj_model = stage.model(kind, ground, sky)
    return Easel(mj_model, height, width, stage.GEOMS, stage.mask_values(mj_model))


@cache
def _addresses(mj_model: mujoco.MjModel) -> dict[str, int]:
    """The index in qpos of each joint's first number."""
    return {mj_model.joint(index).name: int(mj_model.jnt_qposadr[index]) for index in range(mj_model.njnt)}


def render(scene: StoryScene, pixels: PixelShape = PIXELS) -> StoryFilm:
    """Pose and draw a scene. A mirrored scene is drawn as its original and flipped.

    Raises:
        OSError: OpenGL is not available.
    """
    if scene.mirrored:
        return mirror(render(mirror_scene(scene), pixels))
    length = pixels.frames if pixels.frames > 1 else PIXELS.frames
    shown = range(length) if pixels.frames > 1 else range(length // 2, length // 2 + 1)
    mj_model = stage.model(scene.kind, scene.ground, scene.sky)
    stage.dress(mj_model, scene)
    easel = _easel(scene.kind, scene.ground, scene.sky, pixels.height, pixels.width)
    easel.activate()
    rows = camera.track(scene, length)
    turn = math.radians(scene.heading) if scene.kind != "window" else 0.0
    offset = scene.offset if scene.kind != "window" else (0.0, 0.0)
    to_world = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1.0]])
    shift = np.array([*offset, 0.0])
    data = mujoco.MjData(mj_model)
    weather = random.Random(f"{VERSION}:{scene.seed}:weather")
    drops = np.array([[weather.random() for _ in range(4)] for _ in range(stage.FLAKES)])
    layout = random.Random(f"{VERSION}:{scene.seed}:layout")
    offsets = {row.name: layout.random() * row.length for row in carriage.ROWS}
    gaps = {
        f"{row.name}{index}": (layout.random() * 2 - 1) * row.jitter
        for row in carriage.ROWS
        for index in range(row.count)
    }
    frames = np.empty((len(shown), pixels.height, pixels.width, 3), np.uint8)
    masks = np.empty(frames.shape[:3], np.uint8)
    positions, joints = [], []
    for place, frame in enumerate(shown):
        seconds, share = frame / FPS, frame / (length - 1) - 0.5
        if scene.kind == "window":
            passed = scene.pace * seconds * (-1.0 if scene.action == "left" else 1.0)
            _move_scenery(mj_model, scene, passed, offsets, gaps)
            positions.append([(passed, 0.0, 0.0)])
            joints.append([passed])
        else:
            figures = poses(scene, seconds, share)
            positions.append([figure.place for figure in figures])
            joints.append([angle for figure in figures for angle in (*figure.turn, *figure.joints.values())])
            _pose(mj_model, data, scene, figures, turn, to_world, shift)
        if scene.sky == "rain" or scene.weather == "snowfall":
            _move_flakes(mj_model, scene, drops, seconds, to_world, shift)
        row = rows[frame]
        view = np.concatenate([to_world @ row[:3] + shift, to_world @ row[3:6], to_world @ row[6:9], row[9:]])
        easel.aim(data, view, shift)
        frames[place], masks[place] = easel.draw()
    frames = apply_style(frames, scene.style, scene.seed, shown[0])
    return StoryFilm(scene, pixels, frames, masks, np.array(positions), np.array(joints), rows[list(shown)])


def _pose(
    mj_model: mujoco.MjModel,
    data: mujoco.MjData,
    scene: StoryScene,
    figures: list[Pose],
    turn: float,
    to_world: np.ndarray,
    shift: np.ndarray,
) -> None:
    addresses = _addresses(mj_model)
    for index, figure in enumerate(figures):
        name = f"puppy{index}" if scene.kind == "puppies" else "traveller"
        at = addresses[name]
        data.qpos[at : at + 3] = to_world @ np.array(figure.place) + shift
        data.qpos[at + 3 : at + 7] = _quaternion((figure.turn[0] + turn, *figure.turn[1:]))
        for joint, angle in figure.joints.items():
            data.qpos[addresses[f"{name}-{joint}"]] = angle


def _move_scenery(
    mj_model: mujoco.MjModel, scene: StoryScene, passed: float, offsets: dict[str, float], gaps: dict[str, float]
) -> None:
    """Move the scenery to its place after `passed` metres to the right, and seat the passenger."""
    bodies = _bodies(mj_model)
    for row in carriage.ROWS:
        if scene.ground not in row.places:
            continue
        for index in range(row.count):
            name = f"{row.name}{index}"
            at = offsets[row.name] + index * row.spacing + gaps[name] + passed
            mj_model.body_pos[bodies[name], 0] = carriage.wrap(at, row.length)
    mj_model.body_pos[bodies["earth"], 0] = carriage.wrap(passed, 10.0)
    mj_model.body_pos[bodies["passenger"], :3] = (
        0.40 * (1 if scene.facing[0] > 0 else -1) * (0.7 + 0.3 * abs(scene.facing[0])),
        0.35,
        -0.12,
    )


@cache
def _bodies(mj_model: mujoco.MjModel) -> dict[str, int]:
    return {mj_model.body(index).name: index for index in range(mj_model.nbody)}


def _move_flakes(
    mj_model: mujoco.MjModel,
    scene: StoryScene,
    drops: np.ndarray,
    seconds: float,
    to_world: np.ndarray,
    shift: np.ndarray,
) -> None:
    """Move snowflakes, which sway down around the figures, or raindrops, which fall fast outside the window."""
    bodies = _bodies(mj_model)
    wide, high = (5.0, 3.2)
    for index, (a, b, c, d) in enumerate(drops):
        x, z = wide * (a - 0.5), high * ((b - seconds * (1.9 if scene.sky == "rain" else 0.24 + 0.08 * d)) % 1.0)
        y = 0.6 + 3.0 * c if scene.kind == "window" else 3.6 * c - 1.6
        if scene.weather == "snowfall":
            x += 0.12 * math.sin(2 * math.pi * (0.5 * seconds + d))
        place = np.array([x, y, z - (1.6 if scene.kind == "window" else 0.0)])
        mj_model.body_pos[bodies[f"flake{index}"]] = to_world @ place + shift


def mirror(film: StoryFilm) -> StoryFilm:
    """The mirror image of a film: left and right change places in pixels, ground truth and scene."""
    return replace(
        film,
        scene=mirror_scene(film.scene),
        frames=np.ascontiguousarray(film.frames[:, :, ::-1]),
        masks=np.ascontiguousarray(film.masks[:, :, ::-1]),
        positions=film.positions * np.array([-1.0, 1.0, 1.0]),
        camera=film.camera * np.array([-1.0, 1, 1, -1, 1, 1, -1, 1, 1, 1]),
    )
