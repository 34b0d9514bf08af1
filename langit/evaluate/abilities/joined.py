"""Abilities that go on from given frames: image to video, extend, connect, loop, recut, storyboard.

Are given frames kept, does the motion go on, can a cut be seen? Every result is laid beside a film in whose numbering
it is, so that what was made can be compared with what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from PIL import Image

from langit.evaluate.abilities import joins
from langit.evaluate.abilities.cases import Case, Frames, Progress, Watch, footage, frames_in
from langit.evaluate.abilities.joins import Step
from langit.evaluate.abilities.motion import PAIRS, FlowError, error, flow, flow_error, frozen_error, true_flow
from langit.evaluate.reconstruction import psnr, reconstruct
from langit.generate import Footage, Generated, Model, connect, extend, generate, loop, recut, storyboard
from langit.generate.canvas import reach_of
from langit.generate.storyboard import Board, Card
from langit.generate.windows import Stretch, plan

if TYPE_CHECKING:
    from langit.worlds.film import Film

BRIDGE = 1.0  # seconds that close a loop
_SELDOM = 4  # recutting and storyboards, which take two walks, are tried on one film of so many


@dataclass(frozen=True, eq=False)
class Trial:
    """An ability that is to be tried: on which film, which frames it makes, and how.

    film: what is given and, where it is known, what happened; black where nothing did.
    again: the same as the autoencoder gives it back.
    """

    name: str
    title: str
    film: Frames
    again: Frames
    new: tuple[int, ...]
    make: Callable[[Watch], Generated]


@dataclass(frozen=True, eq=False)
class Result:
    """What a trial gave. ``loss`` is what given frames lost within the last walk (None: it saw none), in dB."""

    trial: Trial
    made: Frames
    loss: float | None

    @property
    def kept(self) -> bool:
        """Whether every given frame came back to the pixel."""
        given = [at for at in range(len(self.made)) if at not in self.trial.new]
        return torch.equal(self.trial.film[given], self.made[given])

    @property
    def touching(self) -> list[int]:
        """The steps from or to a frame that was made."""
        new = self.trial.new
        return [at for at in range(len(self.made) - 1) if at in new or at + 1 in new]


def run(trial: Trial, model: Model) -> Result:
    """Try an ability."""
    watch = Watch()
    made = trial.make(watch).frames
    walked = watch.frames(model)
    begin = last_walk(len(trial.film), trial.new, model)
    given = [at for at in range(len(trial.film)) if at not in trial.new and 0 <= at - begin < len(walked)]
    if not given:
        return Result(trial, made, None)
    loss = joins.loss(trial.film[given], walked[[at - begin for at in given]], trial.again[given])
    return Result(trial, made, loss)


def last_walk(length: int, new: Sequence[int], model: Model) -> int:
    """The frame at which the last walk begins, when the frames ``new`` of ``length`` are made run by run."""
    firsts = [at for at in new if at - 1 not in new]
    ends = [at + 1 for at in new if at + 1 not in new]
    stretches = [Stretch(first, end, "") for first, end in zip(firsts, ends, strict=True)]
    return plan([at not in new for at in range(length)], stretches, reach_of(model))[-1].begin


@dataclass(frozen=True, eq=False)
class Pair:
    """A case's films as tensors, and as the autoencoder gives them back."""

    case: Case
    short: Frames
    long: Frames
    short_again: Frames
    long_again: Frames


def pair(case: Case, model: Model) -> Pair:
    short, long = frames_in(case.short), frames_in(case.long)
    again = (reconstruct(model.autoencoder, film[None])[0] for film in (short, long))
    return Pair(case, short, long, *again)


