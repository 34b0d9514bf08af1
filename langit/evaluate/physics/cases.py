"""What physics is measured on: held-out scenes that fall, go left or right, or pass behind something.

Scenes are of seeds that no training set holds, with combinations that none shows. It knows scenes and sentences.
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
from langit.worlds.scene import Scene, Split, mirrored, sample_scene, split

WAYS = ("moves", "pans", "orbits")
_FIRST = 1_000_000_000  # prompts are of seeds from here on, far from any that is trained on
S = TypeVar("S", bound=Scene)


@dataclass(frozen=True)
class Asked:
    """A scene, the sentence that asks for it, and the seed of the video."""

    scene: Scene
    text: str
    seed: int

    @property
    def mirrored(self) -> Asked:
        """The same seed with left and right exchanged, in the scene and in the sentence."""
        return _asked(mirrored(self.scene), self.seed)


def falling(number: int) -> list[Asked]:
    """One thing that falls, seen by a camera that stands still."""
    return _take(number, sample_scene, lambda s: s.action == "falls" and _plain(s))


def going(way: str, number: int) -> list[Asked]:
    """One thing that crosses the picture before a still camera, or a camera that pans or orbits around one thing."""
    if way == "moves":
        return _take(number, sample_scene, lambda s: s.action in ("left", "right") and _plain(s))
    kind = {"pans": "pan", "orbits": "orbit"}[way]
    return _take(number, sample_scene, lambda s: s.camera.startswith(kind) and s.action == "still" and not s.side)


def hiding(number: int, which: str = "never shown there") -> list[Asked]:
    """Things that pass behind others, seen by a camera that stands still, of seeds that no training set holds.

    Args:
        number: how many.
        which: things that training films never show behind such a shape ("never shown there"), things that they do
            ("shown there"), or "a ball behind a cube", which they do as well.
    """
    assert which in ("never shown there", "shown there", "a ball behind a cube"), which

    def wanted(scene: BehindScene) -> bool:
        shapes = [thing.shape for thing in scene.things]
        return scene.camera == "static" and (which != "a ball behind a cube" or shapes == ["ball", "cube"])

    return _take(number, sample_hiding, wanted, "held-out" if which == "never shown there" else "train")


def hiding_scene(asked: Asked) -> BehindScene:
    assert isinstance(asked.scene, BehindScene)
    return asked.scene


def _plain(scene: Scene) -> bool:
    return scene.camera == "static" and len(scene.things) == 1


def _take(
    number: int, sample: Callable[[int], S], wanted: Callable[[S], bool], which: Split = "held-out"
) -> list[Asked]:
    scenes: Iterator[S] = (sample(seed) for seed in count(_FIRST) if split(seed) == which)
    return [_asked(scene, seed) for seed, scene in enumerate(islice(filter(wanted, scenes), number))]


def _asked(scene: Scene, seed: int) -> Asked:
    """English and Indonesian by turns."""
    return Asked(scene, canonical(scene, LANGUAGES[seed % len(LANGUAGES)]), seed)
