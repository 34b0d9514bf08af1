"""Abilities that continue given frames: image to video, extend, connect, loop, recut, storyboard.

Are given frames preserved, does the motion continue, is a cut visible? Every result is aligned frame by frame with a
film, so that what was generated can be compared with what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from PIL import Image

from langit.evaluate.abilities import seams
from langit.evaluate.abilities.cases import AbilityCase, Frames, LastStep, Progress, film_frames, footage
from langit.evaluate.abilities.motion import (
    PAIRS,
    FlowError,
    end_point_error,
    flow,
    flow_error,
    frozen_error,
    true_flow,
)
from langit.evaluate.abilities.seams import FrameStep
from langit.evaluate.reconstruction import psnr, reconstruct
from langit.generate import Footage, Generated, Model, connect, extend, generate, loop, recut, storyboard
from langit.generate.board import Board, Card
from langit.generate.canvas import window_limits
from langit.generate.windows import Span, plan_windows

if TYPE_CHECKING:
    from langit.worlds.film import Film

BRIDGE = 1.0  # seconds of the transition that closes a loop
_SELDOM = 4  # recut and storyboard sample two windows, so they are tried on one film out of so many


@dataclass(frozen=True, eq=False)
class AbilityTrial:
    """An ability to try on a film.

    film: the given frames and, where it is known, what happened in the others; black where it is not.
    again: the same, encoded and decoded.
    new: indices of the frames that the ability generates.
    """

    name: str
    title: str
    film: Frames
    again: Frames
    new: tuple[int, ...]
    make: Callable[[LastStep], Generated]


@dataclass(frozen=True, eq=False)
class AbilityResult:
    """The result of a trial. ``loss``: dB that given frames lost in the last window (None if it contained none)."""

    trial: AbilityTrial
    made: Frames
    loss: float | None

    @property
    def kept(self) -> bool:
        """Whether every given frame is preserved pixel by pixel."""
        given = [at for at in range(len(self.made)) if at not in self.trial.new]
        return torch.equal(self.trial.film[given], self.made[given])

    @property
    def touching(self) -> list[int]:
        """The steps from or to a generated frame."""
        new = self.trial.new
        return [at for at in range(len(self.made) - 1) if at in new or at + 1 in new]


def run_trial(trial: AbilityTrial, model: Model) -> AbilityResult:
    """Run an ability and compare the frames that it was given before and after sampling."""
    last_step = LastStep()
    made = trial.make(last_step).frames
    sampled = last_step.frames(model)
    begin = last_window_start(len(trial.film), trial.new, model)
    given = [at for at in range(len(trial.film)) if at not in trial.new and 0 <= at - begin < len(sampled)]
    if not given:
        return AbilityResult(trial, made, None)
    loss = seams.given_frame_loss(trial.film[given], sampled[[at - begin for at in given]], trial.again[given])
    return AbilityResult(trial, made, loss)


def last_window_start(length: int, new: Sequence[int], model: Model) -> int:
    """Return the frame at which the last window starts, when ``new`` of ``length`` frames are generated."""
    firsts = [at for at in new if at - 1 not in new]
    ends = [at + 1 for at in new if at + 1 not in new]
    spans = [Span(first, end, "") for first, end in zip(firsts, ends, strict=True)]
    return plan_windows([at not in new for at in range(length)], spans, window_limits(model))[-1].begin


@dataclass(frozen=True, eq=False)
class FilmPair:
    """A case's films as tensors, and their reconstructions by the autoencoder."""

    case: AbilityCase
    short: Frames
    long: Frames
    short_again: Frames
    long_again: Frames


def film_pair(case: AbilityCase, model: Model) -> FilmPair:
    """Encode and decode a case's films."""
    short, long = film_frames(case.short), film_frames(case.long)
    again = (reconstruct(model.autoencoder, film[None])[0] for film in (short, long))
    return FilmPair(case, short, long, *again)


