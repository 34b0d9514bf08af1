"""Every ability of a model, measured on held-out films: tables, numbers and pictures in a folder.

This is where the parts meet: films, probe, abilities. Each measure is in a module beside it.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.table import Table

import langit
from langit import config
from langit.bundle import load_bundle
from langit.evaluate.abilities import sections
from langit.evaluate.abilities.cases import Case, Drawer, Frames, Progress, cases, drawer
from langit.evaluate.abilities.changed import Changed, Inpainted, try_edits, try_inpainting
from langit.evaluate.abilities.joined import Joined, try_all
from langit.evaluate.abilities.minute import LASTING, WINDOW, Drift, Memory, drift, memory
from langit.evaluate.abilities.sizes import Sized, lengths, pictures, try_size
from langit.evaluate.figures.strips import Curve, Strip, curve, plot, sheet
from langit.evaluate.figures.table import Section
from langit.evaluate.judges.probe import Probe, load_probe
from langit.evaluate.report import check_writable
from langit.files import atomic_write, created_folder
from langit.generate import Model, calm_threads, generate
from langit.shapes import PixelShape
from langit.worlds.scene import VERSION

MINUTE = 60.0  # seconds
SHORT = 4.0  # seconds that a minute's memory is compared with
SHOWN = 6  # films in each picture
_FILMS_A_MINUTE = 16  # one long video for so many films


@dataclass(frozen=True)
class AbilityReport:
    """What is known of a model's abilities. ``seconds`` are of processor time, those of child processes too."""

    model: str
    version: str
    world: str
    films: int
    sampling: Mapping[str, Any]
    seconds: float
    sections: tuple[Section, ...]

    def json(self) -> str:
        plain = {name: value for name, value in vars(self).items() if name != "sections"}
        plain["sections"] = [section.plain() for section in self.sections]
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    def markdown(self) -> str:
        parts = [
            f"# {self.model}: abilities",
            f"Langit {self.version}, {self.world}, {self.films} held-out films, {self.seconds:.0f} s of processor time."
            " Shares have 95% Wilson intervals in brackets. Other numbers are medians, with mean and worst in brackets,"
            " unless their table says otherwise. Pictures: one for each ability, the first films, unchosen; what was"
            " given is outlined in green.",
            *(section.markdown() for section in self.sections),
        ]
        return "\n\n".join(parts) + "\n"

    def table(self) -> Table:
        """What is asked for and what was found, for a terminal."""
        return self.sections[0].table()


@dataclass(frozen=True, eq=False)
class Found:
    """All that was measured."""

    joined: Joined
    edits: Mapping[str, Sequence[Changed]]
    inpainted: Sequence[Inpainted]
    sizes: Sequence[Sized]
    durations: Sequence[Sized]
    drifts: Sequence[Drift]
    long: Sequence[tuple[str, Frames]]

    def sections(self, memory: Memory) -> tuple[Section, ...]:
        return (
            sections.asked_for(self.joined, self.edits, self.inpainted, memory),
            sections.given(self.joined),
            sections.continued(self.joined),
            sections.likeness(self.joined),
            sections.joined(self.joined),
            sections.seams(self.joined),
            sections.edited(self.edits),
            sections.inpainted(self.inpainted),
            sections.sized(self.sizes, "Sizes"),
            sections.sized(self.durations, "Durations"),
            sections.lasting(self.drifts),
            sections.remembered(memory),
        )


def evaluate_abilities(
    model_name: str, *, films: int = 64, folder: Path, progress: Progress, changes: Sequence[str] = ()
) -> AbilityReport:
    """Measure a model's abilities and leave abilities.json, abilities.md and pictures in a folder.

    Args:
        model_name: a model's name or its bundle's folder.
        films: how many held-out films each ability is tried on; one long video is made for every 16 of them.
        folder: made if it is not there; what an earlier report left is replaced.
        progress: told of each stage: its name, done, of how many.
        changes: to its sampling, as :meth:`langit.generate.Model.changed` has them.

    Raises:
        ValueError: no such model or a damaged one, a wrong change, too few films, a model or a machine that
            cannot do it.
        OSError: the folder cannot be written, or a child process failed.
    """
    if films < 2:
        raise ValueError(f"{films} films cannot be connected with each other: use at least 2")
    bundle = load_bundle(model_name)
    model, draw, probe = Model.of(bundle).changed(changes), drawer(), load_probe()
    check_model(model, probe)
    calm_threads(model)
    with created_folder(folder):
        check_writable(folder)
        begun = _spent()
        found = measure(model, draw, probe, films, MINUTE, progress)
        prompt, turns = found.long[0][0], 2 if films >= _FILMS_A_MINUTE else 1
        held = memory(model_name, prompt, (SHORT, MINUTE), turns, progress, changes)
        report = AbilityReport(
            model=bundle.provenance.model,
            version=langit.__version__,
            world=VERSION,
            films=films,
            sampling=config.dump(model.sampling),
            seconds=_spent() - begun,
            sections=found.sections(held),
        )
        write(report, drawn(found), folder)
    return report


def check_model(model: Model, probe: Probe) -> None:
    """Refuse a model whose videos the probe cannot judge.

    Raises:
        ValueError: it does not make videos as long as the probe looks.
    """
    least, most, asked = min(size.frames for size in model.sizes), model.most_frames, probe.config.frames
    if not least <= asked <= most:
        raise ValueError(f"this model makes {least} to {most} frames, the probe judges {asked}: it cannot be measured")


