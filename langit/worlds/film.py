"""Renders scenes of worlds-1: MuJoCo simulates the things, then draws every frame; ground truth comes with the pixels.

Knows nothing of seeds, captions, files or processes. Positions are in the stage's axes (see camera.py).
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, UInt8

from langit.shapes import PixelShape
from langit.worlds import camera, cast, stage
from langit.worlds.easel import Easel
from langit.worlds.opengl import mujoco
from langit.worlds.scene import Scene, mirror_scene

FPS = 8
PIXELS = PixelShape(frames=17, height=64, width=64)
_APART = 0.70  # metres from the stage's centre to each of two things
_CEILING = 2.45  # metres: the highest that the top of a falling thing starts
_OFF_STAGE = 1000.0  # metres: the height at which unused bodies wait


@dataclass(frozen=True, eq=False)
class Film:
    """Pixels and ground truth of one film of n things. A mask holds the thing (1, 2) that a pixel shows, 0 for none.

    Orientations are quaternions (w, x, y, z); camera rows as in camera.py; depth in metres along the view, or None.
    """

    scene: Scene
    pixels: PixelShape
    frames: UInt8[np.ndarray, "T H W 3"]
    masks: UInt8[np.ndarray, "T H W"]
    depth: Float32[np.ndarray, "T H W"] | None
    positions: Float[np.ndarray, "T n 3"]
    orientations: Float[np.ndarray, "T n 4"]
    camera: Float[np.ndarray, "T 10"]

    @property
    def scene_sha256(self) -> str:
        return self.scene.sha256

    @property
    def motion_sha256(self) -> str:
        """Hash of the positions in whole millimetres: the same on every machine."""
        return hashlib.sha256(np.round(self.positions * 1000).astype("<i4").tobytes()).hexdigest()

    @property
    def pixel_sha256(self) -> str:
        """Hash of the frames: the same wherever the same renderer draws."""
        return hashlib.sha256(np.ascontiguousarray(self.frames).tobytes()).hexdigest()


@dataclass(frozen=True)
class ThingMotion:
    """Positions and orientations of the things in every frame."""

    positions: Float[np.ndarray, "T n 3"]
    orientations: Float[np.ndarray, "T n 4"]


def simulate(scene: Scene, frames: int) -> ThingMotion:
    """Simulate a scene for `frames` (2 or more) frames of 1/8 s."""
    mj_model = stage.model(scene.ground, scene.sky)
    stage.dress(mj_model, scene)
    data = mujoco.MjData(mj_model)
    count = len(scene.things)
    _set_initial_state(scene, data, frames)
    positions, orientations = np.zeros((frames, count, 3)), np.zeros((frames, count, 4))
    steps = round(1 / FPS / mj_model.opt.timestep)
    jump_steps = round(scene.vigour / mj_model.opt.timestep) if scene.action == "jumps" else 0
    for frame in range(frames):
        for index in range(count):
            positions[frame, index] = data.qpos[7 * index : 7 * index + 3]
            orientations[frame, index] = data.qpos[7 * index + 3 : 7 * index + 7]
        due = -(frame * steps) % jump_steps if jump_steps else steps
        if due < steps:
            mujoco.mj_step(mj_model, data, due)
            data.qvel[2] = stage.GRAVITY * scene.vigour / 2
            mujoco.mj_step(mj_model, data, steps - due)
        else:
            mujoco.mj_step(mj_model, data, steps)
    return ThingMotion(positions, orientations)


def _set_initial_state(scene: Scene, data: mujoco.MjData, frames: int) -> None:
    """Set the initial positions and velocities of the things."""
    forms = [cast.FORMS[thing.shape] for thing in scene.things]
    seconds = (frames - 1) / FPS
    side = -1.0 if scene.side == "left" else 1.0
    places = [0.0] if not scene.side else [side * _APART, -side * _APART]
    speed = spin = 0.0
    if scene.action in ("left", "right"):
        rows = camera.track(scene, frames)
        first, last = camera.stage_x(rows[0], scene.start), camera.stage_x(rows[-1], scene.end)
        slowing = 0.0 if forms[0].rolling else stage.SLIDING * stage.GRAVITY
        way = float(np.sign(last - first))
        places, speed = [first], (last - first) / seconds + way * slowing * seconds / 2
    elif scene.action == "collides":
        places, speed = [side * 1.75, side * 0.1], -side * scene.vigour
    elif scene.action == "spins":
        spin = 2 * np.pi * scene.vigour / seconds
    data.qpos[:], data.qvel[:] = 0.0, 0.0
    for index in range(stage.THINGS):
        here = slice(7 * index, 7 * index + 7)
        if index >= len(forms):
            data.qpos[here] = (0.0, 0.0, _OFF_STAGE, 1, 0, 0, 0)
            continue
        rise = min(scene.vigour, _CEILING - forms[index].height) if scene.action == "falls" and index == 0 else 0.0
        half = np.radians(scene.yaw[index]) / 2
        data.qpos[here] = (places[index], 0.0, forms[index].rest + rise, np.cos(half), 0.0, 0.0, np.sin(half))
    data.qvel[0] = speed
    # MuJoCo gives a free joint's angular velocity in the body's axes; yaw is 0 wherever a thing rolls
    data.qvel[4] = speed / forms[0].rolling if forms[0].rolling else 0.0
    data.qvel[5] = spin


def render(scene: Scene, pixels: PixelShape = PIXELS, depth: bool = False) -> Film:
    """Simulate and draw a scene. A mirrored scene is drawn as its original and flipped.

    Raises:
        OSError: OpenGL is not available.
    """
    if scene.mirrored:
        return mirror(render(mirror_scene(scene), pixels, depth))
    motion, rows = _motion_and_camera(scene, pixels.frames)
    mj_model = stage.model(scene.ground, scene.sky)
    easel = Easel.for_stage(scene.ground, scene.sky, pixels.height, pixels.width)
    return draw(scene, pixels, motion, rows, mj_model, easel, depth)


def draw(
    scene: Scene,
    pixels: PixelShape,
    motion: ThingMotion,
    rows: camera.Track,
    mj_model: mujoco.MjModel,
    easel: Easel,
    depth: bool = False,
) -> Film:
    """Draw every frame of a motion on a stage that `stage.dress` has set up for the scene."""
    easel.activate()
    turn = np.radians(scene.heading)
    to_world = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    shift = np.array([*scene.offset, 0.0])
    data = mujoco.MjData(mj_model)
    frames = np.empty((pixels.frames, pixels.height, pixels.width, 3), np.uint8)
    masks = np.empty(frames.shape[:3], np.uint8)
    depths = np.empty(frames.shape[:3], np.float32) if depth else None
    heading = np.array([np.cos(turn / 2), 0.0, 0.0, np.sin(turn / 2)])
    turned = np.zeros(4)
    data.qpos[2::7] = _OFF_STAGE
    data.qpos[3::7] = 1.0
    for frame in range(pixels.frames):
        for index in range(len(scene.things)):
            mujoco.mju_mulQuat(turned, heading, motion.orientations[frame, index])
            data.qpos[7 * index : 7 * index + 3] = to_world @ motion.positions[frame, index] + shift
            data.qpos[7 * index + 3 : 7 * index + 7] = turned
        row = rows[frame]
        view = np.concatenate([to_world @ row[:3] + shift, to_world @ row[3:6], to_world @ row[6:9], row[9:]])
        easel.aim(data, view, shift)
        frames[frame], masks[frame] = easel.draw()
        if depths is not None:
            depths[frame] = easel.depth()
    return Film(scene, pixels, frames, masks, depths, motion.positions, motion.orientations, rows)


def _motion_and_camera(scene: Scene, frames: int) -> tuple[ThingMotion, camera.Track]:
    """ThingMotion and camera. A single image is the middle frame of a film of the usual length."""
    if frames > 1:
        return simulate(scene, frames), camera.track(scene, frames)
    middle = slice(PIXELS.frames // 2, PIXELS.frames // 2 + 1)
    motion = simulate(scene, PIXELS.frames)
    return ThingMotion(motion.positions[middle], motion.orientations[middle]), camera.track(scene, PIXELS.frames)[
        middle
    ]


def mirror(film: Film) -> Film:
    """The mirror image of a film: left and right change places in pixels, ground truth and scene."""
    flip = np.array([-1.0, 1.0, 1.0])
    return replace(
        film,
        scene=mirror_scene(film.scene),
        frames=np.ascontiguousarray(film.frames[:, :, ::-1]),
        masks=np.ascontiguousarray(film.masks[:, :, ::-1]),
        depth=None if film.depth is None else np.ascontiguousarray(film.depth[:, :, ::-1]),
        positions=film.positions * flip,
        orientations=film.orientations * np.array([1.0, 1.0, -1.0, -1.0]),
        camera=film.camera * np.array([-1.0, 1, 1, -1, 1, 1, -1, 1, 1, 1]),
    )
