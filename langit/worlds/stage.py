"""The stage of worlds-1: a compile_model MuJoCo model for each ground and sky, and what a scene sets in it.

Every model contains all shapes and a scene shows the ones that it needs, so that no film needs a compilation. Knows
MuJoCo's model, not its renderer.
"""

from functools import cache

import numpy as np

from langit.worlds import cast, paint
from langit.worlds.opengl import mujoco
from langit.worlds.scene import SHAPES, Scene

THINGS = 2  # bodies in every model
GRAVITY = 6.0  # m/s^2, 0.6 of the real one: falls last long enough to be seen at 8 frames a second
SLIDING = 0.02  # coefficient of friction of shapes that slide
STEP = 0.0025  # seconds
FAR = 150.0  # metres to the ground's edge
SHADOW_SIZE = 256

PAINTS: dict[str, tuple[float, float, float]] = {
    "red": (0.88, 0.06, 0.07),
    "orange": (1.0, 0.45, 0.0),
    "yellow": (1.0, 0.88, 0.06),
    "green": (0.06, 0.78, 0.14),
    "blue": (0.08, 0.22, 0.95),
    "purple": (0.60, 0.08, 0.70),
    "white": (0.97, 0.97, 0.97),
}
_IDLE_INERTIA = (0.1, 0.1, 0.1)  # of a body that the scene does not use
_PALE = 0.65  # share of white in a stripe: enough to be seen, little enough to survive video compression
_DARK_STRIPES = {"white": (0.27, 0.27, 0.31), "yellow": (0.50, 0.34, 0.04)}


def mjcf(sky: str) -> str:
    """The stage as MJCF text; its textures are painted after compilation."""
    light = paint.LIGHTS[sky]
    tiles = 2 * FAR / paint.GROUND_METRES
    bodies = "\n".join(cast.body(index) for index in range(THINGS))
    return f"""
<mujoco model="langit">
  <compiler angle="degree"/>
  <option timestep="{STEP}" gravity="0 0 -{GRAVITY}" iterations="20"/>
  <statistic extent="3.2" center="0 0 0"/>
  <visual>
    <headlight ambient="{_triple(light.shade)}" diffuse="0 0 0" specular="0 0 0"/>
    <map znear="0.02" zfar="3" shadowclip="1" shadowscale="0.6"/>
    <quality shadowsize="{SHADOW_SIZE}" offsamples="0" numslices="16" numstacks="8" numquads="1"/>
  </visual>
  <default>
    <default class="solid"><geom group="3" contype="0" conaffinity="0" mass="0" solmix="0.0001"/></default>
    <default class="skin"><geom group="4" contype="0" conaffinity="0" mass="0" material="paint"/></default>
  </default>
  <asset>
    <texture name="ground" type="2d" builtin="flat" width="{paint.GROUND_PIXELS}" height="{paint.GROUND_PIXELS}"/>
    <texture name="sky" type="skybox" builtin="flat" width="{paint.SKY_PIXELS}" height="{6 * paint.SKY_PIXELS}"/>
    <material name="ground" texture="ground" texrepeat="{tiles} {tiles}" specular="0" shininess="0"/>
    <material name="paint" emission="0.45" specular="0.15" shininess="0.3"/>
    {cast.mesh_assets()}
  </asset>
  <worldbody>
    <light name="sun" type="directional" pos="0 0 6" dir="-0.55 0.15 -1" diffuse="{_triple(light.sun)}"
     specular="0.3 0.3 0.3" ambient="0 0 0" castshadow="true"/>
    <geom name="ground" type="plane" size="{FAR} {FAR} 1" material="ground" friction="0.001 0.0001 0.0001"/>
    {bodies}
  </worldbody>
</mujoco>"""


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:g}" for value in values)


@cache
def model(ground: str, sky: str) -> mujoco.MjModel:
    """The compile_model model of a ground and a sky. It is shared: `dress` sets it up for a scene."""
    return compile_model(mjcf(sky), ground, sky)


def compile_model(text: str, ground: str, sky: str) -> mujoco.MjModel:
    """Compile a stage and paint its ground and sky."""
    mj_model = mujoco.MjModel.from_xml_string(text)
    _repaint(mj_model, "ground", paint.ground(ground))
    _repaint(mj_model, "sky", paint.sky(sky, paint.far_colour(ground, sky)))
    return mj_model


def _repaint(mj_model: mujoco.MjModel, name: str, picture: np.ndarray) -> None:
    index = mj_model.texture(name).id
    begin = mj_model.tex_adr[index]
    assert picture.size == mj_model.tex_width[index] * mj_model.tex_height[index] * mj_model.tex_nchannel[index]
    mj_model.tex_data[begin : begin + picture.size] = picture.reshape(-1)


def dress(mj_model: mujoco.MjModel, scene: Scene) -> None:
    """Show the scene's things in their colours, let only these collide, and set the ground's contact."""
    bouncing = scene.action == "falls"
    mj_model.geom("ground").solref[:] = _spring(0.78 if bouncing else 0.01)
    mj_model.geom("ground").solimp[:] = (0.95, 0.99, 0.001, 0.5, 2.0)
    frictionless = scene.action == "spins"  # without friction it keeps spinning
    mj_model.geom("ground").condim[:] = 1 if frictionless else 3
    for index in range(THINGS):
        # the solver's tolerance depends on every body: an idle one must not keep the inertia of an earlier film
        mj_model.body(f"thing{index}").inertia[:] = _IDLE_INERTIA
        for shape in SHAPES:
            present = index < len(scene.things) and scene.things[index].shape == shape
            solid, skin, stripe = (mj_model.geom(f"{part}{index}-{shape}") for part in ("solid", "skin", "stripe"))
            solid.contype[:], solid.conaffinity[:] = (1, 1) if present else (0, 0)
            skin.group[:] = stripe.group[:] = 2 if present else 4
            if present:
                colour = scene.things[index].colour
                skin.rgba[:3] = PAINTS[colour]
                stripe.rgba[:3] = _stripe(colour)
                form = cast.FORMS[shape]
                mj_model.body(f"thing{index}").inertia[:] = form.inertia
                grip = 0.6 if form.rolling else SLIDING
                solid.condim[:] = 1 if frictionless else 3
                solid.friction[:] = (grip, 0.0002, 0.00005)
                solid.solref[:] = _spring(0.9)
    mujoco.mj_setConst(mj_model, mujoco.MjData(mj_model))


def _stripe(colour: str) -> tuple[float, float, float]:
    if colour in _DARK_STRIPES:
        return _DARK_STRIPES[colour]
    red, green, blue = ((1 - _PALE) * part + _PALE for part in PAINTS[colour])
    return red, green, blue


def _spring(restitution: float) -> tuple[float, float]:
    """Contact parameters in MuJoCo's direct form (-stiffness, -damping) for a coefficient of restitution.

    Half a period of a damped oscillator with damping ratio z returns exp(-pi z / sqrt(1 - z^2)) of the speed.
    """
    stiffness = 90.0**2
    log = float(-np.log(restitution))
    ratio = log / np.hypot(np.pi, log)
    return -stiffness, -2 * ratio * stiffness**0.5
