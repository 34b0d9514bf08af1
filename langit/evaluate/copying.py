"""Does a model copy what it was trained on? Its videos' nearest training clips, counted and shown.

Real films that nobody trained on are measured the same way: films of one world are similar to each other without any
copying, and only what goes beyond that is the model's. Half of the prompts are of pairings that it was trained on,
where copying is likelier, half of others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from rich.table import Table

from langit import config, sheet
from langit.bundle import Bundle, load_bundle
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.report import check_writable, filmer
from langit.files import atomic_write, created_folder
from langit.generate import Model, generate_many
from langit.generate.model import calm_threads
from langit.release.nearest.bundled import open_index
from langit.release.nearest.clips import film_frames
from langit.release.nearest.gate import NearestConfig, matches
from langit.release.nearest.index import ClipIndex, Match
from langit.worlds.caption import prompts as world_prompts
from langit.worlds.scene import Split, sample_scene

Progress = Callable[[str, int, int], None]
Frames = UInt8[np.ndarray, "T H W 3"]
_REAL_FROM = 960_009  # first of the held-out seeds whose films are the baseline
_SHOWN = 12


@dataclass(frozen=True)
class Group:
    """Videos of one kind and their nearest training clips: how many are as near as one in two hundred real films."""

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
class Copying:
    """The report."""

    model: str
    near: float
    groups: tuple[Group, ...]
    sampling: dict[str, Any]

    def table(self) -> Table:
        """For a terminal."""
        table = Table(title=f"{self.model}: nearest training clips; near is a share of {self.near} or more")
        for column in HEAD:
            table.add_column(column, justify="left" if column == HEAD[0] else "right")
        for group in self.groups:
            table.add_row(*group.line)
        return table

    def markdown(self) -> str:
        """To read."""
        rows = [HEAD, ("---",) * len(HEAD), *(group.line for group in self.groups)]
        lines = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        return (
            f"# {self.model}: copying\n\nA near copy is nearer to a training clip than {self.near:.1%} of held-out real"
            f" films are; in brackets 95% Wilson intervals.\n\n{lines}\n\n"
            f"nearest.png: the {_SHOWN} nearest videos, each with its training clip beneath; real.png: real films.\n"
        )


def evaluate_copying(
    name: str, prompts: int, folder: Path, home: Path, progress: Progress, changes: Sequence[str] = ()
) -> Copying:
    """Measure, and leave copying.json, copying.md, nearest.png and real.png in a folder.

    Args:
        name: a model's name or its bundle's folder.
        prompts: how many videos to make, and how many real films to compare.
        folder: made if it is not there.
        home: where films may be kept; others are rendered again.
        progress: told of each stage.
        changes: to its sampling, as :meth:`langit.generate.Model.changed` has them.

    Raises:
        ValueError: no such model, a wrong change, or it carries no index, or the worlds cannot be rendered here.
        OSError: the folder cannot be written.
    """
    bundle = load_bundle(name)
    index = open_index(bundle)
    if index is None:
        raise ValueError(f"{name} carries no index of its training clips: make one with langit bundle index {name}")
    film, model, near = filmer(), Model.of(bundle).changed(changes), NearestConfig().near
    calm_threads(model)
    pixels = model.sizes[0]
    with created_folder(folder):
        check_writable(folder)
        found: dict[str, list[tuple[str, Frames, Match]]] = {"prompts as trained": [], "prompts never trained": []}
        halves: tuple[tuple[Split, int], ...] = (("train", (prompts + 1) // 2), ("held-out", prompts // 2))
        for group, (which, count) in zip(found.values(), halves, strict=True):
            for number, prompt in enumerate(world_prompts(which, count) if count else ()):
                video = generate_many([prompt.text], model, seeds=[number])[0].frames.numpy()
                group.append((prompt.text, video, _nearest(index, bundle, video)))
                progress(f"videos, {which}", number + 1, count)
        real = []
        for number in range(prompts):
            seed = _REAL_FROM + 10 * number
            frames = film(sample_scene(seed), pixels).numpy()
            real.append((f"real film {seed}, never trained on", frames, _nearest(index, bundle, frames)))
            progress("real films", number + 1, prompts)
        made_here = [one for group in found.values() for one in group]
        groups = {"all that was made": made_here, **found, "real films, held out": real}
        report = Copying(
            bundle.provenance.model,
            near,
            tuple(_group(title, rows, near) for title, rows in groups.items() if rows),
            config.dump(model.sampling),
        )
        for file, rows in (("nearest.png", made_here), ("real.png", real)):
            _pairs(folder / file, rows, index, home)
        for file, text in (("copying.json", _json(report)), ("copying.md", report.markdown())):
            with atomic_write(folder / file) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
    return report


def _nearest(index: ClipIndex, bundle: Bundle, frames: Frames) -> Match:
    return max(matches(index, bundle.autoencoder, frames, bundle.fps, 1), key=lambda match: match.score)


def _group(name: str, rows: Sequence[tuple[str, Frames, Match]], near: float) -> Group:
    found = [match for _, _, match in rows]
    scores, shares = [match.score for match in found], [match.share for match in found]
    return Group(
        name,
        near=rate([match.share >= near for match in found]),
        copied=rate([match.copied >= NearestConfig().copied for match in found]),
        score_median=float(np.median(scores)),
        score_most=max(scores),
        share_median=float(np.median(shares)),
    )


def _pairs(path: Path, rows: Sequence[tuple[str, Frames, Match]], index: ClipIndex, home: Path) -> None:
    """The nearest videos, their clips beneath."""
    first = sorted(rows, key=lambda row: -row[2].score)[:_SHOWN]
    films, texts = [], []
    for text, frames, match in first:
        films.append(frames)
        texts.append(text)
        seen = film_frames(index.films[match.clip], home)[0] if match.clip < len(index.films) else None
        turned = np.zeros_like(frames[:1]) if seen is None else seen[:, :, ::-1] if match.mirrored else seen
        films.append(turned)
        side = "mirrored " if match.mirrored else ""
        texts.append(f"nearest: {side}{index.name(match.clip)}, score {match.score:.3f}, share {match.share:.3f}")
    order = [place for at in range(0, len(films), 4) for place in (at, at + 2, at + 1, at + 3) if place < len(films)]
    sheet.save(path, [films[place] for place in order], [texts[place] for place in order], columns=2)


def _json(report: Copying) -> str:
    plain = asdict(report)
    for said, group in zip(plain["groups"], report.groups, strict=True):
        for name in ("near", "copied"):
            said[name]["interval"] = [round(end, 4) for end in getattr(group, name).interval]
    return json.dumps(plain, indent=1) + "\n"
