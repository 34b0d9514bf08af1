"""The prompts of the story report: held-out scenes of every kind in turn, and five sentences as people wrote them.

Scenes have seeds and combinations that no training set contains. Knows scenes and sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

from langit.evaluate.fidelity.scores import LANGUAGES
from langit.evaluate.judges.questions import STORY
from langit.evaluate.judges.truth import Truth, truth_of
from langit.worlds.story.caption import canonical, prompts
from langit.worlds.story.scene import KINDS, StoryScene


@dataclass(frozen=True)
class StoryCase:
    """A scene that was never trained on."""

    scene: StoryScene

    @property
    def truth(self) -> Truth:
        """The attributes that a video of the scene is scored on."""
        named = truth_of(self.scene, STORY).named
        return Truth({name: value for name, value in named.items() if name in STORY.scored}, STORY)

    def text(self, language: str) -> str:
        """Return the plainest complete sentence about the scene."""
        return canonical(self.scene, "id" if language == "id" else "en")


@dataclass(frozen=True)
class StoryRequest:
    """One video to make: of a case, in a language, with a seed."""

    number: int  # of the case
    case: StoryCase
    language: str
    seed: int

    @property
    def text(self) -> str:
        return self.case.text(self.language)


def check_counts(number: int, seeds: int) -> None:
    """Check counts before anything is made.

    Raises:
        ValueError: there are fewer prompts than kinds of scenes, or no seeds.
    """
    if number < len(KINDS):
        raise ValueError(f"{number} prompts cannot cover {', '.join(KINDS)}: use at least {len(KINDS)}")
    if seeds < 1:
        raise ValueError(f"{seeds} seeds make no video: use at least 1")


def cases(number: int) -> list[StoryCase]:
    """Return the first held-out scenes, the kinds in turn."""
    per_kind = -(-number // len(KINDS))
    by_kind = [[StoryCase(prompt.scene) for prompt in prompts("held-out", per_kind, kind=kind)] for kind in KINDS]
    return [case for turn in zip(*by_kind, strict=True) for case in turn][:number]


def story_requests(chosen: list[StoryCase], seeds: int) -> list[StoryRequest]:
    """Return a request for every case with each of the seeds 0, 1, …; languages alternate, also within a kind."""
    return [
        StoryRequest(number, case, LANGUAGES[(number + seed) % len(LANGUAGES)], seed)
        for seed in range(seeds)
        for number, case in enumerate(chosen)
    ]


@dataclass(frozen=True)
class Sentence:
    """A sentence as a person would write it, and the attributes that a video must show to match it."""

    text: str
    asks: dict[str, str]

    @property
    def truth(self) -> Truth:
        return Truth(self.asks, STORY)


_SNOW = {"scene": "puppies", "ground": "snow", "action": "plays"}
_SUBURBS = {"scene": "window", "ground": "suburbs"}
SENTENCES = (
    Sentence("puppies playing in the snow", _SNOW | {"count": "two"}),
    Sentence(
        "a traveller in a red knitted motorcycle helmet crosses a salt desert under a blue sky, 35 mm film",
        {"scene": "traveller", "colour": "red", "ground": "salt", "sky": "day", "style": "35 mm film"},
    ),
    Sentence("reflections in the window of a train passing through the suburbs of Tokyo", _SUBURBS),
    Sentence("anak anjing bermain di dalam salju", _SNOW),
    Sentence("bayangan di jendela kereta yang melintasi pinggiran kota Tokyo", _SUBURBS),
)
