"""The report of distances: how far a model's videos are from real ones, beside what known damage to real ones does.

A distance is a number without a unit, so it is placed among those of blur, noise, standing still and so on, at equal
numbers of videos, and its bias at that number is stated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image
from rich.table import Table
from torch import Tensor

from langit import config, sheet
from langit.device import CPU, Placement
from langit.evaluate.distance.corruptions import CORRUPTIONS
from langit.evaluate.distance.features import FeatureNetwork, FeatureSet, standardise
from langit.evaluate.distance.frechet import bias_by_count, expected_bias, frechet
from langit.evaluate.distance.reference import FILMS, Reference, clip_references, film_references
from langit.evaluate.figures.chart import Line, Panel, chart
from langit.evaluate.figures.table import markdown_table
from langit.evaluate.report import Progress, ReportPictures, Subject, run_evaluation
from langit.generate import generate_many
from langit.generate.model import limited_threads

COUNTS: Final = (8, 16, 32, 64, 128, 256, 512)  # of samples, at which the bias is stated
LEAST: Final = 8  # videos of each kind
ENOUGH: Final = 64  # below that, bias is most of a small distance
SHOWN: Final = 6  # videos on each sheet
HEAD: Final = ("what", "video distance", "frame distance")


@dataclass(frozen=True)
class Distance:
    """Fréchet distances of features: of whole videos (as FVD) and of single frames (as FID)."""

    video: float
    frame: float

    @property
    def cells(self) -> tuple[str, str]:
        return f"{self.video:.2f}", f"{self.frame:.2f}"


@dataclass(frozen=True)
class DistanceReport:
    """The distances of an evaluation. Field names are keys of distance.json.

    model: against the reference.
    no_difference: what two samples of the reference would be apart at this number of videos; ``without_bias`` is the
        model's distance less that.
    bias: by number of samples, the distance of two samples of the reference.
    damage: by kind, and by degree: the reference against itself, damaged.
    """

    name: str
    against: str
    network: str
    network_sha256: str
    videos: int
    model: Distance
    no_difference: Distance
    without_bias: Distance
    bias: Mapping[str, Mapping[int, float]]
    damage: Mapping[str, Mapping[float, Distance]]
    sampling: Mapping[str, Any]

    def json(self) -> str:
        plain = asdict(self) | {"rises": {name: self.rises(name) for name in self.damage}}
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    def rises(self, name: str) -> bool:
        """Whether the video distance rises with every degree of a kind of damage."""
        values = [distance.video for distance in self.damage[name].values()]
        return all(low < high for low, high in zip(values, values[1:], strict=False))

    def place_among_damage(self) -> str:
        """Between which degrees of each kind of damage the model's video distance lies, in words.

        Damaged videos are compared with the same videos, which has no bias: so the model's is the one without.
        """
        words, own = [], self.without_bias.video
        for name, degrees in self.damage.items():
            unit, below = CORRUPTIONS[name].unit, [d for d, far in degrees.items() if far.video < own]
            above = [degree for degree in degrees if degree not in below]
            if not below:
                words.append(f"{name}: less than {above[0]:g} {unit}")
            elif not above:
                words.append(f"{name}: more than {below[-1]:g} {unit}")
            else:
                words.append(f"{name}: between {max(below):g} and {min(above):g} {unit}")
        return "; ".join(words)

    @property
    def lines(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [
            (f"{self.name}, {self.videos} videos", *self.model.cells),
            ("no difference looks like", *self.no_difference.cells),
            ("the model less that", *self.without_bias.cells),
        ]
        for name, degrees in self.damage.items():
            for degree, distance in degrees.items():
                rows.append((f"{name}, {degree:g} {CORRUPTIONS[name].unit}", *distance.cells))
        return rows

    def table(self) -> Table:
        table = Table(title=f"{self.name} against {self.against}: Fréchet distances ({self.network})")
        for column in HEAD:
            table.add_column(column, justify="left" if column == HEAD[0] else "right")
        for line in self.lines[:3]:
            table.add_row(*line)
        for name, degrees in self.damage.items():
            most = max(degrees)
            table.add_row(f"{name}, {most:g} {CORRUPTIONS[name].unit}", *degrees[most].cells)
        return table

    def markdown(self) -> str:
        falls = [name for name in self.damage if not self.rises(name)]
        trust = (
            f"**The distance does not rise with {', '.join(falls)} on this reference: it says nothing of such faults.**"
            if falls
            else "The video distance rises with every degree of every kind of damage below."
        )
        few = f" **With {self.videos} videos this is rough: use {ENOUGH} or more.**" if self.videos < ENOUGH else ""
        counts = sorted({count for row in self.bias.values() for count in row})
        bias = [
            (name, *(f"{row[count]:.2f}" if count in row else "–" for count in counts))
            for name, row in self.bias.items()
        ]
        return "\n\n".join(
            (
                f"# {self.name} against {self.against}",
                f"Fréchet distances of features from the {self.network} (SHA-256 {self.network_sha256[:16]}…), each"
                " feature in units of its standard deviation over the reference. They compare with each other and with"
                " reports of the same network, reference and number of videos, **not with FVD or FID of other"
                " papers**, whose networks are others.",
                f"{trust} Less what no difference looks like at {self.videos} videos, the model is as far from"
                " real videos as these damaged ones are from the same videos undamaged:"
                f" {self.place_among_damage()}.{few}",
                markdown_table(HEAD, self.lines),
                "![Distance by degree of damage; dashed: the model](damage.png)",
                "## What a number of samples does\n\nTwo samples of the reference, of which each has so many videos:"
                " a distance that small says nothing. Bias falls as one over the number.",
                markdown_table(("distance", *map(str, counts)), bias),
                "![Real videos](real.png)\n\n![Videos of the model, from prompts of other such videos](made.png)",
            )
        )


def evaluate_distance(
    model_name: str,
    against: str,
    videos: int,
    folder: Path,
    home: Path,
    progress: Progress,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> DistanceReport:
    """Measure distances; write distance.json, distance.md, damage.png, real.png and made.png to a folder.

    Args:
        model_name: a model's name, or a bundle's folder.
        against: ``films``, of the worlds that the model learnt, or a manifest of the ledger by name or digest.
        videos: how many to generate, and of real ones to compare them with; fewer where a manifest has fewer than
            twice as many, as prompts are of other real videos than those that are compared.
        folder: see :func:`langit.evaluate.report.run_evaluation`, also for ``changes`` and ``placement``.
        home: holds the ledger and footage.
        progress: called as stages advance.
        changes: sampling settings to override.
        placement: device and precision.

    Raises:
        ValueError: there is no such model or manifest, or it has too few clips that fit the model.
        OSError: the folder cannot be written, or films cannot be rendered.
    """
    if videos < LEAST:
        raise ValueError(f"{videos} videos are too few for a distance: use at least {LEAST}, better 128 or more")

    def measure_subject(subject: Subject) -> tuple[DistanceReport, ReportPictures]:
        found = _references(subject, against, 2 * videos, home, progress)
        # A model's videos are as far from the films of their own prompts as pairs are, and not as two samples: then
        # the bias of independent samples would be too much. So one half of the films gives prompts alone.
        asked, references = found[: len(found) - len(found) % 2 : 2], found[1::2]
        with limited_threads(subject.model):
            return measure(subject, against, asked, references, FeatureNetwork.open(subject.judges), progress)

    return run_evaluation(
        model_name, measure_subject, stem="distance", folder=folder, changes=changes, placement=placement
    )


def _references(subject: Subject, against: str, wanted: int, home: Path, progress: Progress) -> list[Reference]:
    if against == FILMS:
        table = subject.bundle.films()
        worlds = list(dict.fromkeys(row.world for row in table.rows)) if table is not None else []
        if not worlds:
            raise ValueError(f"{subject.name} learnt no films: compare it with footage, --against MANIFEST")
        return film_references(subject.model, worlds, wanted)
    found = clip_references(subject.model, against, home, wanted, progress)
    if len(found) < 2 * LEAST:
        sizes = ", ".join(map(str, subject.model.sizes))
        raise ValueError(
            f"manifest {against!r} gives {len(found)} videos of {subject.name}'s sizes ({sizes} at"
            f" {subject.model.fps:g} frames a second), which is too few for a distance: half of them give the prompts"
            f" and half are compared, so use one that gives {2 * LEAST}"
        )
    return found


def measure(
    subject: Subject,
    against: str,
    asked: Sequence[Reference],
    references: Sequence[Reference],
    network: FeatureNetwork,
    progress: Progress,
) -> tuple[DistanceReport, ReportPictures]:
    """Compare videos of the prompts of ``asked`` with the references, and these with damaged ones.

    No reference may be among ``asked``, and there must be as many: the bias is that of two independent samples.
    """
    count = len(references)
    assert len(asked) == count, (len(asked), count)
    real: list[Tensor] = []
    for number, reference in enumerate(references):
        real.append(reference.frames())
        progress("real videos", number + 1, count)
    made: list[Tensor] = []
    for number, one in enumerate(asked):
        made += [
            video.frames for video in generate_many([one.prompt], subject.model, seeds=[number], pixels=one.pixels)
        ]
        progress("videos", number + 1, count)
    base, models = network.features(real), network.features(made)
    own = _standard(base, base)
    damage: dict[str, dict[float, Distance]] = {}
    steps = sum(len(corruption.degrees) for corruption in CORRUPTIONS.values())
    for name, corruption in CORRUPTIONS.items():
        damage[name] = {}
        for degree in corruption.degrees:
            damaged = (corruption.apply(video, degree, number) for number, video in enumerate(real))
            damage[name][degree] = _distance(own, _standard(network.features(damaged), base))
            progress("known damage", sum(map(len, damage.values())), steps)
    model = _distance(own, _standard(models, base))
    nothing = Distance(expected_bias(own.videos), expected_bias(own.frames))
    report = DistanceReport(
        subject.name,
        against if against == FILMS else f"the manifest {against}",
        network.name,
        network.digest,
        count,
        model,
        nothing,
        Distance(model.video - nothing.video, model.frame - nothing.frame),
        {"video": bias_by_count(own.videos, COUNTS), "frame": bias_by_count(own.frames, COUNTS)},
        damage,
        config.dump(subject.model.sampling),
    )
    stills = {
        "damage": _picture(report),
        "real": _sheet(real, [reference.prompt for reference in references]),
        "made": _sheet(made, [one.prompt for one in asked]),
    }
    return report, ReportPictures(stills)


def _standard(rows: FeatureSet, reference: FeatureSet) -> FeatureSet:
    return FeatureSet(standardise(rows.videos, reference.videos), standardise(rows.frames, reference.frames))


def _distance(first: FeatureSet, second: FeatureSet) -> Distance:
    return Distance(frechet(first.videos, second.videos), frechet(first.frames, second.frames))


def _sheet(videos: Sequence[Tensor], prompts: Sequence[str]) -> Image.Image:
    alike = [number for number, video in enumerate(videos) if video.shape == videos[0].shape][:SHOWN]
    return sheet.contact_sheet([videos[n].numpy() for n in alike], [prompts[n] for n in alike], columns=2)


def _picture(report: DistanceReport) -> Image.Image:
    """A panel for each kind of damage, with the model's distance, less its bias, as a dashed line."""
    panels = []
    for name, degrees in report.damage.items():
        across = tuple(degrees)
        lines = (
            Line("videos", across, tuple(far.video for far in degrees.values()), marked=True, colour=0),
            Line("frames", across, tuple(far.frame for far in degrees.values()), marked=True, colour=1),
            *(
                Line(title, (across[0], across[-1]), (value, value), dashed=True, colour=colour)
                for title, value, colour in (
                    (f"{report.name}, videos", report.without_bias.video, 0),
                    (f"{report.name}, frames", report.without_bias.frame, 1),
                )
            ),
        )
        # Frames of a video that is shuffled or stands still are as good as before: their distance may be 0.
        positive = tuple(line for line in lines if min(line.up) > 0)
        panels.append(Panel(f"{name}, {CORRUPTIONS[name].unit}", name, "distance", positive, log_up=True))
    return chart(panels)
