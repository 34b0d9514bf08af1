"""What is asked of a video of a world: named attributes, each with its classes. Knows names only.

The order of attributes and classes is that of a probe's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from langit.worlds import scene as first
from langit.worlds.story import scene as story

OTHER = "something else"  # the class of a video that shows none of the story's scenes


@dataclass(frozen=True)
class Questions:
    """The attributes of a world's films.

    things: those that each of two things has, the second by "second".
    faint: those that the shipped probe errs about in more than a tenth of real films: learnt, and in no score.
    """

    world: str
    classes: Mapping[str, tuple[str, ...]]
    things: tuple[str, ...]
    faint: tuple[str, ...] = ()

    @property
    def scored(self) -> tuple[str, ...]:
        """The attributes that a model is judged by."""
        return tuple(name for name in self.classes if name not in self.faint)

    @property
    def whole(self) -> tuple[str, ...]:
        """The attributes of the whole video."""
        return tuple(name for name in self.classes if name.removeprefix("second ") not in self.things)


FIRST = Questions(
    first.VERSION,
    {
        "shape": first.SHAPES,
        "colour": first.COLOURS,
        "ground": first.GROUNDS,
        "sky": first.SKIES,
        "action": first.ACTIONS,
        "camera": first.CAMERAS,
        "things": ("one", "two"),
        "second shape": first.SHAPES,
        "second colour": first.COLOURS,
    },
    ("shape", "colour"),
)

_COLOURS = tuple(dict.fromkeys((*story.FURS, *story.HELMETS)))  # of furs and of helmets
STORY = Questions(
    story.VERSION,
    {
        "scene": (*story.KINDS, OTHER),
        "ground": (*story.GROUNDS, *story.PLACES),
        "sky": story.SKIES,
        "weather": ("dry", "snowfall"),
        "action": tuple(dict.fromkeys((*story.PUPPY_ACTIONS, *story.TRAVELLER_ACTIONS))),
        "camera": story.CAMERAS,
        "style": story.STYLES,
        "count": ("one", "two"),
        "colour": _COLOURS,
        "second colour": _COLOURS,
    },
    ("colour",),
    ("weather",),  # flakes are a pixel wide
)
_BY_WORLD = {questions.world: questions for questions in (FIRST, STORY)}


def asked_of(world: str) -> Questions:
    """The questions about a world's films.

    Raises:
        ValueError: there are none.
    """
    if world not in _BY_WORLD:
        raise ValueError(f"nothing is asked about films of world {world!r}: use {' or '.join(_BY_WORLD)}")
    return _BY_WORLD[world]
