"""One report on a model: reconstruction, fidelity to the prompt, speed; as numbers, as tables and as pictures.

This is where the parts meet: bundle, films, probe. The measures themselves are in the modules beside it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

import langit
from langit import config, sheet
from langit.bundle import load_bundle
from langit.evaluate import reconstruction
from langit.evaluate.fidelity import scores as fidelity
from langit.evaluate.fidelity.scores import Fidelity
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.figures.pictures import confusion_picture, moving_picture
from langit.evaluate.judges.probe import Probe, judge, load_probe
from langit.evaluate.judges.truth import CLASSES
from langit.evaluate.reconstruction import Reconstruction
from langit.files import atomic_write, created_folder
from langit.generate import Model, generate_many
from langit.shapes import PixelShape
from langit.worlds.scene import VERSION
from langit.worlds.world import WORLDS, AnyScene, find_world

Progress = Callable[[str, int, int], None]
_RECONSTRUCTED_FROM = 950_009  # first of the held-out seeds whose films are reconstructed


@dataclass(frozen=True)
class Speed:
    """Seconds to make one video alone, on this machine, and as a multiple of its playing time."""

    seconds: float
    ratio: float
    threads: int
    processor: str


@dataclass(frozen=True)
class Report:
    """What is known of a model after an evaluation."""

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
        for line in self._lines():
            table.add_row(*line)
        return table

    def markdown(self) -> str:
        """Everything, to read."""
        scores = self.fidelity
        parts = [
            f"# {self.model}",
            f"Langit {self.version}, {self.world}, {self.size}. {scores.prompts} prompts whose pairings were never"
            f" trained on, {scores.seeds} seeds each, half English and half Indonesian, judged by the probe. Real films"
            " of the same scenes are the ceiling, shuffled prompts the floor. In brackets: 95% Wilson intervals.",
            _markdown(_HEAD, self._lines()),
            "Left and right: the same seed with both words of a mirror pair; chance is 50%.",
            _markdown(("kind", "videos the right way", "pairs both right", "real films"), self._directions()),
            "Autoencoder, held-out films of each world that the model was trained on. It encodes and decodes in shares"
            f" of the playing time, on {self.speed.threads} threads.",
            _markdown(_HEAD_FILMS, [_reconstructed(*one) for one in self.reconstruction.items()]),
            f"One video alone: {self.speed.seconds:.2f} s, {self.speed.ratio:.2f} of its playing time, on"
            f" {self.speed.threads} threads of {self.speed.processor}.",
            "Pictures: first.png and first.webp (the first prompts, unchosen), confusions.png.",
        ]
        return "\n\n".join(parts) + "\n"

    def _lines(self) -> list[tuple[str, ...]]:
        return [
            (
                name,
                str(row.made),
                str(row.real),
                str(row.shuffled),
                *(str(row.by_language[x]) for x in fidelity.LANGUAGES),
            )
            for name, row in self.fidelity.rows.items()
        ]

    def _directions(self) -> list[tuple[str, ...]]:
        found = self.fidelity.directions
        return [(kind, str(one.right), str(one.pairs), str(one.real)) for kind, one in found.items()]


_HEAD_FILMS = ("world", "films", "PSNR, dB", "5th, 50th, 95th percentile", "SSIM", "encodes in", "decodes in")
_HEAD = ("attribute", "model", "real films", "shuffled", "English", "Indonesian")


def evaluate(
    model_name: str,
    *,
    prompts: int = 200,
    seeds: int = 3,
    folder: Path,
    progress: Progress,
    films: int = 50,
    changes: Sequence[str] = (),
) -> Report:
    """Measure a model and leave report.json, report.md, first.png, first.webp and confusions.png in a folder.

    Args:
        model_name: a model's name or its bundle's folder.
        prompts: how many unseen prompts.
        seeds: how many videos of each.
        folder: made if it is not there; what an earlier report left is replaced.
        progress: told of each stage: its name, done, of how many.
        films: how many films of each world the autoencoder reconstructs.
        changes: to its sampling, as :meth:`langit.generate.Model.changed` has them.

    Raises:
        ValueError: no such model or a damaged one, a wrong change, too few prompts or seeds, or the worlds
            cannot be rendered here.
        OSError: the folder cannot be written.
    """
    fidelity.check_counts(prompts, seeds)
    bundle = load_bundle(model_name)
    film, probe = filmer(), load_probe()
    model = Model.of(bundle).changed(changes)
    with created_folder(folder):
        check_writable(folder)
        name, worlds = bundle.provenance.model, worlds_of(bundle.provenance.recipe)
        report, shown = measure(model, name, film, probe, prompts, seeds, films, progress, worlds)
        write(report, shown, folder, bundle.fps)
    return report


def check_writable(folder: Path) -> None:
    """Find out before hours of measuring.

    Raises:
        OSError: no file can be made in the folder.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"no report can be written to {folder} ({error.strerror}): choose another folder") from error


