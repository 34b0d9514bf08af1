"""The stages of story-1: a compiled MuJoCo model for each kind, ground and sky, and what a scene sets in it.

Figures are posed frame by frame, not simulated. Every model contains all figures and weather of its kind and hides
what a scene does not show, so that no film needs a compilation. Knows MuJoCo's model, not its renderer.
"""

import random
from collections.abc import Mapping
from functools import cache

import numpy as np
from jaxtyping import UInt8

from langit.worlds import paint
from langit.worlds.opengl import mujoco
from langit.worlds.story import carriage, puppy, skin, traveller
from langit.worlds.story.scene import VERSION, StoryScene

FAR = 150.0  # metres to the ground's edge
GEOMS = 250
FLAKES = 26  # snowflakes or raindrops
SHADOW_SIZE = 256


def mjcf(kind: str, ground: str, sky: str) -> str:
    """A stage as MJCF text; its textures are painted after compilation."""
    light = skin.light(ground, sky)
    tiles = 2 * FAR / paint.GROUND_METRES
    window = kind == "window"
    figures = {
        "puppies": puppy.mjcf("puppy0") + puppy.mjcf("puppy1"),
        "traveller": traveller.mjcf("traveller"),
        "window": carriage.mjcf(ground) if window else "",
    }[kind]
    meshes = {"puppies": "", "traveller": traveller.meshes(), "window": carriage.assets()}[kind]
    flakes = "".join(
        f'<body name="flake{i}"><geom name="flake{i}" type="box" size="0.02 0.02 0.02" material="lit"/></body>'
        for i in range(FLAKES)
    )
    return f"""
<mujoco model="langit-story">
  <compiler angle="degree"/>
  <option gravity="0 0 0"/>
  <statistic extent="3.2" center="0 0 0"/>
  <visual>
    <headlight ambient="{_triple(light.shade)}" diffuse="0 0 0" specular="0 0 0"/>
    <map znear="0.02" zfar="3" shadowclip="1" shadowscale="0.6"/>
    <quality shadowsize="{SHADOW_SIZE}" offsamples="0" numslices="14" numstacks="8" numquads="1"/>
  </visual>
  <default><geom contype="0" conaffinity="0" mass="0.1" material="paint"/></default>
  <asset>
    <texture name="ground" type="2d" builtin="flat" width="{paint.GROUND_PIXELS}" height="{paint.GROUND_PIXELS}"/>
    <texture name="sky" type="skybox" builtin="flat" width="{paint.SKY_PIXELS}" height="{6 * paint.SKY_PIXELS}"/>
    <material name="ground" texture="ground" texrepeat="{tiles} {tiles}" specular="0" shininess="0"/>
    <material name="paint" emission="{0.2 if window else 0.32}" specular="0.1" shininess="0.2"/>
    <material name="inside" emission="0.5" specular="0" shininess="0"/>
    <material name="lit" emission="1" specular="0" shininess="0"/>
    {meshes}
  </asset>
  <worldbody>
    <light name="sun" type="directional" pos="0 0 6" dir="{"-0.45 0.75 -0.8" if window else "-0.55 0.25 -1"}"
     diffuse="{_triple(light.sun)}" specular="0.3 0.3 0.3" ambient="0 0 0" castshadow="{str(not window).lower()}"/>
    <body name="earth" pos="0 0 {-carriage.RAISED if window else 0}">
      <geom name="ground" type="plane" size="{FAR} {FAR} 1" material="ground"/></body>
    {figures}{flakes}
  </worldbody>
</mujoco>"""


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:g}" for value in values)


@cache
def model(kind: str, ground: str, sky: str) -> mujoco.MjModel:
    """The compiled model of a kind of scene, a ground and a sky. It is shared: `dress` sets it up for a scene."""
    mj_model = mujoco.MjModel.from_xml_string(mjcf(kind, ground, sky))
    assert mj_model.ngeom < GEOMS, mj_model.ngeom
    _repaint(mj_model, "ground", skin.ground(ground))
    _repaint(mj_model, "sky", skin.sky(ground, sky))
    if kind == "window":
        for name in ("house", "storeys", "block"):
            _repaint(mj_model, name, skin.wall(name, lit=sky == "night"))
            mj_model.material(name).emission[:] = 0.9 if sky == "night" else 0.25
    return mj_model


def _repaint(mj_model: mujoco.MjModel, name: str, picture: np.ndarray) -> None:
    index = mj_model.texture(name).id
    begin = mj_model.tex_adr[index]
    assert picture.size == mj_model.tex_width[index] * mj_model.tex_height[index] * mj_model.tex_nchannel[index]
    mj_model.tex_data[begin : begin + picture.size] = picture.reshape(-1)


