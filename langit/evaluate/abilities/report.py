"""The abilities report: every ability of a model, measured on held-out films.

Films, probe and abilities meet here; each measure is in a module beside it.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

import langit
from langit import config
from langit.device import CPU, Placement
from langit.evaluate.abilities import tables
from langit.evaluate.abilities.cases import AbilityCase, FilmRenderer, Frames, Progress, cases, film_renderer
from langit.evaluate.abilities.continuations import ContinuationResults, try_all
from langit.evaluate.abilities.edits import ChangedVideo, InpaintedVideo, try_edits, try_inpainting
from langit.evaluate.abilities.minute import LASTING, WINDOW, Drift, PeakMemory, measure_drift, measure_memory
from langit.evaluate.abilities.sizes import SizeResult, durations, picture_sizes, try_size
from langit.evaluate.figures.strips import Curve, Strip, curve_of, plot, strip_sheet
from langit.evaluate.figures.table import ReportTable
from langit.evaluate.judges.probe import SHIPPED_LONG, Probe, load_probe
from langit.evaluate.report import ReportPictures, Subject, TableReport, run_evaluation
from langit.generate import Model, generate
from langit.generate.model import limited_threads
from langit.shapes import PixelShape
from langit.worlds.scene import VERSION

MINUTE = 60.0  # seconds
SHORT = 4.0  # seconds of the video whose memory a minute's is compared with
SHOWN = 6  # films in each picture
_FILMS_PER_MINUTE = 16  # one long video for so many films


@dataclass(frozen=True, eq=False)
class AbilityResults:
    """All measurements but memory."""

    continuations: ContinuationResults
    edits: Mapping[str, Sequence[ChangedVideo]]
    inpainted: Sequence[InpaintedVideo]
    sizes: Sequence[SizeResult]
    durations: Sequence[SizeResult]
    drifts: Sequence[Drift]
    long: Sequence[tuple[str, Frames]]

    def sections(self, memory: PeakMemory) -> tuple[ReportTable, ...]:
        return (
            tables.targets(self.continuations, self.edits, self.inpainted, memory),
            tables.given_frames(self.continuations),
            tables.motion_continuation(self.continuations),
            tables.next_frames(self.continuations),
            tables.jumps(self.continuations),
            tables.loops(self.continuations),
            tables.edits(self.edits),
            tables.inpainting(self.inpainted),
            tables.size_table(self.sizes, "Sizes"),
            tables.size_table(self.durations, "Durations"),
            tables.long_videos(self.drifts),
            tables.memory(memory),
        )


def evaluate_abilities(
    model_name: str,
    *,
    films: int = 64,
    folder: Path,
    progress: Progress,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> TableReport:
    """Measure a model's abilities; write abilities.json, abilities.md and pictures to a folder.

    Args:
        model_name: a model's name, or a bundle's folder.
        films: number of held-out films to try each ability on; one long video is made for every 16 of them.
        folder: see :func:`langit.evaluate.report.run_evaluation`, also for ``changes`` and ``placement``.
        progress: called as stages advance.
        changes: sampling settings to override.
        placement: device and precision. Peak memory is always measured on the CPU.

    Raises:
        ValueError: the model does not exist or is damaged, a change is wrong, there are too few films, or the probe
            cannot judge this model's videos.
        OSError: the folder cannot be written, or a child process failed.
    """
    if films < 2:
        raise ValueError(f"{films} films cannot be connected with each other: use at least 2")

    def measure_subject(subject: Subject) -> tuple[TableReport, ReportPictures]:
        render, probe = film_renderer(), load_probe(placement=subject.judges)
        long_probe = load_probe(SHIPPED_LONG, subject.judges)
        check_model(subject.model, probe)
        start = _processor_seconds()
        with limited_threads(subject.model):
            results = measure(subject.model, render, probe, films, MINUTE, progress, [long_probe])
        prompt, turns = results.long[0][0], 2 if films >= _FILMS_PER_MINUTE else 1
        memory = measure_memory(model_name, prompt, (SHORT, MINUTE), turns, progress, changes)
        report = _report(subject, films, results.sections(memory), _processor_seconds() - start)
        return report, ReportPictures(ability_pictures(results))

    return run_evaluation(
        model_name, measure_subject, stem="abilities", folder=folder, changes=changes, placement=placement
    )


def _report(subject: Subject, films: int, sections: tuple[ReportTable, ...], seconds: float) -> TableReport:
    facts = {
        "model": subject.name,
        "version": langit.__version__,
        "world": VERSION,
        "films": films,
        "sampling": config.dump(subject.model.sampling),
        "seconds": seconds,
    }
    introduction = (
        f"Langit {langit.__version__}, {VERSION}, {films} held-out films, {seconds:.0f} s of processor time."
        " Proportions have 95% Wilson intervals in brackets. Other numbers are medians, with mean and worst in"
        " brackets, unless their table says otherwise. There is one picture per ability, of the first films; given"
        " frames are outlined in green."
    )
    return TableReport(f"{subject.name}: abilities", facts, (introduction,), sections, summary=1)


def check_model(model: Model, probe: Probe) -> None:
    """Refuse a model whose videos the probe cannot judge.

    Raises:
        ValueError: the model cannot make videos of the probe's length.
    """
    least, most, wanted = min(size.frames for size in model.sizes), model.max_frames, probe.config.frames
    if not least <= wanted <= most:
        raise ValueError(
            f"this model makes {least} to {most} frames, but the probe judges {wanted}: it cannot be measured"
        )


def _processor_seconds() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in usage)


def measure(
    model: Model,
    render: FilmRenderer,
    probe: Probe,
    films: int,
    seconds: float,
    progress: Progress,
    others: Sequence[Probe] = (),
) -> AbilityResults:
    """Measure everything but memory, without touching the disk.

    Args:
        model, render, films: what to measure, with what, on how many films.
        probe: judges videos of its length, and any other length that none of ``others`` was trained on.
        seconds: the duration of long videos.
        progress: called as stages advance.
        others: probes of other lengths.
    """
    size = model.sizes[0]
    pixels = PixelShape(probe.config.frames, size.height, size.width)
    chosen = cases(films, render, pixels, progress)
    plain = _text_only_videos(chosen, model, progress)
    drifts, long = _long_videos(chosen[: max(1, films // _FILMS_PER_MINUTE)], model, probe, seconds, progress)

    def try_sizes(shapes: Sequence[PixelShape]) -> list[SizeResult]:
        return [try_size(shape, chosen, model, [probe, *others], render, plain, progress) for shape in shapes]

    return AbilityResults(
        continuations=try_all(chosen, model, plain, progress),
        edits=try_edits(chosen, model, probe, progress),
        inpainted=try_inpainting(chosen, model, probe, progress),
        sizes=try_sizes(picture_sizes(model, pixels.frames)),
        durations=try_sizes(durations(model)),
        drifts=drifts,
        long=long,
    )


def _text_only_videos(chosen: Sequence[AbilityCase], model: Model, progress: Progress) -> list[dict[int, Frames]]:
    """Generate each case's caption at the lengths of its films; the last frame fills what the model cannot reach."""
    generated = []
    for number, case in enumerate(chosen):
        videos = {}
        for film in (case.short, case.long):
            pixels = PixelShape(min(film.pixels.frames, model.max_frames), film.pixels.height, film.pixels.width)
            frames = generate(case.caption, model, pixels=pixels, seed=number).frames
            missing = film.pixels.frames - len(frames)
            videos[film.pixels.frames] = torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])
        generated.append(videos)
        progress("videos of text alone", number + 1, len(chosen))
    return generated