def trials(one: FilmPair, other: FilmPair, model: Model, seed: int, folder: Path) -> Iterator[AbilityTrial]:
    """Yield all trials of a case; ``other`` is the film to connect with, ``folder`` holds a storyboard's picture."""
    text = one.case.caption
    length, whole = len(one.short), len(one.long)
    half = (length + 1) // 2

    def given(frames: Frames) -> Footage:
        return footage(frames, model)

    yield AbilityTrial(
        "image to video",
        text,
        one.short,
        one.short_again,
        tuple(range(1, length)),
        lambda on_step: generate(
            text, model, image=given(one.short[:1]), pixels=one.case.short.pixels, seed=seed, on_step=on_step
        ),
    )
    yield AbilityTrial(
        "extend",
        text,
        one.long,
        one.long_again,
        tuple(range(length, whole)),
        lambda on_step: extend(
            given(one.long[:length]), model, text, frames=whole - length, seed=seed, on_step=on_step
        ),
    )
    yield AbilityTrial(
        "extend before",
        text,
        one.long,
        one.long_again,
        tuple(range(whole - length)),
        lambda on_step: extend(
            given(one.long[-length:]), model, text, frames=whole - length, before=True, seed=seed, on_step=on_step
        ),
    )
    bridge = tuple(range(half, whole - half))
    seconds = len(bridge) / model.fps
    yield AbilityTrial(
        "connect, one film",
        text,
        one.long,
        one.long_again,
        bridge,
        lambda on_step: connect(
            given(one.long[:half]), given(one.long[-half:]), model, text, seconds=seconds, seed=seed, on_step=on_step
        ),
    )
    yield AbilityTrial(
        "connect, two films",
        f"{text} | {other.case.caption}",
        _with_gap(one.short[:half], other.short[-half:], len(bridge)),
        _with_gap(one.short_again[:half], other.short_again[-half:], len(bridge)),
        bridge,
        lambda on_step: connect(
            given(one.short[:half]), given(other.short[-half:]), model, seconds=seconds, seed=seed, on_step=on_step
        ),
    )
    closing = round(BRIDGE * model.fps)
    yield AbilityTrial(
        "loop",
        text,
        _with_gap(one.short, one.short, closing),
        _with_gap(one.short_again, one.short_again, closing),
        tuple(range(length, length + closing)),
        lambda on_step: loop(given(one.short), model, text, seconds=BRIDGE, seed=seed, on_step=on_step),
    )
    a, z, ahead = length // 2, length // 2 + half, (whole - half) // 2
    if seed % _SELDOM:
        return
    yield AbilityTrial(
        "recut",
        text,
        _with_margins(one.long[a:z], ahead, whole),
        _with_margins(one.long_again[a:z], ahead, whole),
        tuple(at for at in range(whole) if not ahead <= at < ahead + half),
        lambda on_step: recut(
            given(one.long),
            model,
            text,
            start=a / model.fps,
            end=z / model.fps,
            seconds=whole / model.fps,
            seed=seed,
            on_step=on_step,
        ),
    )
    yield _storyboard_trial(one, model, seed, folder / "card.png")


def _storyboard_trial(one: FilmPair, model: Model, seed: int, picture: Path) -> AbilityTrial:
    """A text card, then a picture held for one latent frame, then free continuation."""
    whole, time = len(one.long), model.autoencoder.compression.time
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
    return AbilityTrial(
        "storyboard",
        text,
        _with_margins(still, at, whole),
        _with_margins(again, at, whole),
        tuple(frame for frame in range(whole) if frame not in given),
        lambda on_step: storyboard(board, model, on_step=on_step),
    )


def _with_gap(before: Frames, after: Frames, count: int) -> Frames:
    """Join two pieces with black frames between them."""
    return torch.cat([before, before.new_zeros(count, *before.shape[1:]), after])


def _with_margins(kept: Frames, ahead: int, whole: int) -> Frames:
    """Put black frames on both sides of a piece, to a total of ``whole`` frames."""
    behind = whole - ahead - len(kept)
    return torch.cat([kept.new_zeros(ahead, *kept.shape[1:]), kept, kept.new_zeros(behind, *kept.shape[1:])])


@dataclass(frozen=True, eq=False)
class MotionComparison:
    """The steps next to the given frames, by source: flow errors, and PSNR of the new frames against the film's."""

    errors: Mapping[str, FlowError]
    likeness: Mapping[str, float]


