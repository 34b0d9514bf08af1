"""Scenes of worlds-1 as values: things, ground, sky, action, camera, and the numbers that fix their motion.

A scene is a pure function of (world version, seed). All draws come from `random.Random.random()`, whose sequence Python
keeps stable across versions and machines. Knows nothing of physics, pixels or language.

Left and right are those of the viewer.
"""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Literal, TypeVar

VERSION = "worlds-1"

SHAPES = ("ball", "cube", "cone", "cylinder", "ring")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white")
GROUNDS = ("checkers", "snow", "sand", "grass")
SKIES = ("day", "sunset", "night")
ACTIONS = ("falls", "left", "right", "spins", "jumps", "collides", "still")
CAMERAS = ("static", "pan left", "pan right", "orbit left", "orbit right", "zoom in", "zoom out")

Split = Literal["train", "held-out"]
_T = TypeVar("_T")

_STATIC_SHARE = 0.30  # of films with a static camera
_COMPANION_SHARE = 0.19  # of falls, spins, jumps and stills: with collisions, a quarter of all films shows two things
_OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Thing:
    """A thing on the stage: a shape of SHAPES in a colour of COLOURS."""

    shape: str
    colour: str


@dataclass(frozen=True)
class Scene:
    """Everything that determines a film, apart from its size in pixels. Angles in degrees, lengths in metres.

    things: the acting thing, then the thing that it hits or that stands beside it.
    side: where the first thing is, or for "collides" comes from: "left" or "right" of the second, "" if alone.
    heading, offset: orientation and position of the stage on the world's ground.
    width: metres of the stage across a square picture, at the stage's centre, before any zoom.
    sweep: extent of the camera's motion: degrees of a pan or an orbit, the factor of a zoom, 0 for static.
    start, end: for left and right, the first and last position of the thing, in picture widths from the centre.
    vigour: the action's number: metres of a fall, signed turns of a spin, seconds a jump, metres a second of a hit.
    yaw: rotation of the things about the vertical at the start.
    mirrored: whether this is the mirror image of the seed's film.
    """

    seed: int
    things: tuple[Thing, ...]
    ground: str
    sky: str
    action: str
    camera: str
    side: str
    heading: float
    offset: tuple[float, float]
    width: float
    sweep: float
    start: float
    end: float
    vigour: float
    yaw: tuple[float, ...]
    mirrored: bool = False

    @property
    def canonical(self) -> str:
        """The scene as canonical JSON: compact, with sorted keys and the world's version."""
        return json.dumps({"world": VERSION} | asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.canonical.encode()).hexdigest()


def split(seed: int) -> Split:
    """The split of a seed: every tenth is held out."""
    return "held-out" if seed % 10 == 9 else "train"


def is_held_out(shape: str, colour: str, action: str) -> bool:
    """Whether the train split lacks this combination; left and right count as one action."""
    kind = "moves" if action in _OPPOSITE else action
    digest = hashlib.sha256(f"{VERSION}:{shape}:{colour}:{kind}".encode()).digest()
    return int.from_bytes(digest[:4]) % 10 == 0


@cache
def combinations(action: str, which: Split) -> tuple[Thing, ...]:
    """The things that may perform `action` in this split."""
    held = which == "held-out"
    return tuple(Thing(s, c) for s in SHAPES for c in COLOURS if is_held_out(s, c, action) == held)


class Dice:
    """Random choices by a key, drawn from `random.Random.random()` alone."""

    def __init__(self, key: str) -> None:
        self._random = random.Random(key)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def pick(self, options: Sequence[_T]) -> _T:
        return options[int(self._random.random() * len(options))]

    def between(self, low: float, high: float) -> float:
        return round(low + (high - low) * self._random.random(), 4)

    def sign(self) -> float:
        return 1.0 if self.chance(0.5) else -1.0


def sample_scene(seed: int) -> Scene:
    """The scene of a seed, the same on every machine.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative: use a whole number from 0 on")
    dice = Dice(f"{VERSION}:{seed}")  # every draw below is part of the world: their order must not change
    action = dice.pick(ACTIONS)
    first = dice.pick(combinations(action, split(seed)))
    ground, sky = dice.pick(GROUNDS), dice.pick(SKIES)
    camera = "static" if dice.chance(_STATIC_SHARE) else dice.pick(CAMERAS[1:])
    paired = action == "collides" or (action not in _OPPOSITE and dice.chance(_COMPANION_SHARE))
    others = [Thing(s, c) for s in SHAPES for c in COLOURS if c != first.colour]
    things = (first, dice.pick(others)) if paired else (first,)
    start, end = _course(dice, action, camera)
    side = dice.pick(("left", "right")) if paired else ""
    if action == "collides" and camera.startswith("pan"):
        side = _OPPOSITE[camera.split()[1]]  # the camera pans with the moving thing, or it would lose it
    return Scene(
        seed=seed,
        things=things,
        ground=ground,
        sky=sky,
        action=action,
        camera=camera,
        side=side,
        heading=dice.between(-30.0, 30.0),
        offset=(dice.between(-4.0, 4.0), dice.between(-4.0, 4.0)),
        width=dice.between(4.1, 4.5) if paired else dice.between(3.3, 3.9),
        sweep=_sweep(dice, camera),
        start=start,
        end=end,
        vigour=_vigour(dice, action),
        yaw=tuple(_yaw(dice, thing, action) for thing in things),
    )


def _course(dice: Dice, action: str, camera: str) -> tuple[float, float]:
    """First and last position of a thing that crosses the picture; further apart if the camera pans against it."""
    if action not in _OPPOSITE:
        return 0.0, 0.0
    if camera == f"pan {action}":
        first, last = dice.between(0.14, 0.20), dice.between(0.14, 0.20)
    elif camera == f"pan {_OPPOSITE[action]}":
        first, last = dice.between(0.35, 0.40), dice.between(0.35, 0.40)
    else:
        first, last = dice.between(0.26, 0.33), dice.between(0.26, 0.33)
    return (first, -last) if action == "left" else (-first, last)


def _sweep(dice: Dice, camera: str) -> float:
    kind = camera.split()[0]
    if kind == "pan":
        return dice.between(25.0, 28.0)
    if kind == "orbit":
        return dice.between(55.0, 70.0)
    return dice.between(1.65, 1.95) if kind == "zoom" else 0.0


def _vigour(dice: Dice, action: str) -> float:
    if action == "falls":
        return dice.between(1.25, 1.5)
    if action == "spins":
        return round(dice.sign() * dice.between(1.0, 1.5), 4)
    if action == "jumps":
        return dice.between(0.85, 0.97)
    return dice.between(1.6, 1.85) if action == "collides" else 0.0


def _yaw(dice: Dice, thing: Thing, action: str) -> float:
    """Rotation about the vertical: none for a thing that rolls, else an angle at which the stripe stays visible."""
    angle = dice.between(-20.0, 20.0)
    if action in ("left", "right", "collides"):
        return 0.0
    return round(angle / 2, 4) if thing.shape == "ring" else angle


def mirror_scene(scene: Scene) -> Scene:
    """The mirror image of a scene: left and right change places."""

    def swap(name: str) -> str:
        words = [_OPPOSITE.get(word, word) for word in name.split()]
        return " ".join(words)

    return replace(
        scene,
        action=swap(scene.action),
        camera=swap(scene.camera),
        side=swap(scene.side),
        start=-scene.start,
        end=-scene.end,
        vigour=-scene.vigour if scene.action == "spins" else scene.vigour,
        yaw=tuple(-angle for angle in scene.yaw),
        mirrored=not scene.mirrored,
    )