def _long_videos(
    chosen: Sequence[AbilityCase], model: Model, probe: Probe, seconds: float, progress: Progress
) -> tuple[list[Drift], list[tuple[str, Frames]]]:
    drifts, long = [], []
    total, generated = round(seconds * model.fps) * len(chosen), 0

    def on_frame() -> None:
        nonlocal generated
        generated += 1
        progress("long videos, frames", generated, total)

    for number, case in enumerate(chosen):
        drift, shown = measure_drift(case, model, probe, seconds, number, on_frame)
        drifts.append(drift)
        long.append((case.caption, shown))
    return drifts, long


def ability_pictures(results: AbilityResults) -> dict[str, Image.Image]:
    """Draw a picture for each ability, by file name."""
    pictures: dict[str, Image.Image] = {}
    for name, trials in results.continuations.results.items():
        groups = []
        for result in trials[:SHOWN]:
            video, film = result.made, result.trial.film
            if name == "loop":
                video = torch.cat([video, video[:1]])  # shows where it starts again
            given = torch.tensor([at not in result.trial.new for at in range(len(video))])
            groups.append([Strip("film", film[: len(given)]), Strip("made", video, given)])
        titles = [result.trial.title for result in trials[:SHOWN]]
        pictures[name.replace(", ", "-").replace(" ", "-")] = strip_sheet(groups, titles)
    pictures["edit"] = _edit_sheet(results.edits)
    inpainted = results.inpainted[:SHOWN]
    pictures["inpaint"] = strip_sheet(
        [[Strip("film", one.film), Strip("made", one.changed.made, ~one.region)] for one in inpainted],
        [one.changed.change.prompt for one in inpainted],
    )
    tried = [*results.sizes, *results.durations]
    pictures["sizes"] = strip_sheet(
        [[Strip("film", one.first_real), Strip("made", one.first)] for one in tried], [str(one.pixels) for one in tried]
    )
    pictures["minute"] = strip_sheet(
        [[Strip("each 4 s", frames)] for _, frames in results.long], [caption for caption, _ in results.long], 15
    )
    pictures["drift"] = drift_plot(results.drifts)
    return pictures


def _edit_sheet(edits: Mapping[str, Sequence[ChangedVideo]]) -> Image.Image:
    """Stack the film and its edits under the change that was requested."""
    count = min(SHOWN, *map(len, edits.values()))
    groups = [[Strip(name, changed[at].made) for name, changed in edits.items()] for at in range(count)]
    first = next(iter(edits.values()))
    return strip_sheet(groups, [f"{one.change.attribute}: {one.change.prompt}" for one in first[:count]])


def drift_plot(drifts: Sequence[Drift]) -> Image.Image:
    """Plot recognised attributes and statistics by window: the mean and the range over all videos."""
    windows = min(len(one.shares) for one in drifts)
    names = {"sharpness": "sharpness, x first window", "movement": "movement", "change": "change"}
    recognised = [curve_of("all of them", [one.shares[:windows] for one in drifts])]
    for attribute in LASTING[:4]:
        mean = curve_of("", [[float(right) for right in one.right[attribute][:windows]] for one in drifts]).mean
        recognised.append(Curve(attribute, mean, mean, mean))
    panels = {"lasting attributes that the probe sees, as a share": recognised}
    for name, title in names.items():
        unit = "" if name == "sharpness" else ", grey levels"
        panels[f"{title}{unit}"] = [curve_of(name, [getattr(one, name)[:windows] for one in drifts])]
    return plot(panels, WINDOW)