@cache
def geom_indices(mj_model: mujoco.MjModel) -> dict[str, int]:
    """Indices of the named geoms."""
    return {mj_model.geom(index).name: index for index in range(mj_model.ngeom)}


def mask_values(mj_model: mujoco.MjModel) -> UInt8[np.ndarray, " bodies"]:
    """The mask value of each body: 1 and 2 for the puppies, 1 for the traveller and the passenger.

    Scenery outside the train's window is 2.
    """
    found = np.zeros(mj_model.nbody, np.uint8)
    for index in range(1, mj_model.nbody):
        name = mj_model.body(mj_model.body_rootid[index]).name
        if name in ("puppy0", "traveller", "passenger"):
            found[index] = 1
        elif name == "puppy1" or name.startswith(("home", "shop", "pole", "farm", "tree", "garden", "hedge")):
            found[index] = 2
    return found


def dress(mj_model: mujoco.MjModel, scene: StoryScene) -> None:
    """Colour a scene's figures and show its weather."""
    dice = random.Random(f"{VERSION}:{scene.seed}:dress")
    numbers = geom_indices(mj_model)
    drops = scene.sky == "rain" or scene.weather == "snowfall"
    for index in range(FLAKES):
        flake = numbers[f"flake{index}"]
        mj_model.geom_group[flake] = 2 if drops else 4
        mj_model.geom_size[flake] = (0.008, 0.008, 0.11) if scene.sky == "rain" else (0.022, 0.022, 0.022)
        mj_model.geom_rgba[flake] = (0.80, 0.85, 0.92, 0.7) if scene.sky == "rain" else (1, 1, 1, 1)
    if scene.kind == "puppies":
        for index in (0, 1):
            shown = index < len(scene.colours)
            fur = dict(zip(("coat", "pale", "dark"), puppy.FUR[scene.colours[index if shown else 0]], strict=True))
            _paint(mj_model, f"puppy{index}-", fur, shown)
    elif scene.kind == "traveller":
        wool = traveller.WOOL[scene.colours[0]]
        purl = tuple(0.48 * part for part in wool)
        coat, trousers = traveller.CLOTHES[int(dice.random() * len(traveller.CLOTHES))]
        _paint(mj_model, "traveller-", {"knit": wool, "purl": purl, "coat": coat, "trousers": trousers}, True)
    else:
        _furnish(mj_model, scene, dice)


def _paint(mj_model: mujoco.MjModel, start: str, colours: Mapping[str, tuple[float, ...]], shown: bool) -> None:
    for name, geom in geom_indices(mj_model).items():
        if name.startswith(start):
            mj_model.geom_group[geom] = 2 if shown else 4
            colour = colours.get(name.rpartition("-")[2])
            if colour is not None:
                mj_model.geom_rgba[geom, :3] = colour


def _furnish(mj_model: mujoco.MjModel, scene: StoryScene, dice: random.Random) -> None:
    night = scene.sky == "night"

    def pick(options: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
        return options[int(dice.random() * len(options))]

    jacket, inside = pick(carriage.JACKETS), 0.16 if night else 0.13
    alpha = 0.38 if night else 0.32
    for name, geom in geom_indices(mj_model).items():
        colour: tuple[float, ...] | None = None
        if name.startswith(("wall", "rim")):
            glow = inside * (1.0 if name.startswith("wall") else 2.2)
            colour = (1.12 * glow, 1.05 * glow, glow)
        elif name.startswith("passenger"):
            part = {"hair": (0.07, 0.06, 0.06), "face": (0.92, 0.72, 0.58), "body": jacket}
            mj_model.geom_rgba[geom, 3] = alpha
            colour = part[name.partition("-")[2]]
        elif name.endswith("-roof"):
            colour = tuple((0.45 if night else 1.0) * each for each in pick(carriage.ROOFS))
        elif name.endswith(("-wall", "-block")):
            colour = pick(carriage.BLOCKS if name.endswith("-block") else carriage.WALLS)
            if night:
                colour = tuple(0.5 + 0.5 * each for each in colour)
        elif name.endswith("-crown") or name.startswith("hedge"):
            dark = (0.35 if night else 1.0) * (0.8 + 0.4 * dice.random())
            colour = (0.24 * dark, 0.44 * dark, 0.16 * dark)
        elif name.endswith("-sign"):
            colour = pick(carriage.SIGNS)
        if colour is not None:
            mj_model.geom_rgba[geom, :3] = colour
