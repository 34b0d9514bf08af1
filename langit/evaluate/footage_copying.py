"""Does a model of footage give back the clips that it learnt? Its videos of their captions, and the nearest clips.

The baseline are clips that were held out. A model that learnt few clips for long has them by heart: that is what the
nearest-clip gate at the door is for, and this report shows it before anyone is surprised.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from langit import config, sheet
from langit.evaluate.copying import Compared, CopyingReport, nearest_match, summarize
from langit.evaluate.report import Progress, ReportPictures, Subject
from langit.feed.catalogue import FootageClip, FrameReader
from langit.generate import generate_many
from langit.release.nearest.gate import NearestConfig
from langit.release.nearest.index import ClipIndex
from langit.release.nearest.training import footage_of

SHOWN = 8
"""Videos on the sheet, each with its nearest clip."""
FEW = 20
"""Held-out videos below which nearness is judged roughly, and a reader is told."""


def measure_footage(
    subject: Subject, index: ClipIndex, prompts: int, home: Path, progress: Progress
) -> tuple[CopyingReport, ReportPictures]:
    """Compare videos of the captions that a model learnt, and held-out clips, with the clips that it learnt.

    Raises:
        ValueError: the ledger or the footage is not on this machine.
    """
    trained, held_out = footage_of(subject.bundle, home, lambda stage, done, of, _: progress(stage, done, of))
    reader, near, rows = FrameReader(), NearestConfig().near, list[Compared]()
    captions = list(dict.fromkeys((clip.captions[0], clip.pixels) for clip in trained))
    wanted = [captions[number % len(captions)] for number in range(prompts)]
    for number, (caption, pixels) in enumerate(wanted):
        frames = generate_many([caption], subject.model, pixels=pixels, seeds=[number])[0].frames.numpy()
        rows.append((caption, frames, nearest_match(index, subject.bundle, frames)))
        progress("videos", number + 1, prompts)
    real: list[Compared] = []
    for number, clip in enumerate(held_out[:prompts]):
        frames = reader.frames(clip).numpy()
        real.append((f"held out: {clip.captions[0]}", frames, nearest_match(index, subject.bundle, frames)))
        progress("held-out clips", number + 1, min(len(held_out), prompts))
    groups = {"captions that were learnt": rows, "real clips, held out": real}
    report = CopyingReport(
        subject.name,
        near,
        tuple(summarize(title, group, near) for title, group in groups.items() if group),
        config.dump(subject.model.sampling),
        "clips",
        sum(caption in trained[match.clip - len(index.films)].captions for caption, _, match in rows),
    )
    stills = {"nearest": _pairs(rows, trained, index, reader), "real": _pairs(real, trained, index, reader)}
    return report, ReportPictures({name: still for name, still in stills.items() if still is not None})


def copying_in_words(report: CopyingReport) -> str:
    """What a person should know about the model before using it, in one line."""
    made = report.groups[0]
    copies, held = max(made.near.right, made.copied.right), sum(group.near.of for group in report.groups[1:])
    few = f" (judged by {held} held-out videos, which is few)" if held < FEW else ""
    if not copies:
        return f"of {made.near.of} videos none is nearer to a clip that it learnt than held-out clips are{few}"
    return (
        f"{copies} of {made.near.of} videos are near copies of clips that it learnt{few}; of {report.asked} the nearest"
        " clip is the one whose caption was asked for. It has them by heart, and the gate at the door says so of what"
        " it makes. More footage makes something new; longer training does not"
    )


def _pairs(
    rows: Sequence[Compared], trained: Sequence[FootageClip], index: ClipIndex, reader: FrameReader
) -> Image.Image | None:
    """Videos with the highest scores, each with its nearest clip below it."""
    films: list[np.ndarray] = []
    texts: list[str] = []
    for text, frames, match in sorted(rows, key=lambda row: -row[2].score)[:SHOWN]:
        clip = trained[match.clip - len(index.films)]
        shown = reader.frames(clip).numpy()
        side = "mirrored " if match.mirrored else ""
        films += [frames, shown[:, :, ::-1] if match.mirrored else shown]
        texts += [text, f"nearest: {side}{clip.captions[0]}, score {match.score:.2f}, share {match.share:.3f}"]
    if not films:
        return None
    # In a sheet of two columns, a video's clip belongs in the row below it.
    order = [place for at in range(0, len(films), 4) for place in (at, at + 2, at + 1, at + 3) if place < len(films)]
    return sheet.contact_sheet([films[place] for place in order], [texts[place] for place in order], columns=2)
