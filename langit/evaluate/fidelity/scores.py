"""Does a video show what its prompt says? Scored by a judge, between a ceiling and a floor.

The prompts describe scenes with combinations that were never trained on. The ceiling is the judge's score on real films
of the scenes; the floor is the score of the same videos against the truths of other prompts. Left and right are tested
by mirror pairs: one seed, and two prompts that differ only in the direction. Knows no models: the functions that make
videos, render films and judge are arguments.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.judges.questions import FIRST, Questions
from langit.evaluate.judges.truth import CLASSES, ProbeVerdict, Truth, agreement, has_direction, predictions, truth_of
from langit.worlds.caption import canonical
from langit.worlds.caption import prompts as prompts_of
from langit.worlds.scene import Scene, mirror_scene
from langit.worlds.wording import Language

Frames = UInt8[Tensor, "T H W 3"]
Maker = Callable[[Sequence[str], Sequence[int]], Sequence[Frames]]
"""Makes a video for each prompt and seed."""
Filmer = Callable[[Scene], Frames]
"""Renders the real film of a scene."""
Judge = Callable[[Sequence[Frames]], Sequence[ProbeVerdict]]
Progress = Callable[[str, int, int], None]
"""Receives a stage's name, how much of it is done, and of how much."""

LANGUAGES: tuple[Language, ...] = ("en", "id")
DIRECTIONS = ("moves", "pans", "orbits")


@dataclass(frozen=True)
class FidelityCase:
    """A scene that was never trained on, and its prompt in each language."""

    scene: Scene
    texts: Mapping[str, str]

    @property
    def truth(self) -> Truth:
        return truth_of(self.scene)

    @property
    def mirrored(self) -> FidelityCase:
        """The same case with left and right swapped, in the scene and in the prompts."""
        return fidelity_case(mirror_scene(self.scene))


def fidelity_case(scene: Scene) -> FidelityCase:
    """Describe a scene in every language."""
    return FidelityCase(scene, {language: canonical(scene, language) for language in LANGUAGES})


def check_counts(prompts: int, seeds: int = 1) -> None:
    """Check counts before anything is made.

    Raises:
        ValueError: there are fewer than two prompts, which cannot be shuffled, or no seeds.
    """
    if prompts < 2:
        raise ValueError(f"{prompts} prompts cannot be shuffled to find the floor: use at least 2")
    if seeds < 1:
        raise ValueError(f"{seeds} seeds make no video: use at least 1")


def cases(count: int) -> list[FidelityCase]:
    """Return the first ``count`` held-out scenes.

    Raises:
        ValueError: there are fewer than two, which cannot be shuffled.
    """
    check_counts(count)
    return [fidelity_case(prompt.scene) for prompt in prompts_of("held-out", count)]


@dataclass(frozen=True)
class AttributeScores:
    """An attribute's scores. Field names are keys of the report's JSON, as in the next two classes."""

    made: Rate
    real: Rate  # the ceiling
    shuffled: Rate  # the floor
    by_language: Mapping[str, Rate]


@dataclass(frozen=True)
class DirectionScores:
    """Mirror pairs of one kind: ``right`` counts videos that go the right way, ``pairs`` pairs that both do."""

    right: Rate
    pairs: Rate
    real: Rate  # of real films, the ceiling; chance is one half


@dataclass(frozen=True)
class Fidelity:
    """The scores of a model's videos."""

    prompts: int
    seeds: int
    rows: Mapping[str, AttributeScores]  # by attribute, and "everything" at once
    directions: Mapping[str, DirectionScores]
    confusions: Mapping[str, tuple[tuple[int, ...], ...]]  # by attribute; rows are the truth, columns the verdict


@dataclass(frozen=True)
class ShownVideo:
    """A video for people to look at, and its prompt."""

    text: str
    frames: Frames


@dataclass(frozen=True)
class _JudgedVideo:
    case: FidelityCase
    language: str
    verdict: ProbeVerdict


def score(
    make: Maker,
    film: Filmer,
    judge: Judge,
    *,
    prompts: int = 200,
    seeds: int = 3,
    batch: int = 8,
    show: int = 24,
    progress: Progress,
) -> tuple[Fidelity, tuple[ShownVideo, ...]]:
    """Score the videos that ``make`` makes.

    Every prompt is used with each of the seeds 0, 1, …, alternating between English and Indonesian. The first videos
    of the first ``show`` prompts are returned for people to look at.

    Raises:
        ValueError: there are too few prompts or seeds.
    """
    check_counts(prompts, seeds)
    chosen = cases(prompts)
    orders = [(case, LANGUAGES[(index + seed) % 2], seed) for seed in range(seeds) for index, case in enumerate(chosen)]
    made, shown = _judge_made(
        orders, make, judge, batch, min(show, prompts), lambda done, of: progress("prompts", done, of)
    )
    directed = [one for one in orders[: len(chosen)] if _directions_in(one[0].truth)]
    mirrors, _ = _judge_made(
        [(case.mirrored, language, seed) for case, language, seed in directed],
        make,
        judge,
        batch,
        0,
        lambda done, of: progress("mirrored prompts", done, of),
    )
    real, flipped = _judge_films(chosen, film, judge, batch, lambda done, of: progress("real films", done, of))
    others = derangement(len(chosen))
    rows = {
        name: AttributeScores(
            made=rate_of(name, [(one.case.truth, one.verdict) for one in made]),
            real=rate_of(name, [(case.truth, verdict) for case, verdict in zip(chosen, real, strict=True)]),
            shuffled=rate_of(
                name, [(chosen[others[i % len(chosen)]].truth, one.verdict) for i, one in enumerate(made)]
            ),
            by_language={
                language: rate_of(name, [(one.case.truth, one.verdict) for one in made if one.language == language])
                for language in LANGUAGES
            },
        )
        for name in [*CLASSES, "everything"]
    }
    first = [one for one in made[: len(chosen)] if _directions_in(one.case.truth)]
    fidelity = Fidelity(
        prompts=prompts,
        seeds=seeds,
        rows=rows,
        directions=_score_directions(first, mirrors, chosen, real, flipped),
        confusions={name: confusion_matrix(name, [(one.case.truth, one.verdict) for one in made]) for name in CLASSES},
    )
    return fidelity, shown


