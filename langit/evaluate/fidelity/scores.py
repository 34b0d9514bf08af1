"""Does a video show what its prompt says? Scored by the probe, beside real films and shuffled prompts.

The prompts tell scenes whose pairings were never trained on. The ceiling is the probe's score on real films of those
scenes; the floor is the score of the same videos against the truths of other prompts. Left and right are tested by
mirror pairs: one seed, two prompts that differ in nothing else. It does not know models: whoever makes the videos is an
argument, and so is whoever films the scenes.
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
from langit.evaluate.judges.truth import CLASSES, Truth, Verdict, agreement, has_direction, reading, truth_of
from langit.worlds.caption import canonical
from langit.worlds.caption import prompts as prompts_of
from langit.worlds.scene import Scene, mirrored
from langit.worlds.wording import Language

Frames = UInt8[Tensor, "T H W 3"]
Maker = Callable[[Sequence[str], Sequence[int]], Sequence[Frames]]
"""Prompts and seeds to videos."""
Filmer = Callable[[Scene], Frames]
"""A scene to its real film."""
Judge = Callable[[Sequence[Frames]], Sequence[Verdict]]
Progress = Callable[[str, int, int], None]
"""Told of a stage by name: done, of how many."""

LANGUAGES: tuple[Language, ...] = ("en", "id")
DIRECTIONS = ("moves", "pans", "orbits")


@dataclass(frozen=True)
class Case:
    """A scene that was never trained on, and how each language tells it."""

    scene: Scene
    texts: Mapping[str, str]

    @property
    def truth(self) -> Truth:
        return truth_of(self.scene)

    @property
    def mirrored(self) -> Case:
        """The same case with left and right exchanged, in the scene and in the words."""
        return case(mirrored(self.scene))


def case(scene: Scene) -> Case:
    return Case(scene, {language: canonical(scene, language) for language in LANGUAGES})


def check_counts(prompts: int, seeds: int = 1) -> None:
    """Refuse what cannot be scored, before anything is made.

    Raises:
        ValueError: fewer than two prompts, which cannot be shuffled, or no seeds.
    """
    if prompts < 2:
        raise ValueError(f"{prompts} prompts cannot be shuffled to find the floor: use at least 2")
    if seeds < 1:
        raise ValueError(f"{seeds} seeds make no video: use at least 1")


def cases(count: int) -> list[Case]:
    """The first ``count`` held-out scenes that prompts are taken from.

    Raises:
        ValueError: fewer than two, which cannot be shuffled.
    """
    check_counts(count)
    return [case(prompt.scene) for prompt in prompts_of("held-out", count)]


@dataclass(frozen=True)
class Row:
    """An attribute's scores."""

    made: Rate
    real: Rate  # the ceiling
    shuffled: Rate  # the floor
    by_language: Mapping[str, Rate]


@dataclass(frozen=True)
class Direction:
    """Mirror pairs of one kind. ``right`` counts videos that go the told way, ``pairs`` pairs of which both do."""

    right: Rate
    pairs: Rate
    real: Rate  # videos of real films, the ceiling; chance is one half


@dataclass(frozen=True)
class Fidelity:
    """What the probe says of a model's videos."""

    prompts: int
    seeds: int
    rows: Mapping[str, Row]  # by attribute, and "everything" at once
    directions: Mapping[str, Direction]
    confusions: Mapping[str, tuple[tuple[int, ...], ...]]  # by attribute: rows the truth, columns the verdict


@dataclass(frozen=True)
class Shown:
    """A video to look at."""

    text: str
    frames: Frames


