"""The physics of a model's videos, measured by a tracker and beside real films of the same prompts: one report.

Things that fall, left and right, and whether what is hidden is still there. The measures themselves are in the modules
beside this one; here cases, model, films and tracker meet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.table import Table
from torch import Tensor

import langit
from langit import config
from langit.autoencoder.model import to_float, to_frames
from langit.bundle import load_bundle
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.figures.table import Section
from langit.evaluate.judges.probe import Probe, judge, load_probe
from langit.evaluate.judges.tracker import Track, Tracker, flipped, load_tracker, look
from langit.evaluate.physics import cases as physics_cases
from langit.evaluate.physics.behind import Hiding, hiding_of
from langit.evaluate.physics.cases import WAYS, Asked, hiding_scene
from langit.evaluate.physics.fall import Fall, fall_of, within
from langit.evaluate.physics.pictures import strips_picture, tracks_picture
from langit.evaluate.physics.ways import camera_of, sky_drift, way_of
from langit.evaluate.report import Progress, check_writable, filmer
from langit.files import atomic_write, created_folder
from langit.generate import Model, generate_many
from langit.shapes import PixelShape
from langit.worlds.world import find_world

_BATCH = 8
_SHOWN = 4  # first cases of a kind, unchosen, in a picture of strips
_GIVEN_BACK = "*Given back*: the real films after the model's autoencoder, without a transformer."


@dataclass(frozen=True)
class PhysicsReport:
    """What is known of the physics of a model's videos."""

    model: str
    version: str
    size: str
    sampling: dict[str, Any]
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        head = (
            f"# Physics of {self.model}\n\nLangit {self.version}, {self.size}. Prompts of scenes that were never"
            " trained on, with pairings that were not either unless it says that they were shown; by turns English and"
            " Indonesian; real films of the same scenes beside them, seen by the same tracker. In brackets: 95% Wilson"
            " intervals."
        )
        return "\n\n".join((head, *(section.markdown() for section in self.sections))) + "\n"

    def json(self) -> str:
        said: dict[str, Any] = {"model": self.model, "version": self.version, "size": self.size}
        said["sampling"] = self.sampling
        said["sections"] = [section.plain() for section in self.sections]
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    def table(self) -> Table:
        """Everything for a terminal."""
        table = Table.grid()
        for section in self.sections:
            table.add_row(section.table())
        return table


@dataclass(frozen=True, eq=False)
class Seen:
    """A video, what it was asked for, and what the tracker sees: any thing, each by its colour, how the sky goes."""

    asked: Asked
    frames: Tensor
    thing: Track
    by_colour: tuple[Track, ...]
    drift: float

    @classmethod
    def of(cls, asked: Asked, frames: Tensor, tracker: Tracker) -> Seen:
        sight = look(tracker, frames)
        each = tuple(sight.spots(thing.colour) for thing in asked.scene.things)
        return cls(asked, frames, sight.spots(), each, sky_drift(frames, sight))

    @property
    def flipped(self) -> Seen:
        """As a mirror shows it."""
        return Seen(
            self.asked.mirrored,
            self.frames.flip(2),
            flipped(self.thing),
            tuple(flipped(track) for track in self.by_colour),
            -self.drift,
        )


@dataclass(frozen=True, eq=False)
class Watcher:
    """Scenes to videos of them, as the tracker sees these; ``stage`` is what a progress bar says."""

    model: Model
    tracker: Tracker
    progress: Progress

    def generated(self, asked: Sequence[Asked], size: PixelShape, stage: str) -> list[Seen]:
        """What the model makes of their sentences."""
        found: list[Seen] = []
        for start in range(0, len(asked), _BATCH):
            part = asked[start : start + _BATCH]
            seeds = [one.seed for one in part]
            videos = generate_many([one.text for one in part], self.model, seeds=seeds, pixels=size)
            found += [Seen.of(one, made.frames, self.tracker) for one, made in zip(part, videos, strict=True)]
            self.progress(stage, len(found), len(asked))
        return found

    def filmed(self, asked: Sequence[Asked], size: PixelShape, stage: str) -> list[Seen]:
        """Their real films."""
        found: list[Seen] = []
        for one in asked:
            world = find_world(json.loads(one.scene.canonical)["world"])
            found.append(Seen.of(one, torch.from_numpy(world.render(one.scene, size).frames), self.tracker))
            self.progress(f"{stage}: real films", len(found), len(asked))
        return found

    @torch.no_grad()
    def given_back(self, real: Sequence[Seen], stage: str) -> list[Seen]:
        """Real films as the model's autoencoder gives them back: the best that any latents could show."""
        found: list[Seen] = []
        for one in real:
            latents = self.model.autoencoder.encode(to_float(one.frames[None]))
            frames = to_frames(self.model.autoencoder.decode(latents))[0]
            found.append(Seen.of(one.asked, frames, self.tracker))
            self.progress(f"{stage}: given back", len(found), len(real))
        return found

    def all_three(self, asked: Sequence[Asked], size: PixelShape, stage: str) -> dict[str, list[Seen]]:
        """By the columns of a table."""
        made, real = self.generated(asked, size, stage), self.filmed(asked, size, stage)
        return {"model": made, "real films": real, "given back": self.given_back(real, stage)}


