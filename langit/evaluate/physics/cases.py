"""The prompts of the physics report: held-out scenes that fall, go left or right, or pass behind something.

Scenes have seeds that no training set contains. Knows scenes and sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import TypeVar

from langit.evaluate.fidelity.scores import LANGUAGES
from langit.worlds.behind.scene import BehindScene
from langit.worlds.behind.scene import sample_scene as sample_hiding
from langit.worlds.caption import canonical
from langit.worlds.scene import Scene, Split, mirror_scene, sample_scene, split

DIRECTIONS = ("moves", "pans", "orbits")
_FIRST = 1_000_000_000  # seeds of prompts start here, far above those of any training set
S = TypeVar("S", bound=Scene)


@dataclass(frozen=True)
class PhysicsCase:
    """A scene, the prompt that describes it, and the seed of the video."""

    scene: Scene
    text: str
    seed: int

    @property
    def mirrored(self) -> PhysicsCase:
        """The same seed with left and right swapped, in the scene and in the prompt."""
        return _case(mirror_scene(self.scene), self.seed)


def falling_cases(number: int) -> list[PhysicsCase]:
    """Return scenes of one falling object before a static camera."""
    return _first_cases(number, sample_scene, lambda s: s.action == "falls" and _is_simple(s))


def direction_cases(kind: str, number: int) -> list[PhysicsCase]:
    """Return scenes of one object that crosses the picture, or of a camera that pans or orbits around a still one."""
    if kind == "moves":
        return _first_cases(number, sample_scene, lambda s: s.action in ("left", "right") and _is_simple(s))
    camera = {"pans": "pan", "orbits": "orbit"}[kind]
    return _first_cases(
        number, sample_scene, lambda s: s.camera.startswith(camera) and s.action == "still" and not s.side
    )


def hiding_cases(number: int, which: str = "never shown there") -> list[PhysicsCase]:
    """Return scenes of an object that passes behind another, before a static camera.

    Args:
        number: how many.
        which: objects that training films never show behind such a shape ("never shown there"), objects that they do
            ("shown there"), or "a ball behind a cube", which they also show.
    """
    assert which in ("never shown there", "shown there", "a ball behind a cube"), which

    def is_wanted(scene: BehindScene) -> bool:
        shapes = [thing.shape for thing in scene.things]
        return scene.camera == "static" and (which != "a ball behind a cube" or shapes == ["ball", "cube"])

    return _first_cases(number, sample_hiding, is_wanted, "held-out" if which == "never shown there" else "train")


def hiding_scene(case: PhysicsCase) -> BehindScene:
    """Return the scene of one of the :func:`hiding_cases`."""
    assert isinstance(case.scene, BehindScene)
    return case.scene


def _is_simple(scene: Scene) -> bool:
    return scene.camera == "static" and len(scene.things) == 1


def _first_cases(
    number: int, sample: Callable[[int], S], is_wanted: Callable[[S], bool], which: Split = "held-out"
) -> list[PhysicsCase]:
    scenes: Iterator[S] = (sample(seed) for seed in count(_FIRST) if split(seed) == which)
    return [_case(scene, seed) for seed, scene in enumerate(islice(filter(is_wanted, scenes), number))]


def _case(scene: Scene, seed: int) -> PhysicsCase:
    """Describe a scene in English and Indonesian alternately."""
    return PhysicsCase(scene, canonical(scene, LANGUAGES[seed % len(LANGUAGES)]), seed)