def compare_motion(film: Film, result: AbilityResult, text_only: Frames) -> MotionComparison:
    """Compare a result's motion with its film's, beside several baselines.

    Args:
        film: rendered with depth and aligned with the result.
        result: of an ability that generates all frames on one side of the given ones.
        text_only: a video generated from the caption alone, aligned with the result.
    """
    trial = result.trial
    backwards = 0 in trial.new
    edge = max(trial.new) if backwards else min(trial.new) - 1  # where the step across the join starts
    firsts = [edge - at if backwards else edge + at for at in range(PAIRS)]
    truth = true_flow(film, firsts)
    estimated = {
        "real": flow_error(trial.film, firsts, truth),
        "autoencoder": flow_error(trial.again, firsts, truth),
        "made": flow_error(result.made, firsts, truth),
        "frozen": frozen_error(truth),
        "text only": flow_error(text_only, firsts, truth),
        "backwards": end_point_error(-flow(trial.film[firsts], trial.film[[at + 1 for at in firsts]]), truth),
    }
    new = firsts if backwards else [at + 1 for at in firsts]
    frozen = trial.film[edge + 1 if backwards else edge]
    others = {"autoencoder": trial.again, "made": result.made, "text only": text_only}
    likeness = {name: psnr(trial.film[new], frames[new]) for name, frames in others.items()}
    likeness["frozen"] = psnr(trial.film[new], frozen.expand_as(trial.film[new]))
    return MotionComparison(estimated, likeness)


@dataclass(frozen=True, eq=False)
class ContinuationResults:
    """Results by ability, one per film; baselines are entered under their own names."""

    results: Mapping[str, list[AbilityResult]]
    jumps: Mapping[str, list[FrameStep]]  # the largest step of each video
    touching: Mapping[str, list[FrameStep]]  # the largest step from or to a generated frame
    seams: Mapping[str, list[FrameStep]]
    motions: Mapping[str, list[MotionComparison]]
    floor: float


def try_all(
    cases: Sequence[AbilityCase], model: Model, plain: Sequence[Mapping[int, Frames]], progress: Progress
) -> ContinuationResults:
    """Try every ability on every case.

    Args:
        cases: held-out films.
        model: the model under evaluation.
        plain: videos generated from each case's caption alone, by number of frames.
        progress: called after each film.
    """
    pairs = [film_pair(case, model) for case in cases]
    floor = seams.noise_floor(model.autoencoder, [one.short for one in pairs])
    results: dict[str, list[AbilityResult]] = {}
    jumps: dict[str, list[FrameStep]] = {}
    touching: dict[str, list[FrameStep]] = {}
    loop_seams: dict[str, list[FrameStep]] = {}
    motions: dict[str, list[MotionComparison]] = {}
    for number, one in enumerate(pairs):
        other = pairs[(number + 1) % len(pairs)]
        half = (len(one.short) + 1) // 2
        for name, frames in (
            ("real films", one.long),
            ("autoencoder", one.long_again),
            ("a hard cut", torch.cat([one.short[:half], other.short[-half:]])),
        ):
            jumps.setdefault(name, []).append(seams.jump(frames, floor))
        loop_seams.setdefault("played again", []).append(seams.seam(one.short, floor))
        with TemporaryDirectory() as folder:
            tried = [run_trial(trial, model) for trial in trials(one, other, model, number, Path(folder))]
        for result in tried:
            trial = result.trial
            results.setdefault(trial.name, []).append(result)
            jumps.setdefault(trial.name, []).append(seams.jump(result.made, floor))
            touching.setdefault(trial.name, []).append(seams.jump(result.made, floor, result.touching))
            if trial.name == "loop":
                loop_seams.setdefault("loop", []).append(seams.seam(result.made, floor))
            if trial.name in ("image to video", "extend", "extend before"):
                film = one.case.short if len(trial.film) == len(one.short) else one.case.long
                motions.setdefault(trial.name, []).append(compare_motion(film, result, plain[number][len(trial.film)]))
        progress("continuations", number + 1, len(pairs))
    return ContinuationResults(results, jumps, touching, loop_seams, motions, floor)