def evaluate_physics(
    model_name: str, *, folder: Path, progress: Progress, prompts: int = 64, changes: Sequence[str] = ()
) -> PhysicsReport:
    """Measure a model's physics and leave physics.md, physics.json and pictures in a folder.

    Args:
        model_name: a model's name or its bundle's folder.
        folder: made if it is not there; what an earlier report left is replaced.
        progress: told of each stage: its name, done, of how many.
        prompts: how many things hide that training films never show there; half as many that they do show there, as
            many of these in the longest videos, and as many balls behind cubes; three quarters as many fall, a quarter
            as many pairs go each way.
        changes: to its sampling, as :meth:`langit.generate.Model.changed` has them.

    Raises:
        ValueError: no such model or a damaged one, a wrong change, too few prompts, or the worlds cannot be rendered
            here.
        OSError: the folder cannot be written.
    """
    if prompts < 4:
        raise ValueError(f"{prompts} prompts cannot be shared among what falls, goes and hides: use at least 4")
    bundle = load_bundle(model_name)
    model = Model.of(bundle).changed(changes)
    filmer()  # says at once if nothing can be rendered here
    tracker, probe = load_tracker(), load_probe()
    with created_folder(folder):
        check_writable(folder)
        name = bundle.provenance.model
        report, pictures = measure(model, name, tracker, probe, progress, prompts)
        for name, text in (("physics.json", report.json()), ("physics.md", report.markdown())):
            with atomic_write(folder / name) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        for name, picture in pictures.items():
            with atomic_write(folder / f"{name}.png") as unfinished:
                picture.save(unfinished)
    return report


