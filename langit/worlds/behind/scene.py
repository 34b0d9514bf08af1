"""Scenes of behind-1 as values: a thing passes behind a larger one and comes out again.

A scene is one of worlds-1 with another version and the action "behind": its first thing comes from `side`, is hidden by
the second one, which stands still, and comes out on the other side. It is a pure function of (world version, seed).
Knows nothing of motion, pixels or language.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache

from langit.worlds.scene import COLOURS, GROUNDS, SHAPES, SKIES, Dice, Scene, Split, Thing, split
from langit.worlds.scene import is_held_out as moves_held_out

VERSION = "behind-1"

ACTION = "behind"
HIDERS = ("cube", "cylinder", "cone")
_STATIC_SHARE = 0.75  # of films with a static camera; in the others it pans slowly after the thing
_OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class BehindScene(Scene):
    """A scene of this world. `start` and `end` are positions of the first thing; `vigour` has no meaning."""

    @property
    def canonical(self) -> str:
        """The scene as canonical JSON: compact, with sorted keys and the world's version."""
        return json.dumps({"world": VERSION} | asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def comes_out(self) -> str:
        """The side where the first thing is at the end: "left" or "right"."""
        return _OPPOSITE[self.side]


def is_held_out(first: Thing, hider: str) -> bool:
    """Whether the train split never shows this thing pass behind this shape.

    Includes every thing whose motion worlds-1 holds out, so that the two worlds can be trained on together.
    """
    digest = hashlib.sha256(f"{VERSION}:{first.shape}:{first.colour}:{hider}".encode()).digest()
    return moves_held_out(first.shape, first.colour, "left") or int.from_bytes(digest[:4]) % 12 == 0


@cache
def combinations(which: Split) -> tuple[tuple[Thing, str], ...]:
    """The things of this split, each with a shape that may hide it."""
    held = which == "held-out"
    things = [Thing(shape, colour) for shape in SHAPES for colour in COLOURS]
    return tuple((thing, hider) for thing in things for hider in HIDERS if is_held_out(thing, hider) == held)


def sample_scene(seed: int) -> BehindScene:
    """The scene of a seed, the same on every machine. Every tenth seed shows held-out combinations, and no other does.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative: use a whole number from 0 on")
    dice = Dice(f"{VERSION}:{seed}")
    first, hider = dice.pick(combinations(split(seed)))
    colour = dice.pick([colour for colour in COLOURS if colour != first.colour])
    ground, sky = dice.pick(GROUNDS), dice.pick(SKIES)
    side = dice.pick(("left", "right"))
    still = dice.chance(_STATIC_SHARE)
    away = 1.0 if side == "left" else -1.0  # direction of the motion along x
    low, high = (0.36, 0.41) if still else (0.28, 0.33)
    return BehindScene(
        seed=seed,
        things=(first, Thing(hider, colour)),
        ground=ground,
        sky=sky,
        action=ACTION,
        camera="static" if still else f"pan {_OPPOSITE[side]}",
        side=side,
        heading=dice.between(-30.0, 30.0),
        offset=(dice.between(-4.0, 4.0), dice.between(-4.0, 4.0)),
        width=dice.between(3.9, 4.2),
        sweep=0.0 if still else dice.between(12.0, 15.0),
        start=round(-away * dice.between(low, high), 4),
        end=round(away * dice.between(low, high), 4),
        vigour=0.0,
        yaw=(0.0, dice.between(-20.0, 20.0)),
    )
