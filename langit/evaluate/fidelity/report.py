"""The main report on a model: reconstruction, fidelity to the prompt, and speed.

Model, real films and probe meet here; the measures are in the modules beside this one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

import langit
from langit import config, sheet
from langit.device import CPU, Placement
from langit.evaluate import reconstruction
from langit.evaluate.fidelity import scores as fidelity
from langit.evaluate.fidelity.scores import Fidelity, ShownVideo
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.figures.pictures import confusion_picture
from langit.evaluate.figures.table import markdown_table
from langit.evaluate.films import check_renderer, render_frames
from langit.evaluate.judges.probe import Probe, judge, load_probe
from langit.evaluate.judges.truth import CLASSES
from langit.evaluate.reconstruction import Reconstruction
from langit.evaluate.report import Animation, Progress, ReportPictures, Subject, run_evaluation
from langit.generate import Model, generate_many
from langit.shapes import PixelShape
from langit.worlds.scene import VERSION
from langit.worlds.world import WORLDS, AnyScene, find_world

_RECONSTRUCTED_FROM = 950_009  # first of the held-out seeds whose films are reconstructed
_COLUMNS = 8  # videos in a row of the animation


@dataclass(frozen=True)
class Speed:
    """Seconds to make one video alone, on this machine, and as a multiple of its playing time."""

    seconds: float
    ratio: float
    threads: int
    processor: str


@dataclass(frozen=True)
class FidelityReport:
    """The figures of an evaluation. Field names are the keys of report.json."""

    model: str
    version: str
    world: str
    size: str
    sampling: dict[str, Any]
    reconstruction: Mapping[str, Reconstruction]  # by world
    fidelity: Fidelity
    speed: Speed

    def json(self) -> str:
        return json.dumps(_plain(self), indent=1, ensure_ascii=False) + "\n"

    def table(self) -> Table:
        """Fidelity for a terminal."""
        table = Table(title=f"{self.model}: {self.fidelity.prompts} unseen prompts x {self.fidelity.seeds} seeds")
        for column in _HEAD:
            table.add_column(column, justify="left" if column == _HEAD[0] else "right")
        for line in self._attribute_lines():
            table.add_row(*line)
        return table

    def markdown(self) -> str:
        scores = self.fidelity
        parts = [
            f"# {self.model}",
            f"Langit {self.version}, {self.world}, {self.size}. {scores.prompts} prompts of combinations that were"
            f" never trained on, {scores.seeds} seeds each, half English and half Indonesian, judged by the probe."
            " Real films of the same scenes are the ceiling, shuffled prompts the floor. In brackets: 95% Wilson"
            " intervals.",
            markdown_table(_HEAD, self._attribute_lines()),
            "Left and right: the same seed with both prompts of a mirror pair. Chance is 50%.",
            markdown_table(("kind", "videos the right way", "pairs both right", "real films"), self._direction_lines()),
            "Autoencoder: held-out films of each world that the model was trained on. Encoding and decoding times are"
            f" fractions of the playing time, on {self.speed.threads} threads.",
            markdown_table(_HEAD_FILMS, [_reconstruction_line(*one) for one in self.reconstruction.items()]),
            f"One video alone: {self.speed.seconds:.2f} s, {self.speed.ratio:.2f} of its playing time, on"
            f" {self.speed.threads} threads of {self.speed.processor}.",
            "Pictures: first.png and first.webp (the first prompts, not selected), confusions.png.",
        ]
        return "\n\n".join(parts) + "\n"

    def _attribute_lines(self) -> list[tuple[str, ...]]:
        return [
            (
                name,
                str(row.made),
                str(row.real),
                str(row.shuffled),
                *(str(row.by_language[language]) for language in fidelity.LANGUAGES),
            )
            for name, row in self.fidelity.rows.items()
        ]

    def _direction_lines(self) -> list[tuple[str, ...]]:
        directions = self.fidelity.directions
        return [(kind, str(one.right), str(one.pairs), str(one.real)) for kind, one in directions.items()]


_HEAD_FILMS = ("world", "films", "PSNR, dB", "5th, 50th, 95th percentile", "SSIM", "encodes in", "decodes in")
_HEAD = ("attribute", "model", "real films", "shuffled", "English", "Indonesian")


def evaluate_fidelity(
    model_name: str,
    *,
    prompts: int = 200,
    seeds: int = 3,
    folder: Path,
    progress: Progress,
    films: int = 50,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> FidelityReport:
    """Write report.json, report.md, first.png, first.webp and confusions.png to a folder.

    Args:
        model_name: a model's name, or a bundle's folder.
        prompts: number of unseen prompts.
        seeds: number of videos of each.
        folder: see :func:`langit.evaluate.report.run_evaluation`, also for the next two.
        progress: called as stages advance.
        films: number of films of each world that the autoencoder reconstructs.
        changes: sampling settings to override.
        placement: device and precision.

    Raises:
        ValueError: the model does not exist or is damaged, a change is wrong, there are too few prompts or seeds, or
            the worlds cannot be rendered here.
        OSError: the folder cannot be written.
    """
    fidelity.check_counts(prompts, seeds)

    def measure_subject(subject: Subject) -> tuple[FidelityReport, ReportPictures]:
        check_renderer()
        probe = load_probe(placement=subject.judges)
        worlds = trained_worlds(subject.bundle.provenance.recipe)
        report, shown = measure(
            subject.model, subject.name, render_frames, probe, prompts, seeds, films, progress, worlds
        )
        return report, pictures(report, shown)

    return run_evaluation(
        model_name, measure_subject, stem="report", folder=folder, changes=changes, placement=placement
    )


def trained_worlds(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """List the worlds in a recipe (as provenance records it) that this version can render; the first world always."""
    stages = (*recipe.get("autoencoder_stages", ()), *recipe.get("stages", ()))
    named = (group.get("world", VERSION) for stage in stages for group in stage.get("films", ()))
    return tuple(world for world in dict.fromkeys((VERSION, *named)) if world in WORLDS)


def measure(
    model: Model,
    name: str,
    render: Callable[[AnyScene, PixelShape], Tensor],
    probe: Probe,
    prompts: int,
    seeds: int,
    films: int,
    progress: Progress,
    worlds: Sequence[str] = (VERSION,),
) -> tuple[FidelityReport, tuple[ShownVideo, ...]]:
    """Measure a model without touching the disk; also return the first videos."""
    pixels = replace(model.sizes[0], frames=probe.config.frames)  # a model may make longer videos by default
    reconstructions = {}
    for world in worlds:
        real: list[Tensor] = []
        # every tenth seed is held out of training, hence the steps of ten
        for seed in range(_RECONSTRUCTED_FROM, _RECONSTRUCTED_FROM + 10 * films, 10):
            real.append(render(find_world(world).sample(seed), pixels))
            progress(f"films of {world} to reconstruct", len(real), films)

        def report_world(stage: str, done: int, of: int, world: str = world) -> None:
            progress(f"{stage} of {world}", done, of)

        reconstructions[world] = reconstruction.measure(model.autoencoder, real, model.fps, report_world)
    speed = _measure_speed(model, fidelity.cases(2)[0].texts["en"], pixels)

    def make(texts: Sequence[str], numbers: Sequence[int]) -> list[Tensor]:
        return [video.frames for video in generate_many(texts, model, seeds=numbers, pixels=pixels)]

    scores, shown = fidelity.score(
        make,
        lambda scene: render(scene, pixels),
        lambda videos: judge(probe, videos),
        prompts=prompts,
        seeds=seeds,
        progress=progress,
    )
    sampling = config.dump(model.sampling)
    report = FidelityReport(name, langit.__version__, VERSION, str(pixels), sampling, reconstructions, scores, speed)
    return report, shown


def _measure_speed(model: Model, prompt: str, pixels: PixelShape) -> Speed:
    """Take the median of three videos made alone, after one to warm up."""
    generate_many([prompt], model, seeds=[0], pixels=pixels)
    times = []
    for seed in range(3):
        start = time.perf_counter()
        frames = generate_many([prompt], model, seeds=[seed], pixels=pixels)[0].frames
        times.append(time.perf_counter() - start)
    seconds = sorted(times)[1]
    return Speed(seconds, seconds / (len(frames) / model.fps), torch.get_num_threads(), _processor())


def _processor() -> str:
    """Return the processor's marketing name where Linux knows it, else its architecture."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.machine()} ({os.cpu_count()} logical cores)"


def pictures(report: FidelityReport, shown: Sequence[ShownVideo]) -> ReportPictures:
    """Draw the first videos, as a sheet and as an animation, and the confusion matrices."""
    frames = [one.frames for one in shown]
    matrices = {name: report.fidelity.confusions[name] for name in CLASSES}
    return ReportPictures(
        {
            "first": sheet.contact_sheet(frames, [one.text for one in shown]),
            "confusions": confusion_picture(matrices, CLASSES),
        },
        {"first": Animation(frames, _COLUMNS)},
    )


def _reconstruction_line(world: str, one: Reconstruction) -> tuple[str, ...]:
    low, half, high = one.psnr_percentiles
    figures = (f"{one.psnr:.2f}", f"{low:.1f}, {half:.1f}, {high:.1f}", f"{one.ssim:.3f}")
    return world, str(one.films), *figures, f"{one.encode:.3f}", f"{one.decode:.3f}"


def _plain(value: object) -> Any:
    """Convert a report to plain JSON values; rates get their interval."""
    if isinstance(value, Rate):
        return value.plain()
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
