"""Renders scenes of behind-1: the motion is computed in closed form and MuJoCo draws it.

Nothing falls or collides, so nothing is simulated: rolling things roll without slipping at constant speed, sliding ones
are slowed by friction. Knows nothing of seeds, captions, files or processes.
"""

from functools import cache
from xml.etree import ElementTree

import numpy as np

from langit.shapes import PixelShape
from langit.worlds import camera, cast, film, stage
from langit.worlds.behind.scene import BehindScene
from langit.worlds.easel import Easel
from langit.worlds.film import FPS, PIXELS, Film, ThingMotion, mirror
from langit.worlds.opengl import mujoco
from langit.worlds.scene import mirror_scene

SIZE = 0.88  # scale of the passing thing relative to worlds-1
HIDER_SIZES = {"cube": (1.4, 1.4), "cylinder": (1.95, 1.4), "cone": (2.0, 1.75)}  # scale across and upwards
NEAR, AWAY = -0.5, 0.75  # y in metres of the hider, towards the viewer, and of the thing's path
_IMAGE_AT = 3  # the frame of a film of the usual length that a single image shows: before anything is hidden


def mjcf(sky: str) -> str:
    """The stage of worlds-1 as MJCF text with the first thing smaller and the second one larger."""
    root = ElementTree.fromstring(stage.mjcf(sky))
    assets, hider = root.find("asset"), root.find(".//body[@name='thing1']")
    assert assets is not None
    assert hider is not None
    for mesh in assets.findall("mesh"):
        shape = mesh.attrib["name"].split("-")[0]
        twin = ElementTree.SubElement(assets, "mesh", mesh.attrib)
        mesh.set("scale", f"{SIZE} {SIZE} {SIZE}")
        across, upwards = HIDER_SIZES.get(shape, (1.0, 1.0))
        twin.set("name", f"hider-{mesh.attrib['name']}")
        twin.set("scale", f"{across} {across} {upwards}")
    for geom in hider.findall("geom"):
        if "mesh" in geom.attrib:
            geom.set("mesh", f"hider-{geom.attrib['mesh']}")
    return ElementTree.tostring(root, encoding="unicode")


@cache
def model(ground: str, sky: str) -> mujoco.MjModel:
    """The compiled model of a ground and a sky. It is shared: `stage.dress` sets it up for a scene."""
    return stage.compile_model(mjcf(sky), ground, sky)


@cache
def _easel(ground: str, sky: str, height: int, width: int) -> Easel:
    return Easel(model(ground, sky), height, width)


def course(scene: BehindScene, frames: int) -> ThingMotion:
    """Motion of the things over `frames` (2 or more) frames of 1/8 s."""
    first, hider = scene.things
    form = cast.FORMS[first.shape]
    rows = camera.track(scene, frames)
    begin, end = (camera.stage_x(rows[at], seen, AWAY) for at, seen in ((0, scene.start), (-1, scene.end)))
    seconds = (frames - 1) / FPS
    at = np.arange(frames) / FPS
    slowing = 0.0 if form.rolling else float(np.sign(end - begin)) * stage.SLIDING * stage.GRAVITY
    speed = (end - begin) / seconds + slowing * seconds / 2
    x = begin + speed * at - slowing * at**2 / 2
    positions, orientations = np.zeros((frames, 2, 3)), np.zeros((frames, 2, 4))
    positions[:, 0, 0], positions[:, 0, 1], positions[:, 0, 2] = x, AWAY, SIZE * form.rest
    positions[:, 1] = (0.0, NEAR, HIDER_SIZES[hider.shape][1] * cast.FORMS[hider.shape].rest)
    angle = (x - begin) / (SIZE * form.rolling) if form.rolling else np.zeros(frames)  # about the stage's y axis
    orientations[:, 0, 0], orientations[:, 0, 2] = np.cos(angle / 2), np.sin(angle / 2)
    half = np.radians(scene.yaw[1]) / 2
    orientations[:, 1, 0], orientations[:, 1, 3] = np.cos(half), np.sin(half)
    return ThingMotion(positions, orientations)


def render(scene: BehindScene, pixels: PixelShape = PIXELS) -> Film:
    """Draw a scene. A mirrored scene is drawn as its original and flipped.

    A single image shows the thing before it is hidden.

    Raises:
        OSError: OpenGL is not available.
    """
    if scene.mirrored:
        original = mirror_scene(scene)
        assert isinstance(original, BehindScene)
        return mirror(render(original, pixels))
    length = PIXELS.frames if pixels.frames == 1 else pixels.frames
    shown = slice(_IMAGE_AT, _IMAGE_AT + 1) if pixels.frames == 1 else slice(None)
    motion, rows = course(scene, length), camera.track(scene, length)
    mj_model = model(scene.ground, scene.sky)
    stage.dress(mj_model, scene)
    easel = _easel(scene.ground, scene.sky, pixels.height, pixels.width)
    part = ThingMotion(motion.positions[shown], motion.orientations[shown])
    return film.draw(scene, pixels, part, rows[shown], mj_model, easel)
