"""The physics report: falls, directions and object permanence, measured by a tracker beside real films.

The measures are in the modules beside this one; cases, model, films and tracker meet here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

import langit
from langit import config
from langit.device import CPU, Placement
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.figures.table import ReportTable
from langit.evaluate.films import check_renderer, render_frames
from langit.evaluate.judges.probe import Probe, judge, load_probe
from langit.evaluate.judges.tracker import Track, Tracker, load_tracker, mirrored_track, segment
from langit.evaluate.physics import cases as physics_cases
from langit.evaluate.physics.behind import Hiding, judge_hiding
from langit.evaluate.physics.cases import DIRECTIONS, PhysicsCase, hiding_scene
from langit.evaluate.physics.directions import camera_direction, sky_drift, track_direction
from langit.evaluate.physics.fall import Fall, in_real_range, measure_fall
from langit.evaluate.physics.pictures import strips_picture, tracks_picture
from langit.evaluate.reconstruction import reconstruct
from langit.evaluate.report import Progress, ReportPictures, Subject, TableReport, run_evaluation
from langit.generate import Model, generate_many
from langit.shapes import PixelShape

_BATCH = 8
_SHOWN = 4  # first cases of a kind in a picture of strips
_GIVEN_BACK = "*Given back*: the real films after the model's autoencoder, without the transformer."


@dataclass(frozen=True, eq=False)
class TrackedVideo:
    """A video of a case with its tracks: of any object, of each object by colour, and the drift of the sky."""

    case: PhysicsCase
    frames: Tensor
    thing: Track
    by_colour: tuple[Track, ...]
    drift: float

    @classmethod
    def of(cls, case: PhysicsCase, frames: Tensor, tracker: Tracker) -> TrackedVideo:
        sight = segment(tracker, frames)
        by_colour = tuple(sight.track(thing.colour) for thing in case.scene.things)
        return cls(case, frames, sight.track(), by_colour, sky_drift(frames, sight))

    @property
    def flipped(self) -> TrackedVideo:
        """The video's mirror image."""
        return TrackedVideo(
            self.case.mirrored,
            self.frames.flip(2),
            mirrored_track(self.thing),
            tuple(mirrored_track(track) for track in self.by_colour),
            -self.drift,
        )


@dataclass(frozen=True, eq=False)
class VideoTracker:
    """Makes and tracks videos of cases; ``stage`` is the name for the progress bar."""

    model: Model
    tracker: Tracker
    progress: Progress

    def generate(self, cases: Sequence[PhysicsCase], size: PixelShape, stage: str) -> list[TrackedVideo]:
        """Track the videos that the model makes of the prompts."""
        tracked: list[TrackedVideo] = []
        for start in range(0, len(cases), _BATCH):
            part = cases[start : start + _BATCH]
            seeds = [case.seed for case in part]
            videos = generate_many([case.text for case in part], self.model, seeds=seeds, pixels=size)
            tracked += [
                TrackedVideo.of(case, video.frames, self.tracker) for case, video in zip(part, videos, strict=True)
            ]
            self.progress(stage, len(tracked), len(cases))
        return tracked

    def render(self, cases: Sequence[PhysicsCase], size: PixelShape, stage: str) -> list[TrackedVideo]:
        """Track the real films of the cases."""
        tracked: list[TrackedVideo] = []
        for case in cases:
            tracked.append(TrackedVideo.of(case, render_frames(case.scene, size), self.tracker))
            self.progress(f"{stage}: real films", len(tracked), len(cases))
        return tracked

    def reconstruct(self, real: Sequence[TrackedVideo], stage: str) -> list[TrackedVideo]:
        """Track the autoencoder's reconstruction of real films, the best that any latents could show."""
        tracked: list[TrackedVideo] = []
        for one in real:
            frames = reconstruct(self.model.autoencoder, one.frames[None])[0]
            tracked.append(TrackedVideo.of(one.case, frames, self.tracker))
            self.progress(f"{stage}: given back", len(tracked), len(real))
        return tracked

    def columns(self, cases: Sequence[PhysicsCase], size: PixelShape, stage: str) -> dict[str, list[TrackedVideo]]:
        """Track all three kinds of video, by column of a table."""
        generated, real = self.generate(cases, size, stage), self.render(cases, size, stage)
        return {"model": generated, "real films": real, "given back": self.reconstruct(real, stage)}