def trials(one: Pair, other: Pair, model: Model, seed: int, folder: Path) -> Iterator[Trial]:
    """All of a case; ``other`` is what it is connected with, ``folder`` for the picture on a storyboard."""
    text = one.case.caption
    length, whole = len(one.short), len(one.long)
    half = (length + 1) // 2

    def given(frames: Frames) -> Footage:
        return footage(frames, model)

    yield Trial(
        "image to video",
        text,
        one.short,
        one.short_again,
        tuple(range(1, length)),
        lambda watch: generate(text, model, image=given(one.short[:1]), seed=seed, on_step=watch),
    )
    yield Trial(
        "extend",
        text,
        one.long,
        one.long_again,
        tuple(range(length, whole)),
        lambda watch: extend(given(one.long[:length]), model, text, frames=whole - length, seed=seed, on_step=watch),
    )
    yield Trial(
        "extend before",
        text,
        one.long,
        one.long_again,
        tuple(range(whole - length)),
        lambda watch: extend(
            given(one.long[-length:]), model, text, frames=whole - length, before=True, seed=seed, on_step=watch
        ),
    )
    bridge = tuple(range(half, whole - half))
    seconds = len(bridge) / model.fps
    yield Trial(
        "connect, one film",
        text,
        one.long,
        one.long_again,
        bridge,
        lambda watch: connect(
            given(one.long[:half]), given(one.long[-half:]), model, text, seconds=seconds, seed=seed, on_step=watch
        ),
    )
    yield Trial(
        "connect, two films",
        f"{text} | {other.case.caption}",
        _between(one.short[:half], other.short[-half:], len(bridge)),
        _between(one.short_again[:half], other.short_again[-half:], len(bridge)),
        bridge,
        lambda watch: connect(
            given(one.short[:half]), given(other.short[-half:]), model, seconds=seconds, seed=seed, on_step=watch
        ),
    )
    closing = round(BRIDGE * model.fps)
    yield Trial(
        "loop",
        text,
        _between(one.short, one.short, closing),
        _between(one.short_again, one.short_again, closing),
        tuple(range(length, length + closing)),
        lambda watch: loop(given(one.short), model, text, seconds=BRIDGE, seed=seed, on_step=watch),
    )
    a, z, ahead = length // 2, length // 2 + half, (whole - half) // 2
    if seed % _SELDOM:
        return
    yield Trial(
        "recut",
        text,
        _amid(one.long[a:z], ahead, whole),
        _amid(one.long_again[a:z], ahead, whole),
        tuple(at for at in range(whole) if not ahead <= at < ahead + half),
        lambda watch: recut(
            given(one.long),
            model,
            text,
            start=a / model.fps,
            end=z / model.fps,
            seconds=whole / model.fps,
            seed=seed,
            on_step=watch,
        ),
    )
    yield _on_board(one, model, seed, folder / "card.png")


def _on_board(one: Pair, model: Model, seed: int, picture: Path) -> Trial:
    """A text, then a picture that stands for a latent frame, then what comes of it."""
    whole, time = len(one.long), model.autoencoder.config.time
    at = whole // 2
    given = range(at, at + time)
    still = one.long[at][None].expand(time, -1, -1, -1)
    Image.fromarray(still[0].numpy()).save(picture)
    text, fps = one.case.caption, model.fps
    cards = (
        Card(1, 0.0, at / fps, text=text),
        Card(2, at / fps, (at + time) / fps, image=picture),
    )
    board = Board(seconds=whole / fps, cards=cards, seed=seed, prompt=text)
    again = reconstruct(model.autoencoder, still[None, :1])[0].expand(time, -1, -1, -1)
    return Trial(
        "storyboard",
        text,
        _amid(still, at, whole),
        _amid(again, at, whole),
        tuple(frame for frame in range(whole) if frame not in given),
        lambda watch: storyboard(board, model, on_step=watch),
    )


def _between(before: Frames, after: Frames, count: int) -> Frames:
    """Two pieces with black frames between them."""
    return torch.cat([before, before.new_zeros(count, *before.shape[1:]), after])


def _amid(kept: Frames, ahead: int, whole: int) -> Frames:
    """A piece with black frames on both sides."""
    behind = whole - ahead - len(kept)
    return torch.cat([kept.new_zeros(ahead, *kept.shape[1:]), kept, kept.new_zeros(behind, *kept.shape[1:])])


