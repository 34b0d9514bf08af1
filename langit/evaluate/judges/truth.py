"""What is true of a video, attribute by attribute, and when a verdict agrees with it.

Knows scenes and names, no pixels and no networks. In the first world the first thing is the one that acts. Where two
things stand still nobody acts, so the left one is called the first, and either order is right when a verdict is judged.
Of two puppies that one is the first whose colour comes first in the list of colours, wherever it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from langit.evaluate.judges.questions import FIRST, OTHER, STORY, Questions
from langit.worlds.scene import Scene
from langit.worlds.story.scene import StoryScene
from langit.worlds.world import AnyScene

CLASSES = FIRST.classes
NOTHING = -1  # the label of an attribute that a video does not have
_PAIRS = (("shape", "second shape"), ("colour", "second colour"))
_SWAP = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Truth:
    """The class of every attribute that a video has, by a world's questions; those of a second thing only if there."""

    named: Mapping[str, str]
    questions: Questions = FIRST

    def __post_init__(self) -> None:
        for attribute, name in self.named.items():
            assert name in self.questions.classes[attribute], f"{attribute} {name!r}"

    @property
    def unordered(self) -> bool:
        """Whether nothing tells the first thing from the second."""
        return self.named.get("action") == "still" and self.named.get("things") == "two"

    def labels(self) -> Int64[Tensor, " A"]:
        """Class numbers in the order of the questions, NOTHING for what is not there."""
        numbers = [
            names.index(self.named[attribute]) if attribute in self.named else NOTHING
            for attribute, names in self.questions.classes.items()
        ]
        return torch.tensor(numbers)


def truth_of(scene: AnyScene, questions: Questions = FIRST) -> Truth:
    """What is true of a scene's film, as far as it is asked.

    Raises:
        ValueError: a scene of another world is asked the first world's questions.
    """
    if questions is STORY:
        return Truth(_told(scene) if isinstance(scene, StoryScene) else {"scene": OTHER}, STORY)
    if not isinstance(scene, Scene):
        raise ValueError(f"a scene of {type(scene).__name__} has no answers to the questions of {questions.world}")
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


def _told(scene: StoryScene) -> dict[str, str]:
    """Weather is asked on snow alone: nowhere else does snow fall."""
    named = {name: said for name, said in scene.truth.items() if name != "weather" or scene.ground == "snow"}
    for name, colour in zip(("colour", "second colour"), sorted(scene.colours, key=_rank), strict=False):
        if scene.coloured:
            named[name] = colour
    return named


def _rank(colour: str) -> int:
    return STORY.classes["colour"].index(colour)


def order_of(scene: AnyScene, questions: Questions = FIRST) -> tuple[int, int, int]:
    """What the numbers 0, 1, 2 in the masks of a scene's film mean to whoever asks: nothing, first or second thing."""
    if questions is STORY:
        if not isinstance(scene, StoryScene):
            return (0, 0, 0)
        return (0, 1, 2) if list(scene.colours) == sorted(scene.colours, key=_rank) else (0, 2, 1)
    assert isinstance(scene, Scene)
    return (0, 2, 1) if right_first(scene) else (0, 1, 2)


def right_first(scene: Scene) -> bool:
    """Whether the scene names the right one of two things that stand still first: the truth then turns them round."""
    return scene.action == "still" and len(scene.things) == 2 and scene.side == "right"


def from_labels(labels: Sequence[int], questions: Questions = FIRST) -> Truth:
    """The inverse of :meth:`Truth.labels`."""
    pairs = zip(questions.classes.items(), labels, strict=True)
    return Truth({attribute: names[label] for (attribute, names), label in pairs if label != NOTHING}, questions)


def has_direction(name: str) -> bool:
    """Whether a class says left or right."""
    return name.split()[-1] in _SWAP


def opposite(name: str) -> str:
    """The class with left and right exchanged; others as they are."""
    return " ".join(_SWAP.get(word, word) for word in name.split())


@dataclass(frozen=True)
class Verdict:
    """What a judge thinks of a video: a probability for every class of every attribute, in the questions' order."""

    shares: Mapping[str, tuple[float, ...]]
    questions: Questions = FIRST

    def best(self, attribute: str) -> str:
        shares = self.shares[attribute]
        return self.questions.classes[attribute][shares.index(max(shares))]

    def prefers(self, attribute: str, name: str) -> bool:
        """Whether a class is thought likelier than its mirror image."""
        names, shares = self.questions.classes[attribute], self.shares[attribute]
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
