"""The questions that a probe answers about a world's films: named attributes, each with its classes.

Knows only names. The order of attributes and classes is that of a probe's weights, so it must not change.
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

    things: attributes that each of two objects has; those of the second object are prefixed with "second".
    faint: attributes that the shipped probe gets wrong in more than a tenth of real films. It learns them, but no
        score counts them.
    """

    world: str
    classes: Mapping[str, tuple[str, ...]]
    things: tuple[str, ...]
    faint: tuple[str, ...] = ()

    @property
    def scored(self) -> tuple[str, ...]:
        """The attributes that a model is scored on."""
        return tuple(name for name in self.classes if name not in self.faint)

    @property
    def whole(self) -> tuple[str, ...]:
        """The attributes of the video as a whole, rather than of one object."""
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
    ("weather",),  # a snowflake is one pixel wide, too small for the probe
)
_BY_WORLD = {questions.world: questions for questions in (FIRST, STORY)}


def questions_for(world: str) -> Questions:
    """Return the questions about a world's films.

    Raises:
        ValueError: no questions are defined for this world.
    """
    if world not in _BY_WORLD:
        raise ValueError(f"no questions are defined for films of world {world!r}: use {' or '.join(_BY_WORLD)}")
    return _BY_WORLD[world]
