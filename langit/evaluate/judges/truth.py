"""What is true of a video, attribute by attribute, and whether a probe's verdict agrees.

Knows scenes and names, but no pixels and no networks.

Which of two objects is "the first" is a convention. In the first world it is the one that acts; where both stand still
it is the left one, and a verdict may name them in either order. Of two puppies it is the one whose colour comes first
in the list of colours, wherever it stands.
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
    """The class of every attribute that a video has. Attributes of a second object are present only if it is."""

    named: Mapping[str, str]
    questions: Questions = FIRST

    def __post_init__(self) -> None:
        for attribute, name in self.named.items():
            assert name in self.questions.classes[attribute], f"{attribute} {name!r}"

    @property
    def unordered(self) -> bool:
        """Whether nothing distinguishes the first object from the second."""
        return self.named.get("action") == "still" and self.named.get("things") == "two"

    def labels(self) -> Int64[Tensor, " A"]:
        """Return class indices in the order of the questions, NOTHING for absent attributes."""
        numbers = [
            names.index(self.named[attribute]) if attribute in self.named else NOTHING
            for attribute, names in self.questions.classes.items()
        ]
        return torch.tensor(numbers)


def truth_of(scene: AnyScene, questions: Questions = FIRST) -> Truth:
    """Return what is true of a scene's film, limited to the questions.

    Raises:
        ValueError: the first world's questions do not apply to this scene.
    """
    if questions is STORY:
        return Truth(_story_attributes(scene) if isinstance(scene, StoryScene) else {"scene": OTHER}, STORY)
    if not isinstance(scene, Scene):
        raise ValueError(f"the questions of {questions.world} do not apply to a scene of type {type(scene).__name__}")
    things = scene.things[::-1] if right_is_first(scene) else scene.things
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


def _story_attributes(scene: StoryScene) -> dict[str, str]:
    # Snow falls only on snowy ground, so elsewhere weather would be a giveaway of the ground.
    named = {name: value for name, value in scene.truth.items() if name != "weather" or scene.ground == "snow"}
    for name, colour in zip(("colour", "second colour"), sorted(scene.colours, key=_colour_rank), strict=False):
        if scene.has_colours:
            named[name] = colour
    return named


def _colour_rank(colour: str) -> int:
    return STORY.classes["colour"].index(colour)


def mask_order(scene: AnyScene, questions: Questions = FIRST) -> tuple[int, int, int]:
    """Return what the values 0, 1, 2 in a film's masks mean for the questions: 0 nothing, 1 first, 2 second object."""
    if questions is STORY:
        if not isinstance(scene, StoryScene):
            return (0, 0, 0)
        return (0, 1, 2) if list(scene.colours) == sorted(scene.colours, key=_colour_rank) else (0, 2, 1)
    assert isinstance(scene, Scene)
    return (0, 2, 1) if right_is_first(scene) else (0, 1, 2)


def right_is_first(scene: Scene) -> bool:
    """Whether the scene lists the right one of two still objects first; the truth then swaps them."""
    return scene.action == "still" and len(scene.things) == 2 and scene.side == "right"


def truth_from_labels(labels: Sequence[int], questions: Questions = FIRST) -> Truth:
    """Invert :meth:`Truth.labels`."""
    pairs = zip(questions.classes.items(), labels, strict=True)
    return Truth({attribute: names[label] for (attribute, names), label in pairs if label != NOTHING}, questions)


def has_direction(name: str) -> bool:
    """Whether a class contains left or right."""
    return name.split()[-1] in _SWAP


def opposite(name: str) -> str:
    """Swap left and right in a class; other classes stay as they are."""
    return " ".join(_SWAP.get(word, word) for word in name.split())


@dataclass(frozen=True)
class ProbeVerdict:
    """A judge's opinion of a video: a probability for every class of every attribute, in the questions' order."""

    shares: Mapping[str, tuple[float, ...]]
    questions: Questions = FIRST

    def best(self, attribute: str) -> str:
        """Return the most likely class of an attribute."""
        shares = self.shares[attribute]
        return self.questions.classes[attribute][shares.index(max(shares))]

    def prefers(self, attribute: str, name: str) -> bool:
        """Whether a class is more likely than its mirror image."""
        names, shares = self.questions.classes[attribute], self.shares[attribute]
        return shares[names.index(name)] > shares[names.index(opposite(name))]


def predictions(truth: Truth, verdict: ProbeVerdict) -> dict[str, str]:
    """Return the most likely class of every attribute that the truth has.

    Two objects without an order are matched in the order that agrees better with the truth.
    """
    predicted = {attribute: verdict.best(attribute) for attribute in truth.named}
    if not truth.unordered:
        return predicted
    swapped = dict(predicted)
    for first, second in _PAIRS:
        swapped[first], swapped[second] = predicted[second], predicted[first]
    return max(
        predicted, swapped, key=lambda order: sum(order[name] == truth.named[name] for pair in _PAIRS for name in pair)
    )


def agreement(truth: Truth, verdict: ProbeVerdict) -> dict[str, bool]:
    """Return for every attribute that the truth has whether the verdict names the true class."""
    return {attribute: name == truth.named[attribute] for attribute, name in predictions(truth, verdict).items()}