def _judge_made(
    orders: Sequence[tuple[FidelityCase, str, int]],
    make: Maker,
    judge: Judge,
    batch: int,
    show: int,
    progress: Callable[[int, int], None],
) -> tuple[list[_JudgedVideo], tuple[ShownVideo, ...]]:
    made: list[_JudgedVideo] = []
    shown: list[ShownVideo] = []
    for start in range(0, len(orders), batch):
        part = orders[start : start + batch]
        texts = [case.texts[language] for case, language, _ in part]
        videos = make(texts, [seed for _, _, seed in part])
        assert len(videos) == len(part)
        shown += [ShownVideo(text, video) for text, video in zip(texts, videos, strict=True)][
            : max(0, show - len(shown))
        ]
        for (case, language, _), verdict in zip(part, judge(videos), strict=True):
            made.append(_JudgedVideo(case, language, verdict))
        progress(len(made), len(orders))
    return made, tuple(shown)


def _judge_films(
    chosen: Sequence[FidelityCase], film: Filmer, judge: Judge, batch: int, progress: Callable[[int, int], None]
) -> tuple[list[ProbeVerdict], list[ProbeVerdict]]:
    """Judge the real films of all cases, and their mirror images."""
    real: list[ProbeVerdict] = []
    flipped: list[ProbeVerdict] = []
    for start in range(0, len(chosen), batch):
        films = [film(case.scene) for case in chosen[start : start + batch]]
        real += judge(films)
        flipped += judge([torch.flip(frames, (2,)) for frames in films])
        progress(len(real), len(chosen))
    return real, flipped


def derangement(count: int) -> list[int]:
    """Return a fixed permutation of 0 to ``count - 1`` without a fixed point."""
    order = list(range(count))
    random.Random("floor").shuffle(order)
    # one cycle through all numbers in random order: nothing maps to itself
    other = [0] * count
    for here, there in zip(order, order[1:] + order[:1], strict=True):
        other[here] = there
    return other


def rate_of(name: str, judged: Sequence[tuple[Truth, ProbeVerdict]]) -> Rate:
    """Return how often an attribute is right where the truth has it; "everything" counts videos with no error."""
    answers = [agreement(truth, verdict) for truth, verdict in judged]
    if name == "everything":
        return rate([all(answer.values()) for answer in answers])
    return rate([answer[name] for answer in answers if name in answer])


def confusion_matrix(
    name: str, judged: Sequence[tuple[Truth, ProbeVerdict]], questions: Questions = FIRST
) -> tuple[tuple[int, ...], ...]:
    """Count how often each class (rows) was taken for each (columns)."""
    counts: Counter[tuple[str, str]] = Counter()
    for truth, verdict in judged:
        if name in truth.named:
            counts[truth.named[name], predictions(truth, verdict)[name]] += 1
    names = questions.classes[name]
    return tuple(tuple(counts[row, column] for column in names) for row in names)


def _directions_in(truth: Truth) -> dict[str, str]:
    """Return the kinds of direction in a truth, each with the attribute that contains it."""
    kinds = {}
    if has_direction(truth.named["action"]):
        kinds["moves"] = "action"
    if has_direction(truth.named["camera"]):
        kinds[truth.named["camera"].split()[0] + "s"] = "camera"
    return kinds


def _is_right(truth: Truth, verdict: ProbeVerdict, attribute: str) -> bool:
    return verdict.prefers(attribute, truth.named[attribute])


def _score_directions(
    first: Sequence[_JudgedVideo],
    mirrors: Sequence[_JudgedVideo],
    chosen: Sequence[FidelityCase],
    real: Sequence[ProbeVerdict],
    flipped: Sequence[ProbeVerdict],
) -> dict[str, DirectionScores]:
    scores = {}
    for kind in DIRECTIONS:
        pairs = []
        for one, mirror in zip(first, mirrors, strict=True):
            attribute = _directions_in(one.case.truth).get(kind)
            if attribute is not None:
                pairs.append([_is_right(side.case.truth, side.verdict, attribute) for side in (one, mirror)])
        films = []
        for case, there, back in zip(chosen, real, flipped, strict=True):
            attribute = _directions_in(case.truth).get(kind)
            if attribute is not None:
                films += [_is_right(case.truth, there, attribute), _is_right(case.mirrored.truth, back, attribute)]
        right = [answer for pair in pairs for answer in pair]
        scores[kind] = DirectionScores(rate(right), rate([all(pair) for pair in pairs]), rate(films))
    return scores
