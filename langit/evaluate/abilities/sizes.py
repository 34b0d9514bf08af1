"""Sizes and durations, including untrained ones: does the video still show what its prompt says?

Each probe was trained on few sizes and one duration. Real films of every size and duration are judged as well; they
are the ceiling, and where they fall short, the probe does. Videos of a duration that no probe was trained on are judged
by the first probe, which gets as many evenly spread frames as it was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from langit.evaluate.abilities.cases import AbilityCase, FilmRenderer, Frames, Progress, film_frames, spread_frames
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import agreement
from langit.generate import Model, generate
from langit.shapes import PixelShape

STILL = ("shape", "colour", "ground", "sky", "things", "second shape", "second colour")
SHOWN = ("shape", "colour", "ground", "sky", "action", "camera")
DURATIONS = (1, 9, 17, 25, 33)


@dataclass(frozen=True, eq=False)
class SizeResult:
    """One size: how often generated videos and real films match the prompt, by attribute and in everything.

    Actions and camera motions do not count in videos of one frame.
    """

    pixels: PixelShape
    trained: bool
    made: Mapping[str, Rate]
    real: Mapping[str, Rate]
    first: Frames  # for the picture
    first_real: Frames


def picture_sizes(model: Model, frames: int) -> list[PixelShape]:
    """List all widths and heights that the model supports, trained ones first."""
    return [PixelShape(frames, height, width) for width, height in model.frame_sizes]


def durations(model: Model) -> list[PixelShape]:
    """List the tested durations that the model supports, at its first width and height."""
    least, most = min(size.frames for size in model.sizes), model.max_frames
    return [replace(model.sizes[0], frames=frames) for frames in DURATIONS if least <= frames <= most]


def try_size(
    pixels: PixelShape,
    cases: Sequence[AbilityCase],
    model: Model,
    probes: Sequence[Probe],
    draw: FilmRenderer,
    plain: Sequence[Mapping[int, Frames]],
    progress: Progress,
) -> SizeResult:
    """Generate and render every case in one size, reusing the videos in ``plain`` and the cases' films.

    The first of the ``probes`` judges the durations that none was trained on.
    """
    usual = (pixels.width, pixels.height) == (model.sizes[0].width, model.sizes[0].height)
    made, real = [], []
    for number, case in enumerate(cases):
        ready = plain[number].get(pixels.frames) if usual else None
        made.append(generate(case.caption, model, pixels=pixels, seed=number).frames if ready is None else ready)
        filmed = next((film for film in (case.short, case.long) if film.pixels == pixels), None)
        real.append(film_frames(filmed or draw(case.scene, pixels, False)))
        progress(str(pixels), number + 1, len(cases))
    return SizeResult(
        pixels=pixels,
        trained=pixels in model.sizes,
        made=_rates(cases, made, probes, pixels.frames),
        real=_rates(cases, real, probes, pixels.frames),
        first=made[0],
        first_real=real[0],
    )


def _rates(
    cases: Sequence[AbilityCase], videos: Sequence[Frames], probes: Sequence[Probe], frames: int
) -> dict[str, Rate]:
    probe = next((one for one in probes if one.config.frames == frames), probes[0])
    verdicts = judge(probe, [spread_frames(video, probe.config.frames) for video in videos])
    answers = [agreement(case.truth, verdict) for case, verdict in zip(cases, verdicts, strict=True)]
    asked = STILL if frames == 1 else (*STILL, "action", "camera")
    answers = [{name: right for name, right in answer.items() if name in asked} for answer in answers]
    rates = {name: rate([answer[name] for answer in answers if name in answer]) for name in SHOWN}
    return rates | {"everything": rate([all(answer.values()) for answer in answers])}
