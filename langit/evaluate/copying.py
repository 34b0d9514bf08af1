"""The copying report: does a model reproduce its training clips? Finds the nearest training clips of its videos.

Real films that were never trained on are the baseline: films of one world resemble each other without any copying, and
only what goes beyond that is due to the model. Half of the prompts have combinations that the model was trained on,
where copying is more likely; the others do not. Every world that the model learned is measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from rich.table import Table

from langit import config, sheet
from langit.bundle import Bundle
from langit.device import CPU, Placement
from langit.evaluate.fidelity.report import trained_worlds
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.figures.table import markdown_table
from langit.evaluate.films import check_renderer, render_frames
from langit.evaluate.report import Progress, ReportPictures, Subject, run_evaluation
from langit.generate import generate_many
from langit.generate.model import limited_threads
from langit.release.nearest.bundled import open_index
from langit.release.nearest.clips import film_frames
from langit.release.nearest.gate import NearestConfig, nearest_clips
from langit.release.nearest.index import ClipIndex, ClipMatch
from langit.worlds.scene import Split
from langit.worlds.world import find_world

Frames = UInt8[np.ndarray, "T H W 3"]
Compared = tuple[str, Frames, ClipMatch]
"""A video's description, its frames, and its nearest training clip."""
_REAL_FROM = 960_009  # first of the held-out seeds whose films are the baseline
_SHOWN = 12


@dataclass(frozen=True)
class CopyingGroup:
    """Similarity statistics of one kind of video. Field names are keys of copying.json.

    near: videos with a clip nearer than one in two hundred real films has.
    copied: videos in which all fingerprints of a window of a clip were found.
    """

    name: str
    near: Rate
    copied: Rate
    score_median: float
    score_most: float
    share_median: float

    @property
    def line(self) -> tuple[str, ...]:
        scores = (f"{self.score_median:.3f}", f"{self.score_most:.3f}", f"{self.share_median:.3f}")
        return (self.name, str(self.near.of), str(self.near), str(self.copied), *scores)


HEAD = ("videos", "of", "near copies", "PDQ copies", "median score", "highest", "median share")


@dataclass(frozen=True)
class CopyingReport:
    """The figures of an evaluation of copying."""

    model: str
    near: float
    groups: tuple[CopyingGroup, ...]
    sampling: dict[str, Any]
    kind: str = "films"  # what it learnt: rendered films, or clips of footage
    asked: int = 0  # of footage: videos whose nearest clip is the one whose caption was asked for

    def json(self) -> str:
        plain = asdict(self)
        if plain.pop("kind") == "films":
            plain.pop("asked")
        for values, group in zip(plain["groups"], self.groups, strict=True):
            for name in ("near", "copied"):
                values[name]["interval"] = [round(end, 4) for end in getattr(group, name).interval]
        return json.dumps(plain, indent=1) + "\n"

    def table(self) -> Table:
        table = Table(title=f"{self.model}: nearest training clips; near is a share of {self.near} or more")
        for column in HEAD:
            table.add_column(column, justify="left" if column == HEAD[0] else "right")
        for group in self.groups:
            table.add_row(*group.line)
        return table

    def markdown(self) -> str:
        return (
            f"# {self.model}: copying\n\nA near copy is nearer to a training clip than {self.near:.1%} of held-out real"
            f" {self.kind} are. In brackets: 95% Wilson intervals.\n\n"
            f"{markdown_table(HEAD, [group.line for group in self.groups])}\n\n"
            f"nearest.png: the nearest videos, each with its training clip below; real.png: real {self.kind}.\n"
        )


