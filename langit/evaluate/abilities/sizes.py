"""Sizes and durations, also those that were never trained on: does the video still show what its prompt says?

The probe was trained on some sizes and one duration only. So real films of every size and duration are judged as well:
they are the ceiling, and where they fall short it is the probe that does. Longer and shorter videos are shown to it at
as many frames as it knows, evenly spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from langit.evaluate.abilities.cases import Case, Drawer, Frames, Progress, frames_in, seen_in
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import agreement
from langit.generate import Model, generate
from langit.shapes import PixelShape

STILL = ("shape", "colour", "ground", "sky", "things", "second shape", "second colour")
SHOWN = ("shape", "colour", "ground", "sky", "action", "camera")
DURATIONS = (1, 9, 17, 25, 33)


@dataclass(frozen=True, eq=False)
class Sized:
    """A size: by attribute, and for everything at once, how often made videos and real films show what is told.

    Of one frame only what stands still is judged.
    """

    pixels: PixelShape
    trained: bool
    made: Mapping[str, Rate]
    real: Mapping[str, Rate]
    first: Frames  # to look at
    first_real: Frames


def pictures(model: Model, frames: int) -> list[PixelShape]:
    """All widths and heights that the model can do, those that it was trained on first."""
    return [PixelShape(frames, height, width) for width, height in model.pictures]


def lengths(model: Model) -> list[PixelShape]:
    """The durations that are tried, of those that the model can do, in its first width and height."""
    least, most = min(size.frames for size in model.sizes), model.most_frames
    return [replace(model.sizes[0], frames=frames) for frames in DURATIONS if least <= frames <= most]


def try_size(
    pixels: PixelShape,
    cases: Sequence[Case],
    model: Model,
    probe: Probe,
    draw: Drawer,
    plain: Sequence[Mapping[int, Frames]],
    progress: Progress,
) -> Sized:
    """Make every case's caption in one size, and film it. What ``plain`` or the cases hold already is used again."""
    usual = (pixels.width, pixels.height) == (model.sizes[0].width, model.sizes[0].height)
    made, real = [], []
    for number, case in enumerate(cases):
        ready = plain[number].get(pixels.frames) if usual else None
        made.append(generate(case.caption, model, pixels=pixels, seed=number).frames if ready is None else ready)
        filmed = next((film for film in (case.short, case.long) if film.pixels == pixels), None)
        real.append(frames_in(filmed or draw(case.scene, pixels, False)))
        progress(str(pixels), number + 1, len(cases))
    return Sized(
        pixels=pixels,
        trained=pixels in model.sizes,
        made=_rates(cases, made, probe, pixels.frames),
        real=_rates(cases, real, probe, pixels.frames),
        first=made[0],
        first_real=real[0],
    )


def _rates(cases: Sequence[Case], videos: Sequence[Frames], probe: Probe, frames: int) -> dict[str, Rate]:
    verdicts = judge(probe, [seen_in(video, probe.config.frames) for video in videos])
    answers = [agreement(case.truth, verdict) for case, verdict in zip(cases, verdicts, strict=True)]
    asked = STILL if frames == 1 else (*STILL, "action", "camera")
    answers = [{name: right for name, right in answer.items() if name in asked} for answer in answers]
    rates = {name: rate([answer[name] for answer in answers if name in answer]) for name in SHOWN}
    return rates | {"everything": rate([all(answer.values()) for answer in answers])}