@dataclass(frozen=True, eq=False)
class Motion:
    """The steps next to what is given, by whose they are: flow errors, and the new frames' PSNR against the film's."""

    errors: Mapping[str, FlowError]
    likeness: Mapping[str, float]


def motion(film: Film, result: Result, text_only: Frames) -> Motion:
    """Compare a result's motion with its film's, beside that of others.

    Args:
        film: with depth, in the result's numbering.
        result: of an ability that makes all frames on one side of those that are given.
        text_only: made of the caption alone, in the same numbering.
    """
    trial = result.trial
    backwards = 0 in trial.new
    edge = max(trial.new) if backwards else min(trial.new) - 1  # the step that joins begins here
    firsts = [edge - at if backwards else edge + at for at in range(PAIRS)]
    truth = true_flow(film, firsts)
    estimated = {
        "real": flow_error(trial.film, firsts, truth),
        "autoencoder": flow_error(trial.again, firsts, truth),
        "made": flow_error(result.made, firsts, truth),
        "frozen": frozen_error(truth),
        "text only": flow_error(text_only, firsts, truth),
        "backwards": error(-flow(trial.film[firsts], trial.film[[at + 1 for at in firsts]]), truth),
    }
    new = firsts if backwards else [at + 1 for at in firsts]
    frozen = trial.film[edge + 1 if backwards else edge]
    others = {"autoencoder": trial.again, "made": result.made, "text only": text_only}
    likeness = {name: psnr(trial.film[new], frames[new]) for name, frames in others.items()}
    likeness["frozen"] = psnr(trial.film[new], frozen.expand_as(trial.film[new]))
    return Motion(estimated, likeness)


@dataclass(frozen=True, eq=False)
class Joined:
    """What was found, by ability, film by film; the films' own figures under their own names."""

    results: Mapping[str, list[Result]]
    jumps: Mapping[str, list[Step]]  # the largest step anywhere
    touching: Mapping[str, list[Step]]  # the largest that touches a new frame
    seams: Mapping[str, list[Step]]
    motions: Mapping[str, list[Motion]]
    floor: float


def try_all(cases: Sequence[Case], model: Model, plain: Sequence[Mapping[int, Frames]], progress: Progress) -> Joined:
    """Every ability on every case.

    Args:
        cases: held-out films.
        model: see :class:`Model`.
        plain: videos of each case's caption alone, by their number of frames.
        progress: told after each film.
    """
    pairs = [pair(case, model) for case in cases]
    least = joins.floor(model.autoencoder, [each.short for each in pairs])
    results: dict[str, list[Result]] = {}
    jumps: dict[str, list[Step]] = {}
    touching: dict[str, list[Step]] = {}
    seams: dict[str, list[Step]] = {}
    motions: dict[str, list[Motion]] = {}
    for number, one in enumerate(pairs):
        other = pairs[(number + 1) % len(pairs)]
        half = (len(one.short) + 1) // 2
        for name, frames in (
            ("real films", one.long),
            ("autoencoder", one.long_again),
            ("a hard cut", torch.cat([one.short[:half], other.short[-half:]])),
        ):
            jumps.setdefault(name, []).append(joins.jump(frames, least))
        seams.setdefault("played again", []).append(joins.seam(one.short, least))
        with TemporaryDirectory() as folder:
            tried = [run(trial, model) for trial in trials(one, other, model, number, Path(folder))]
        for result in tried:
            trial = result.trial
            results.setdefault(trial.name, []).append(result)
            jumps.setdefault(trial.name, []).append(joins.jump(result.made, least))
            touching.setdefault(trial.name, []).append(joins.jump(result.made, least, result.touching))
            if trial.name == "loop":
                seams.setdefault("loop", []).append(joins.seam(result.made, least))
            if trial.name in ("image to video", "extend", "extend before"):
                film = one.case.short if len(trial.film) == len(one.short) else one.case.long
                motions.setdefault(trial.name, []).append(motion(film, result, plain[number][len(trial.film)]))
        progress("frames that are given", number + 1, len(pairs))
    return Joined(results, jumps, touching, seams, motions, least)