def worlds_of(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """The worlds whose films a recipe (as provenance has it) names, those that this code renders; the first always."""
    stages = (*recipe.get("autoencoder_stages", ()), *recipe.get("stages", ()))
    named = (group.get("world", VERSION) for stage in stages for group in stage.get("films", ()))
    return tuple(world for world in dict.fromkeys((VERSION, *named)) if world in WORLDS)


def filmer() -> Callable[[AnyScene, PixelShape], Tensor]:
    """What films a scene, of any world.

    Raises:
        ValueError: MuJoCo is not installed.
        OSError: it has no OpenGL to draw with.
    """
    if find_spec("mujoco") is None:
        raise ValueError("evaluating compares with real films, and mujoco is not here: pip install -e '.[worlds]'")
    from langit.worlds import film  # noqa: F401  (here and not above, as reading a report needs no OpenGL)

    def render(scene: AnyScene, pixels: PixelShape) -> Tensor:
        world = find_world(json.loads(scene.canonical)["world"])
        return torch.from_numpy(world.render(scene, pixels).frames)

    return render


def measure(
    model: Model,
    name: str,
    film: Callable[[AnyScene, PixelShape], Tensor],
    probe: Probe,
    prompts: int,
    seeds: int,
    films: int,
    progress: Progress,
    worlds: Sequence[str] = (VERSION,),
) -> tuple[Report, tuple[fidelity.Shown, ...]]:
    """The measuring of :func:`evaluate`, without the disk."""
    pixels = model.sizes[0]
    again = {}
    for world in worlds:
        real: list[Tensor] = []
        for seed in range(_RECONSTRUCTED_FROM, _RECONSTRUCTED_FROM + 10 * films, 10):
            real.append(film(find_world(world).sample(seed), pixels))
            progress(f"films of {world} to reconstruct", len(real), films)

        def tell(stage: str, done: int, of: int, world: str = world) -> None:
            progress(f"{stage} of {world}", done, of)

        again[world] = reconstruction.measure(model.autoencoder, real, model.fps, tell)
    speed = _speed(model, fidelity.cases(2)[0].texts["en"])

    def make(texts: Sequence[str], numbers: Sequence[int]) -> list[Tensor]:
        return [one.frames for one in generate_many(texts, model, seeds=numbers)]

    scores, shown = fidelity.score(
        make,
        lambda scene: film(scene, pixels),
        lambda videos: judge(probe, videos),
        prompts=prompts,
        seeds=seeds,
        progress=progress,
    )
    sampling = config.dump(model.sampling)
    return Report(name, langit.__version__, VERSION, str(pixels), sampling, again, scores, speed), shown


def _speed(model: Model, prompt: str) -> Speed:
    """The median of three videos made alone, after one to warm up."""
    generate_many([prompt], model, seeds=[0])
    times = []
    for seed in range(3):
        start = time.perf_counter()
        frames = generate_many([prompt], model, seeds=[seed])[0].frames
        times.append(time.perf_counter() - start)
    seconds = sorted(times)[1]
    return Speed(seconds, seconds / (len(frames) / model.fps), torch.get_num_threads(), _processor())


def _processor() -> str:
    """What the machine calls its processor."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.machine()} ({os.cpu_count()} logical cores)"


def write(report: Report, shown: Sequence[fidelity.Shown], folder: Path, fps: float) -> None:
    """Leave a report's files in a folder, each whole or not at all; ``fps`` is for the moving picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("report.json", report.json()), ("report.md", report.markdown())):
        with atomic_write(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    sheet.save(folder / "first.png", [one.frames for one in shown], [one.text for one in shown])
    with atomic_write(folder / "first.webp") as unfinished:
        moving_picture([one.frames for one in shown], 8, 2, fps, unfinished)
    matrices = {name: report.fidelity.confusions[name] for name in CLASSES}
    with atomic_write(folder / "confusions.png") as unfinished:
        confusion_picture(matrices, CLASSES).save(unfinished)


def _reconstructed(world: str, one: Reconstruction) -> tuple[str, ...]:
    low, half, high = one.psnr_percentiles
    figures = (f"{one.psnr:.2f}", f"{low:.1f}, {half:.1f}, {high:.1f}", f"{one.ssim:.3f}")
    return world, str(one.films), *figures, f"{one.encode:.3f}", f"{one.decode:.3f}"


def _plain(value: object) -> Any:
    """A report as JSON has it; rates with their interval."""
    if isinstance(value, Rate):
        low, high = value.interval
        return {"right": value.right, "of": value.of, "low": round(low, 4), "high": round(high, 4)}
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