def evaluate_physics(
    model_name: str,
    *,
    folder: Path,
    progress: Progress,
    prompts: int = 64,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> TableReport:
    """Measure a model's physics; write physics.md, physics.json and pictures to a folder.

    Args:
        model_name: a model's name, or a bundle's folder.
        folder: see :func:`langit.evaluate.report.run_evaluation`, also for ``changes`` and ``placement``.
        progress: called as stages advance.
        prompts: number of hidden objects that training films never show there. Half as many are objects that they do
            show there, the same again in the longest videos, and balls behind cubes; three quarters as many are
            falls, and a quarter as many are mirror pairs of each direction.
        changes: sampling settings to override.
        placement: device and precision.

    Raises:
        ValueError: the model does not exist or is damaged, a change is wrong, there are too few prompts, or the worlds
            cannot be rendered here.
        OSError: the folder cannot be written.
    """
    if prompts < 4:
        raise ValueError(f"{prompts} prompts cannot be divided among falls, directions and hidings: use at least 4")

    def measure_subject(subject: Subject) -> tuple[TableReport, ReportPictures]:
        check_renderer()
        tracker, probe = load_tracker(placement=subject.judges), load_probe(placement=subject.judges)
        return measure(subject.model, subject.name, tracker, probe, progress, prompts)

    return run_evaluation(
        model_name, measure_subject, stem="physics", folder=folder, changes=changes, placement=placement
    )


def measure(
    model: Model, name: str, tracker: Tracker, probe: Probe, progress: Progress, prompts: int
) -> tuple[TableReport, ReportPictures]:
    """Measure a model without touching the disk."""
    pixels = model.sizes[0]
    longest = max(size.frames for size in model.sizes if (size.width, size.height) == (pixels.width, pixels.height))
    short, long = replace(pixels, frames=probe.config.frames), replace(pixels, frames=longest)

    videos = VideoTracker(model, tracker, progress)
    falls, pictures = _fall_table(videos, long, 3 * prompts // 4)
    sections = [falls, _direction_table(videos, probe, short, prompts // 4)]
    for which, size, number in (
        ("never shown there", short, prompts),
        ("shown there", short, prompts // 2),
        ("a ball behind a cube", short, prompts // 2),
        *((("shown there", long, prompts // 2),) if long != short else ()),
    ):
        section, picture = _hiding_table(videos, which, size, number)
        sections.append(section)
        pictures[f"hidden-{which.replace(' ', '-')}-{size.frames}"] = picture
    facts = {
        "model": name,
        "version": langit.__version__,
        "size": f"{short}, and {long} where it says so",
        "sampling": config.dump(model.sampling),
    }
    introduction = (
        f"Langit {langit.__version__}, {facts['size']}. Prompts describe scenes that were never trained on, with"
        " combinations that were not either unless it says that they were shown; English and Indonesian alternate."
        " Real films of the same scenes are measured by the same tracker. In brackets: 95% Wilson intervals."
    )
    return TableReport(f"Physics of {name}", facts, (introduction,), tuple(sections)), ReportPictures(pictures)


def _fall_table(tracker: VideoTracker, size: PixelShape, number: int) -> tuple[ReportTable, dict[str, Image.Image]]:
    videos = tracker.columns(physics_cases.falling_cases(number), size, "falls")
    fps = tracker.model.fps
    tracks = {
        kind: [[None if spot is None else spot.y for spot in one.thing] for one in some]
        for kind, some in videos.items()
    }
    falls = {kind: [measure_fall(track, fps) for track in some] for kind, some in tracks.items()}
    section = ReportTable(
        f"Free fall, {size}",
        "One object falls before a static camera. A parabola is fitted to the height of its centre, as tracked, up to"
        " the first bounce. *As in real films*: within the middle 95% of real films, as a share of all videos. Bounces"
        f" are *ever lower* if each is lower than the one before. {_GIVEN_BACK}",
        tuple(falls),
        fall_rows(tuple(falls.values()), falls["real films"], size.height),
    )
    return section, {"falls": tracks_picture(tracks, fps), "falls-frames": _strips(videos)}


def _strips(videos: Mapping[str, Sequence[TrackedVideo]]) -> Image.Image:
    pairs = zip(videos["model"][:_SHOWN], videos["real films"][:_SHOWN], strict=True)
    return strips_picture([(made.case.text, made.frames, real.frames) for made, real in pairs])


def fall_rows(kinds: Sequence[Sequence[Fall]], real: Sequence[Fall], height: int) -> dict[str, tuple[Rate | str, ...]]:
    """Build the table of falls: a row per question, a column per kind of video; ``real`` is what to compare with."""
    truth = [fall.first for fall in real if fall.first is not None]
    accelerations, r2 = [flight.acceleration for flight in truth], [flight.r2 for flight in truth]
    rows: dict[str, tuple[Rate | str, ...]] = {}
    columns: list[dict[str, Rate | str]] = []
    for falls in kinds:
        firsts = [fall.first for fall in falls if fall.first is not None]
        is_real = in_real_range([fall.first.acceleration if fall.first else np.nan for fall in falls], accelerations)
        floor = float(np.quantile(r2, 0.025)) if r2 else np.inf
        fits = [fall.first is not None and fall.first.r2 >= floor for fall in falls]
        second = [
            fall.second.acceleration / fall.first.acceleration
            for fall in falls
            if fall.first is not None and fall.second is not None and fall.first.acceleration > 0
        ]
        columns.append(
            {
                "something falls": rate([fall.fell for fall in falls]),
                "R² of the parabola": _median_and_range([one.r2 for one in firsts], 4),
                f"off the parabola, pixels of {height}": _median_and_range([one.off * height for one in firsts], 2),
                "acceleration, picture heights/s²": _median_and_range([one.acceleration for one in firsts], 2),
                "acceleration as in real films": rate(is_real),
                "R² as in real films": rate(fits),
                "both": rate([one and other for one, other in zip(is_real, fits, strict=True)]),
                "after the bounce: acceleration / before": _median_and_range(second, 2),
                "it bounces": rate([fall.bounced for fall in falls]),
                "bounces, ever lower": rate([fall.ever_lower for fall in falls]),
                "first bounce / drop": _median_and_range([f.heights[1] / f.heights[0] for f in falls if f.bounced], 2),
            }
        )
    for name in columns[0]:
        rows[name] = tuple(column[name] for column in columns)
    return rows


def _median_and_range(values: Sequence[float], digits: int) -> str:
    """Format the median and the middle 90% of numbers."""
    if not values:
        return "–"
    low, half, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{half:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _direction_table(tracker: VideoTracker, probe: Probe, size: PixelShape, pairs: int) -> ReportTable:
    rows: dict[str, tuple[Rate | str, ...]] = {}
    for kind in DIRECTIONS:
        cases = physics_cases.direction_cases(kind, pairs)
        videos = tracker.generate(cases, size, kind)
        mirrored = tracker.generate([case.mirrored for case in cases], size, f"{kind}, mirrored")
        real = tracker.render(cases, size, kind)
        real += [one.flipped for one in real]
        by_track = [[_track_is_right(kind, one) for one in side] for side in (videos, mirrored)]
        by_probe = [_probe_is_right(kind, side, probe) for side in (videos, mirrored)]
        rows[kind] = (
            rate([*by_track[0], *by_track[1]]),
            rate([one and other for one, other in zip(*by_track, strict=True)]),
            rate([_track_is_right(kind, one) for one in real]),
            rate([*by_probe[0], *by_probe[1]]),
            rate([one and other for one, other in zip(*by_probe, strict=True)]),
            rate(_probe_is_right(kind, real, probe)),
        )
    return ReportTable(
        "Left and right",
        "The same seed with left and right swapped in the prompt. An object goes where its track goes; a camera turns"
        " against the drift of hills and sky. A video without motion either way is wrong. The probe says which of the"
        " two directions it finds more likely.",
        ("tracker", "pairs both right", "real films", "probe", "pairs by the probe", "real films by the probe"),
        rows,
    )


def _track_is_right(kind: str, video: TrackedVideo) -> bool:
    scene = video.case.scene
    if kind == "moves":
        return track_direction(video.thing) == scene.action
    # a camera is "pan left" or "orbit right"
    return camera_direction(video.drift, kind == "orbits") == scene.camera.split()[1]


def _probe_is_right(kind: str, videos: Sequence[TrackedVideo], probe: Probe) -> list[bool]:
    attribute = "action" if kind == "moves" else "camera"
    verdicts = judge(probe, [one.frames for one in videos])
    return [
        verdict.prefers(attribute, one.case.scene.action if kind == "moves" else one.case.scene.camera)
        for one, verdict in zip(videos, verdicts, strict=True)
    ]


def _hiding_table(tracker: VideoTracker, which: str, size: PixelShape, number: int) -> tuple[ReportTable, Image.Image]:
    videos = tracker.columns(physics_cases.hiding_cases(number, which), size, f"hidings, {which}")
    hidings = {
        kind: [judge_hiding(one.by_colour, hiding_scene(one.case)) for one in some] for kind, some in videos.items()
    }
    section = ReportTable(
        f"Hidden and out again, {which}, {size}",
        "An object passes behind a larger one. Objects are told apart by the colours in the prompt; a video without"
        f" these colours fails. Shapes are those that the tracker finds most likely, before and after. {_GIVEN_BACK}",
        tuple(hidings),
        hiding_rows(tuple(hidings.values())),
    )
    return section, _strips(videos)


def hiding_rows(kinds: Sequence[Sequence[Hiding]]) -> dict[str, tuple[Rate, ...]]:
    """Build the table of hidings: a row per step, a column per kind of video."""
    questions: dict[str, Callable[[Hiding], bool]] = {
        "what hides it stands there": lambda one: one.hider,
        "it enters from the requested side": lambda one: one.hider and one.comes,
        "it disappears": lambda one: one.hider and one.comes and one.hidden,
        "it comes out on the other side, in its colour": lambda one: one.hider and one.comes and one.hidden and one.out,
        "in the shape it had": lambda one: one.whole,
        "which was asked for": lambda one: one.whole and one.asked,
        "of those that disappear, it comes out in colour and shape": lambda one: one.whole,
    }
    rows: dict[str, tuple[Rate, ...]] = {}
    for name, question in questions.items():
        counted = [
            [one for one in some if not name.startswith("of those") or (one.hider and one.comes and one.hidden)]
            for some in kinds
        ]
        rows[name] = tuple(rate([question(one) for one in some]) for some in counted)
    return rows