def measure(
    model: Model, name: str, tracker: Tracker, probe: Probe, progress: Progress, prompts: int
) -> tuple[PhysicsReport, dict[str, Image.Image]]:
    """The measuring of :func:`evaluate_physics`, without the disk."""
    pixels = model.sizes[0]
    longest = max(size.frames for size in model.sizes if (size.width, size.height) == (pixels.width, pixels.height))
    short, long = replace(pixels, frames=probe.config.frames), replace(pixels, frames=longest)

    watcher = Watcher(model, tracker, progress)
    falls, fall_pictures = _falls(watcher, long, 3 * prompts // 4)
    sections, pictures = [falls, _ways(watcher, probe, short, prompts // 4)], fall_pictures
    for which, size, number in (
        ("never shown there", short, prompts),
        ("shown there", short, prompts // 2),
        ("a ball behind a cube", short, prompts // 2),
        *((("shown there", long, prompts // 2),) if long != short else ()),
    ):
        section, picture = _hidings(watcher, which, size, number)
        sections.append(section)
        pictures[f"hidden-{which.replace(' ', '-')}-{size.frames}"] = picture
    sampling = config.dump(model.sampling)
    report = PhysicsReport(name, langit.__version__, f"{short}, and {long} where it says so", sampling, tuple(sections))
    return report, pictures


def _falls(watcher: Watcher, size: PixelShape, number: int) -> tuple[Section, dict[str, Image.Image]]:
    seen = watcher.all_three(physics_cases.falling(number), size, "falls")
    fps = watcher.model.fps
    tracks = {
        kind: [[None if spot is None else spot.y for spot in one.thing] for one in some] for kind, some in seen.items()
    }
    read = {kind: [fall_of(track, fps) for track in found] for kind, found in tracks.items()}
    section = Section(
        f"Free fall, {size}",
        "One thing falls, the camera stands still. A parabola is fitted to its centre's height up to the first bounce,"
        " in picture heights, as the tracker sees it. *As in real films*: within the middle 95% of them, of all videos"
        " that were asked for. A bounce is *ever lower* if each top is below the last."
        f" {_GIVEN_BACK}",
        tuple(read),
        fall_rows(tuple(read.values()), read["real films"], size.height),
    )
    return section, {"falls": tracks_picture(tracks, fps), "falls-frames": _strips(seen)}


def _strips(seen: Mapping[str, Sequence[Seen]]) -> Image.Image:
    pairs = zip(seen["model"][:_SHOWN], seen["real films"][:_SHOWN], strict=True)
    return strips_picture([(one.asked.text, one.frames, two.frames) for one, two in pairs])


def fall_rows(kinds: Sequence[Sequence[Fall]], real: Sequence[Fall], height: int) -> dict[str, tuple[Rate | str, ...]]:
    """The table of falls: a row for each question, a column for each kind of videos, compared with real films."""
    truth = [fall.first for fall in real if fall.first is not None]
    accelerations, r2 = [flight.acceleration for flight in truth], [flight.r2 for flight in truth]
    rows: dict[str, tuple[Rate | str, ...]] = {}
    columns: list[dict[str, Rate | str]] = []
    for falls in kinds:
        firsts = [fall.first for fall in falls if fall.first is not None]
        pulls = within([fall.first.acceleration if fall.first else np.nan for fall in falls], accelerations)
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
                "R² of the parabola": _middle([one.r2 for one in firsts], 4),
                f"off the parabola, pixels of {height}": _middle([one.off * height for one in firsts], 2),
                "acceleration, picture heights/s²": _middle([one.acceleration for one in firsts], 2),
                "acceleration as in real films": rate(pulls),
                "R² as in real films": rate(fits),
                "both": rate([one and other for one, other in zip(pulls, fits, strict=True)]),
                "after the bounce: acceleration / before": _middle(second, 2),
                "it bounces": rate([fall.bounced for fall in falls]),
                "bounces, ever lower": rate([fall.ever_lower for fall in falls]),
                "first bounce / drop": _middle([f.heights[1] / f.heights[0] for f in falls if f.bounced], 2),
            }
        )
    for name in columns[0]:
        rows[name] = tuple(column[name] for column in columns)
    return rows


def _middle(values: Sequence[float], digits: int) -> str:
    """The median and the middle 90% of some numbers."""
    if not values:
        return "–"
    low, half, high = np.quantile(values, (0.05, 0.5, 0.95))
    return f"{half:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _ways(watcher: Watcher, probe: Probe, size: PixelShape, pairs: int) -> Section:
    rows: dict[str, tuple[Rate | str, ...]] = {}
    for way in WAYS:
        cases = physics_cases.going(way, pairs)
        there = watcher.generated(cases, size, way)
        back = watcher.generated([case.mirrored for case in cases], size, f"{way}, mirrored")
        real = watcher.filmed(cases, size, way)
        real += [one.flipped for one in real]
        tracked = [[_goes(way, one) for one in side] for side in (there, back)]
        probed = [_probed(way, side, probe) for side in (there, back)]
        rows[way] = (
            rate([*tracked[0], *tracked[1]]),
            rate([one and other for one, other in zip(*tracked, strict=True)]),
            rate([_goes(way, one) for one in real]),
            rate([*probed[0], *probed[1]]),
            rate([one and other for one, other in zip(*probed, strict=True)]),
            rate(_probed(way, real, probe)),
        )
    return Section(
        "Left and right",
        "The same seed with left and right exchanged in the prompt. A thing goes where its track goes; a camera turns"
        " against the drift of hills and sky. A video in which nothing goes either way is wrong. The probe says which"
        " of the two it thinks likelier.",
        ("tracker", "pairs both right", "real films", "probe", "pairs by the probe", "real films by the probe"),
        rows,
    )


def _told(way: str, asked: Asked) -> str:
    return asked.scene.action if way == "moves" else asked.scene.camera.split()[1]


def _goes(way: str, seen: Seen) -> bool:
    if way == "moves":
        return way_of(seen.thing) == _told(way, seen.asked)
    return camera_of(seen.drift, way == "orbits") == _told(way, seen.asked)


def _probed(way: str, seen: Sequence[Seen], probe: Probe) -> list[bool]:
    attribute = "action" if way == "moves" else "camera"
    verdicts = judge(probe, [one.frames for one in seen])
    return [
        verdict.prefers(attribute, one.asked.scene.action if way == "moves" else one.asked.scene.camera)
        for one, verdict in zip(seen, verdicts, strict=True)
    ]


def _hidings(watcher: Watcher, which: str, size: PixelShape, number: int) -> tuple[Section, Image.Image]:
    seen = watcher.all_three(physics_cases.hiding(number, which), size, f"hidings, {which}")
    read = {kind: [hiding_of(one.by_colour, hiding_scene(one.asked)) for one in some] for kind, some in seen.items()}
    section = Section(
        f"Hidden and out again, {which}, {size}",
        "A thing passes behind a larger one. Things are told apart by the colours that were asked for; a video without"
        f" them fails. Shapes are those that the tracker thinks likeliest, before and after. {_GIVEN_BACK}",
        tuple(read),
        hiding_rows(tuple(read.values())),
    )
    return section, _strips(seen)


def hiding_rows(kinds: Sequence[Sequence[Hiding]]) -> dict[str, tuple[Rate, ...]]:
    """The table of hidings: a row for each step, a column for each kind of videos."""
    questions: dict[str, Callable[[Hiding], bool]] = {
        "what hides it stands there": lambda one: one.hider,
        "it comes from the told side": lambda one: one.hider and one.comes,
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