@dataclass(frozen=True)
class _Made:
    case: Case
    language: str
    verdict: Verdict


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
) -> tuple[Fidelity, tuple[Shown, ...]]:
    """Score whoever makes videos.

    Every prompt is made with each of the seeds 0, 1, …, alternating between English and Indonesian. The first ``show``
    prompts' first videos come back to be looked at, unchosen.

    Raises:
        ValueError: too few prompts or seeds.
    """
    check_counts(prompts, seeds)
    chosen = cases(prompts)
    orders = [(case, LANGUAGES[(index + seed) % 2], seed) for seed in range(seeds) for index, case in enumerate(chosen)]
    made, shown = _make(orders, make, judge, batch, min(show, prompts), lambda done, of: progress("prompts", done, of))
    aimed = [one for one in orders[: len(chosen)] if _kinds(one[0].truth)]
    twins, _ = _make(
        [(case.mirrored, language, seed) for case, language, seed in aimed],
        make,
        judge,
        batch,
        0,
        lambda done, of: progress("mirrored prompts", done, of),
    )
    real, flipped = _film(chosen, film, judge, batch, lambda done, of: progress("real films", done, of))
    others = shuffled(len(chosen))
    rows = {
        name: Row(
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
    first = [one for one in made[: len(chosen)] if _kinds(one.case.truth)]
    fidelity = Fidelity(
        prompts=prompts,
        seeds=seeds,
        rows=rows,
        directions=_directions(first, twins, chosen, real, flipped),
        confusions={name: confusion(name, [(one.case.truth, one.verdict) for one in made]) for name in CLASSES},
    )
    return fidelity, shown


def _make(
    orders: Sequence[tuple[Case, str, int]],
    make: Maker,
    judge: Judge,
    batch: int,
    show: int,
    progress: Callable[[int, int], None],
) -> tuple[list[_Made], tuple[Shown, ...]]:
    made: list[_Made] = []
    shown: list[Shown] = []
    for start in range(0, len(orders), batch):
        part = orders[start : start + batch]
        texts = [case.texts[language] for case, language, _ in part]
        videos = make(texts, [seed for _, _, seed in part])
        assert len(videos) == len(part)
        shown += [Shown(text, video) for text, video in zip(texts, videos, strict=True)][: max(0, show - len(shown))]
        for (case, language, _), verdict in zip(part, judge(videos), strict=True):
            made.append(_Made(case, language, verdict))
        progress(len(made), len(orders))
    return made, tuple(shown)


def _film(
    chosen: Sequence[Case], film: Filmer, judge: Judge, batch: int, progress: Callable[[int, int], None]
) -> tuple[list[Verdict], list[Verdict]]:
    """Verdicts on the real films of all cases, and on the films as a mirror shows them."""
    real: list[Verdict] = []
    flipped: list[Verdict] = []
    for start in range(0, len(chosen), batch):
        films = [film(case.scene) for case in chosen[start : start + batch]]
        real += judge(films)
        flipped += judge([torch.flip(frames, (2,)) for frames in films])
        progress(len(real), len(chosen))
    return real, flipped


def shuffled(count: int) -> list[int]:
    """For each place another one's number: a permutation without a fixed point."""
    order = list(range(count))
    random.Random("floor").shuffle(order)
    other = [0] * count
    for here, there in zip(order, order[1:] + order[:1], strict=True):
        other[here] = there
    return other


def rate_of(name: str, judged: Sequence[tuple[Truth, Verdict]]) -> Rate:
    """How often an attribute is right where the truth has it; or "everything" at once."""
    answers = [agreement(truth, verdict) for truth, verdict in judged]
    if name == "everything":
        return rate([all(answer.values()) for answer in answers])
    return rate([answer[name] for answer in answers if name in answer])


def confusion(
    name: str, judged: Sequence[tuple[Truth, Verdict]], questions: Questions = FIRST
) -> tuple[tuple[int, ...], ...]:
    """How often each class (rows) was taken for each (columns)."""
    seen: Counter[tuple[str, str]] = Counter()
    for truth, verdict in judged:
        if name in truth.named:
            seen[truth.named[name], reading(truth, verdict)[name]] += 1
    names = questions.classes[name]
    return tuple(tuple(seen[row, column] for column in names) for row in names)


def _kinds(truth: Truth) -> dict[str, str]:
    """The directions that a truth has: the kind and the attribute that says it."""
    kinds = {}
    if has_direction(truth.named["action"]):
        kinds["moves"] = "action"
    if has_direction(truth.named["camera"]):
        kinds[truth.named["camera"].split()[0] + "s"] = "camera"
    return kinds


def _goes(truth: Truth, verdict: Verdict, attribute: str) -> bool:
    return verdict.prefers(attribute, truth.named[attribute])


def _directions(
    first: Sequence[_Made],
    twins: Sequence[_Made],
    chosen: Sequence[Case],
    real: Sequence[Verdict],
    flipped: Sequence[Verdict],
) -> dict[str, Direction]:
    found = {}
    for kind in DIRECTIONS:
        pairs = []
        for one, twin in zip(first, twins, strict=True):
            attribute = _kinds(one.case.truth).get(kind)
            if attribute is not None:
                pairs.append([_goes(side.case.truth, side.verdict, attribute) for side in (one, twin)])
        films = []
        for case, there, back in zip(chosen, real, flipped, strict=True):
            attribute = _kinds(case.truth).get(kind)
            if attribute is not None:
                films += [_goes(case.truth, there, attribute), _goes(case.mirrored.truth, back, attribute)]
        right = [answer for pair in pairs for answer in pair]
        found[kind] = Direction(rate(right), rate([all(pair) for pair in pairs]), rate(films))
    return found