def _spent() -> float:
    """Processor seconds of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(model: Model, draw: Drawer, probe: Probe, films: int, seconds: float, progress: Progress) -> Found:
    """All of :func:`evaluate_abilities` that needs no disk; ``seconds`` of the long videos."""
    size = model.sizes[0]
    pixels = PixelShape(probe.config.frames, size.height, size.width)
    chosen = cases(films, draw, pixels, progress)
    plain = _plain(chosen, model, progress)
    drifts, long = _long(chosen[: max(1, films // _FILMS_A_MINUTE)], model, probe, seconds, progress)

    def each(shapes: Sequence[PixelShape]) -> list[Sized]:
        return [try_size(shape, chosen, model, probe, draw, plain, progress) for shape in shapes]

    return Found(
        joined=try_all(chosen, model, plain, progress),
        edits=try_edits(chosen, model, probe, progress),
        inpainted=try_inpainting(chosen, model, probe, progress),
        sizes=each(pictures(model, pixels.frames)),
        durations=each(lengths(model)),
        drifts=drifts,
        long=long,
    )


def _plain(chosen: Sequence[Case], model: Model, progress: Progress) -> list[dict[int, Frames]]:
    """Videos of captions alone, as long as each case's films; a model that stops earlier gives its longest, held."""
    found = []
    for number, case in enumerate(chosen):
        videos = {}
        for film in (case.short, case.long):
            pixels = PixelShape(min(film.pixels.frames, model.most_frames), film.pixels.height, film.pixels.width)
            frames = generate(case.caption, model, pixels=pixels, seed=number).frames
            missing = film.pixels.frames - len(frames)
            videos[film.pixels.frames] = torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])
        found.append(videos)
        progress("videos of text alone", number + 1, len(chosen))
    return found


def _long(
    chosen: Sequence[Case], model: Model, probe: Probe, seconds: float, progress: Progress
) -> tuple[list[Drift], list[tuple[str, Frames]]]:
    """Long videos, watched."""
    drifts, long = [], []
    frames, made_so_far = round(seconds * model.fps), 0

    def on_frame() -> None:
        nonlocal made_so_far
        made_so_far += 1
        progress("long videos, frames", made_so_far, frames * len(chosen))

    for number, case in enumerate(chosen):
        told, shown = drift(case, model, probe, seconds, number, on_frame)
        drifts.append(told)
        long.append((case.caption, shown))
    return drifts, long


def drawn(found: Found) -> dict[str, Image.Image]:
    """A picture for each ability, by the name of its file."""
    made_of: dict[str, Image.Image] = {}
    for name, results in found.joined.results.items():
        groups = []
        for result in results[:SHOWN]:
            video, film = result.made, result.trial.film
            if name == "loop":
                video = torch.cat([video, video[:1]])  # where it begins again
            given = torch.tensor([at not in result.trial.new for at in range(len(video))])
            groups.append([Strip("film", film[: len(given)]), Strip("made", video, given)])
        titles = [result.trial.title for result in results[:SHOWN]]
        made_of[name.replace(", ", "-").replace(" ", "-")] = sheet(groups, titles)
    made_of["edit"] = _edits(found.edits)
    made_of["inpaint"] = sheet(
        [[Strip("film", one.film), Strip("made", one.changed.made, ~one.region)] for one in found.inpainted[:SHOWN]],
        [one.changed.change.prompt for one in found.inpainted[:SHOWN]],
    )
    tried = [*found.sizes, *found.durations]
    made_of["sizes"] = sheet(
        [[Strip("film", one.first_real), Strip("made", one.first)] for one in tried], [str(one.pixels) for one in tried]
    )
    made_of["minute"] = sheet(
        [[Strip("each 4 s", frames)] for _, frames in found.long], [caption for caption, _ in found.long], 15
    )
    made_of["drift"] = drift_plot(found.drifts)
    return made_of


def _edits(edits: Mapping[str, Sequence[Changed]]) -> Image.Image:
    """The film and what became of it in each way, under what was asked."""
    count = min(SHOWN, *map(len, edits.values()))
    groups = [[Strip(name, changed[at].made) for name, changed in edits.items()] for at in range(count)]
    first = next(iter(edits.values()))
    return sheet(groups, [f"{one.change.attribute}: {one.change.prompt}" for one in first[:count]])


def drift_plot(drifts: Sequence[Drift]) -> Image.Image:
    """What the probe still sees, and plain numbers, window by window: the mean, and the range of all videos."""
    windows = min(len(one.shares) for one in drifts)
    names = {"sharpness": "sharpness, x first window", "movement": "movement", "change": "change"}
    seen = [curve("all of them", [one.shares[:windows] for one in drifts])]
    for attribute in LASTING[:4]:
        mean = curve("", [[float(right) for right in one.right[attribute][:windows]] for one in drifts]).mean
        seen.append(Curve(attribute, mean, mean, mean))
    panels = {"lasting attributes that the probe sees, as a share": seen}
    for name, title in names.items():
        unit = "" if name == "sharpness" else ", grey levels"
        panels[f"{title}{unit}"] = [curve(name, [getattr(one, name)[:windows] for one in drifts])]
    return plot(panels, WINDOW)


def write(report: AbilityReport, drawings: Mapping[str, Image.Image], folder: Path) -> None:
    """Leave a report's files in a folder, each whole or not at all."""
    for name, text in (("abilities.json", report.json()), ("abilities.md", report.markdown())):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    for name, picture in drawings.items():
        with atomic_write(folder / f"{name}.png") as unfinished:
            picture.save(unfinished)