def evaluate_copying(
    model_name: str,
    prompts: int,
    folder: Path,
    home: Path,
    progress: Progress,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> CopyingReport:
    """Measure copying; write copying.json, copying.md, nearest.png and real.png to a folder.

    A model that learnt footage alone is asked for the captions of its clips, and held-out clips are the baseline.

    Args:
        model_name: a model's name, or a bundle's folder.
        prompts: number of videos to generate of each world, and of real films to compare them with.
        folder: see :func:`langit.evaluate.report.run_evaluation`, also for ``changes`` and ``placement``.
        home: where rendered films may be stored; missing ones are rendered again.
        progress: called as stages advance.
        changes: sampling settings to override.
        placement: device and precision.

    Raises:
        ValueError: the model does not exist, has no index of its training clips, a change is wrong, or the worlds
            cannot be rendered here.
        OSError: the folder cannot be written.
    """

    def measure_subject(subject: Subject) -> tuple[CopyingReport, ReportPictures]:
        index = open_index(subject.bundle)
        if index is None:
            raise ValueError(
                f"{model_name} has no index of its training clips: make one with langit bundle index {model_name}"
            )
        if not index.films:
            from langit.evaluate.footage_copying import measure_footage

            with limited_threads(subject.model):
                return measure_footage(subject, index, prompts, home, progress)
        check_renderer()
        with limited_threads(subject.model):
            return measure(subject, index, prompts, home, progress)

    return run_evaluation(
        model_name, measure_subject, stem="copying", folder=folder, changes=changes, placement=placement
    )


def measure(
    subject: Subject, index: ClipIndex, prompts: int, home: Path, progress: Progress
) -> tuple[CopyingReport, ReportPictures]:
    """Find the nearest training clips of generated videos and of real films."""
    model, near, size = subject.model, NearestConfig().near, subject.model.sizes[0]
    worlds = trained_worlds(subject.bundle.provenance.recipe)
    by_prompt: dict[str, list[Compared]] = {"prompts as trained": [], "prompts never trained": []}
    generated: dict[str, list[Compared]] = {}
    real: dict[str, list[Compared]] = {}
    halves: tuple[tuple[Split, int], ...] = (("train", (prompts + 1) // 2), ("held-out", prompts // 2))
    for world in map(find_world, worlds):
        rows = generated.setdefault(world.version, [])
        for group, (which, count) in zip(by_prompt.values(), halves, strict=True):
            for number, prompt in enumerate(world.prompts(which, count) if count else ()):
                frames = generate_many([prompt.text], model, seeds=[number])[0].frames.numpy()
                rows.append((prompt.text, frames, nearest_match(index, subject.bundle, frames)))
                group.append(rows[-1])
                progress(f"videos of {world.version}, {which}", number + 1, count)
        films = real.setdefault(world.version, [])
        for number in range(prompts):
            seed = _REAL_FROM + 10 * number  # every tenth seed is held out of training
            frames = render_frames(world.sample(seed), size).numpy()
            title = f"real film {seed} of {world.version}, never trained on"
            films.append((title, frames, nearest_match(index, subject.bundle, frames)))
            progress(f"real films of {world.version}", number + 1, prompts)
    videos, all_films = ([row for some in kinds.values() for row in some] for kinds in (generated, real))
    groups = {"all generated videos": videos, **by_prompt, "real films, held out": all_films}
    if len(worlds) > 1:
        groups |= {f"videos of {world}": rows for world, rows in generated.items()}
        groups |= {f"real films of {world}": films for world, films in real.items()}
    report = CopyingReport(
        subject.name,
        near,
        tuple(summarize(title, rows, near) for title, rows in groups.items() if rows),
        config.dump(model.sampling),
    )
    stills = {"nearest": _pair_sheet(videos, index, home), "real": _pair_sheet(all_films, index, home)}
    return report, ReportPictures(stills)


def nearest_match(index: ClipIndex, bundle: Bundle, frames: Frames) -> ClipMatch:
    """The training clip that a video is most similar to."""
    return max(nearest_clips(index, bundle.autoencoder, frames, bundle.fps, 1), key=lambda match: match.score)


def summarize(name: str, rows: Sequence[Compared], near: float) -> CopyingGroup:
    """Count near and exact copies among compared videos."""
    matches = [match for _, _, match in rows]
    scores, shares = [match.score for match in matches], [match.share for match in matches]
    return CopyingGroup(
        name,
        near=rate([match.share >= near for match in matches]),
        copied=rate([match.copied >= NearestConfig().copied for match in matches]),
        score_median=float(np.median(scores)),
        score_most=max(scores),
        share_median=float(np.median(shares)),
    )


def _pair_sheet(rows: Sequence[Compared], index: ClipIndex, home: Path) -> Image.Image:
    """Draw the videos with the highest scores, with their training clips below them."""
    films, texts = [], []
    for text, frames, match in sorted(rows, key=lambda row: -row[2].score)[:_SHOWN]:
        films.append(frames)
        texts.append(text)
        clip = film_frames(index.films[match.clip], home)[0] if match.clip < len(index.films) else None
        # a clip that cannot be rendered here is shown as one black frame
        films.append(np.zeros_like(frames[:1]) if clip is None else clip[:, :, ::-1] if match.mirrored else clip)
        side = "mirrored " if match.mirrored else ""
        texts.append(f"nearest: {side}{index.name(match.clip)}, score {match.score:.3f}, share {match.share:.3f}")
    # in a sheet of two columns, a video's clip belongs in the row below it
    order = [place for at in range(0, len(films), 4) for place in (at, at + 2, at + 1, at + 3) if place < len(films)]
    return sheet.contact_sheet([films[place] for place in order], [texts[place] for place in order], columns=2)
