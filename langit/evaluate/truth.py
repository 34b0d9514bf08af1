"""What is true of a video, attribute by attribute, and when a verdict agrees with it.

Knows scenes and names, no pixels and no networks. The first thing is the one that acts. Where two things stand still
nobody acts, so the left one is called the first, and either order is right when a verdict is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from langit.worlds.scene import ACTIONS, CAMERAS, COLOURS, GROUNDS, SHAPES, SKIES, Scene

CLASSES: Mapping[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": COLOURS,
    "ground": GROUNDS,
    "sky": SKIES,
    "action": ACTIONS,
    "camera": CAMERAS,
    "things": ("one", "two"),
    "second shape": SHAPES,
    "second colour": COLOURS,
}
NOTHING = -1  # the label of an attribute that a video does not have
_PAIRS = (("shape", "second shape"), ("colour", "second colour"))
_SWAP = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Truth:
    """The class of every attribute that a video has, by the names in CLASSES; those of a second thing only if there."""

    named: Mapping[str, str]

    def __post_init__(self) -> None:
        for attribute, name in self.named.items():
            assert name in CLASSES[attribute], f"{attribute} {name!r}"

    @property
    def unordered(self) -> bool:
        """Whether nothing tells the first thing from the second."""
        return self.named["action"] == "still" and self.named["things"] == "two"

    def labels(self) -> Int64[Tensor, " A"]:
        """Class numbers in the order of CLASSES, NOTHING for what is not there."""
        numbers = [
            CLASSES[attribute].index(self.named[attribute]) if attribute in self.named else NOTHING
            for attribute in CLASSES
        ]
        return torch.tensor(numbers)


def truth_of(scene: Scene) -> Truth:
    """What is true of a scene's film."""
    things = scene.things[::-1] if right_first(scene) else scene.things
    named = {
        "shape": things[0].shape,
        "colour": things[0].colour,
        "ground": scene.ground,
        "sky": scene.sky,
        "action": scene.action,
        "camera": scene.camera,
        "things": CLASSES["things"][len(things) - 1],
    }
    if len(things) == 2:
        named |= {"second shape": things[1].shape, "second colour": things[1].colour}
    return Truth(named)


def right_first(scene: Scene) -> bool:
    """Whether the scene names the right one of two things that stand still first: the truth then turns them round."""
    return scene.action == "still" and len(scene.things) == 2 and scene.side == "right"


def from_labels(labels: Sequence[int]) -> Truth:
    """The inverse of :meth:`Truth.labels`."""
    pairs = zip(CLASSES.items(), labels, strict=True)
    return Truth({attribute: names[label] for (attribute, names), label in pairs if label != NOTHING})


def has_direction(name: str) -> bool:
    """Whether a class says left or right."""
    return name.split()[-1] in _SWAP


def opposite(name: str) -> str:
    """The class with left and right exchanged; others as they are."""
    return " ".join(_SWAP.get(word, word) for word in name.split())


@dataclass(frozen=True)
class Verdict:
    """What a judge thinks of a video: a probability for every class of every attribute, in the order of CLASSES."""

    shares: Mapping[str, tuple[float, ...]]

    def best(self, attribute: str) -> str:
        shares = self.shares[attribute]
        return CLASSES[attribute][shares.index(max(shares))]

    def prefers(self, attribute: str, name: str) -> bool:
        """Whether a class is thought likelier than its mirror image."""
        names, shares = CLASSES[attribute], self.shares[attribute]
        return shares[names.index(name)] > shares[names.index(opposite(name))]


def reading(truth: Truth, verdict: Verdict) -> dict[str, str]:
    """The verdict's likeliest class of every attribute that the truth has; unordered things in the better order."""
    read = {attribute: verdict.best(attribute) for attribute in truth.named}
    if not truth.unordered:
        return read
    turned = dict(read)
    for first, second in _PAIRS:
        turned[first], turned[second] = read[second], read[first]
    return max(read, turned, key=lambda one: sum(one[name] == truth.named[name] for both in _PAIRS for name in both))


def agreement(truth: Truth, verdict: Verdict) -> dict[str, bool]:
    """For every attribute that the truth has, whether the verdict reads the true class."""
    return {attribute: name == truth.named[attribute] for attribute, name in reading(truth, verdict).items()}
