"""The results for abilities as tables, each with an explanation of how to read it.

Row and column names are keys of abilities.json.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from langit.evaluate.abilities.cases import CHANGED
from langit.evaluate.abilities.continuations import ContinuationResults, MotionComparison
from langit.evaluate.abilities.edits import IN_PLACE, ChangedVideo, InpaintedVideo
from langit.evaluate.abilities.minute import LASTING, WINDOW, Drift, PeakMemory
from langit.evaluate.abilities.motion import PAIRS, FlowError
from langit.evaluate.abilities.seams import JUMP, SEAM, WITHIN, FrameStep
from langit.evaluate.abilities.sizes import SHOWN, SizeResult
from langit.evaluate.figures.intervals import rate
from langit.evaluate.figures.table import Figure, ReportTable, spread

MOVES = 0.5  # pixels per frame: what moves less in a film counts as at rest
SOURCES = ("real", "autoencoder", "made", "frozen", "text only", "backwards")
_MEBI = 2**20


def targets(
    results: ContinuationResults,
    edits: Mapping[str, Sequence[ChangedVideo]],
    inpainted: Sequence[InpaintedVideo],
    memory: PeakMemory,
) -> ReportTable:
    """Compare the main figures with their targets."""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, trials in results.results.items():
        losses = [trial.loss for trial in trials if trial.loss is not None]
        rows[f"{name}: given frames come back to the pixel"] = ("all", rate([trial.kept for trial in trials]))
        rows[f"{name}: within {WITHIN:g} dB before they are put back"] = (
            "all",
            rate([loss <= WITHIN for loss in losses]),
        )
    for name, motions in results.motions.items():
        moving = _by_state(motions, _things)["moving"]
        figures = _flow_row(moving, _things)
        rows[f"{name}: flow of moving things, pixels"] = ("less than the next two", figures[SOURCES.index("made")])
        for source in ("frozen", "text only"):
            rows[f"{name}: {source}"] = ("", figures[SOURCES.index(source)])
    rows[f"loop: seam <= {SEAM:g} medians"] = ("all", _steps_row(results.seams["loop"], SEAM)[0])
    for name in [name for name in results.touching if name.startswith("connect")]:
        rows[f"{name}: no jump > {JUMP:g} medians"] = ("all", _steps_row(results.jumps[name], JUMP)[0])
        rows[f"{name}: none where it was made"] = ("all", _steps_row(results.touching[name], JUMP)[0])
    for name, changed in edits.items():
        visible, kept, *_ = _changed_row(changed)
        rows[f"edit, {name}: changed"], rows[f"edit, {name}: kept"] = ("", visible), ("", kept)
    rows["inpaint: outside untouched"] = ("all", rate([one.untouched for one in inpainted]))
    rows["memory: growth"] = ("1", memory.growth)
    return ReportTable("What is asked for", "Each figure is explained below.", ("asked for", "found"), rows)


def given_frames(results: ContinuationResults) -> ReportTable:
    """Are given frames preserved?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, trials in results.results.items():
        losses = [trial.loss for trial in trials if trial.loss is not None]
        within = rate([loss <= WITHIN for loss in losses])
        rows[name] = (rate([trial.kept for trial in trials]), within, spread(losses, "dB"))
    return ReportTable(
        "Given frames",
        "First column: given frames are identical in the result, where abilities put them back. Others: before that,"
        " how many dB sampling loses beyond the autoencoder itself (negative: it loses less), and in how many films"
        f" that is at most {WITHIN:g} dB.",
        ("as given, to the pixel", f"within {WITHIN:g} dB of the autoencoder", "beyond the autoencoder"),
        rows,
    )


def motion_continuation(results: ContinuationResults) -> ReportTable:
    """Does the motion continue?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, motions in results.motions.items():
        for what, part in (("things", _things), ("ground", _ground)):
            for state, chosen in _by_state(motions, part).items():
                rows[f"{name}: {what} {state}"] = _flow_row(chosen, part)
    return ReportTable(
        "Motion goes on",
        f"Optical flow of the {PAIRS} steps next to the given frames: mean end-point error in pixels per frame against"
        " the exact flow of the film. Real: the film's own next frames, so the error of the estimate. Frozen: the"
        " given frame repeated, so how far objects move. Text only: a video of the same caption without given frames."
        f" Backwards: the film's motion reversed. Moving: at least {MOVES:g} pixels per frame in the film. Last"
        " columns: in how many films the error is smaller.",
        (*SOURCES, "films", "beats frozen", "beats text only"),
        rows,
    )


Part = Callable[[FlowError], float | None]


def _things(error: FlowError) -> float | None:
    return error.things


def _ground(error: FlowError) -> float | None:
    return error.ground


def _by_state(motions: Sequence[MotionComparison], part: Part) -> dict[str, list[MotionComparison]]:
    """Split the films in which a part is visible by whether it moves."""
    visible = [motion for motion in motions if part(motion.errors["frozen"]) is not None]
    moving = [motion for motion in visible if (part(motion.errors["frozen"]) or 0.0) >= MOVES]
    return {"moving": moving, "at rest": [motion for motion in visible if motion not in moving]}


def _flow_row(motions: Sequence[MotionComparison], part: Part) -> tuple[Figure, ...]:
    errors = {source: [part(motion.errors[source]) or 0.0 for motion in motions] for source in SOURCES}
    means: list[Figure] = [statistics.fmean(values) if values else math.nan for values in errors.values()]
    better = [
        rate([ours < theirs for ours, theirs in zip(errors["made"], errors[source], strict=True)])
        for source in ("frozen", "text only")
    ]
    return (*means, str(len(motions)), *better)


def next_frames(results: ContinuationResults) -> ReportTable:
    """Do the next frames resemble those of the film?"""
    sources = ("autoencoder", "made", "frozen", "text only")
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, motions in results.motions.items():
        values = {source: [motion.likeness[source] for motion in motions] for source in sources}
        beats = rate([ours > theirs for ours, theirs in zip(values["made"], values["frozen"], strict=True)])
        rows[name] = (*(statistics.median(each) for each in values.values()), beats)
    return ReportTable(
        "The next frames",
        f"PSNR against the film of the {PAIRS} frames next to the given ones; median over all films, in dB. The future"
        " is not certain, so no prediction can reach the autoencoder.",
        (*sources, "beats frozen"),
        rows,
    )


def jumps(results: ContinuationResults) -> ReportTable:
    """Is a cut visible?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, steps in results.jumps.items():
        touching = results.touching.get(name, [])
        rows[name] = (*_steps_row(steps, JUMP), *_steps_row(touching, JUMP), rate([step.raised for step in steps]))
    return ReportTable(
        "Jumps",
        "The largest step between neighbouring frames, in medians of the same video's steps: anywhere, and among the"
        f" steps from or to a generated frame. The target is at most {JUMP:g}. Films of falls, jumps and collisions"
        " have larger steps than that, too; the first row shows them. A median below"
        f" {results.floor:.2f} grey levels is replaced by that value, which the autoencoder puts between the frames of"
        " a still film.",
        (f"anywhere <= {JUMP:g}", "anywhere", f"where made <= {JUMP:g}", "where made", "median raised"),
        rows,
    )


def loops(results: ContinuationResults) -> ReportTable:
    """Does a loop close?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, steps in results.seams.items():
        grey = spread([step.distance for step in steps], "grey levels")
        rows[name] = (*_steps_row(steps, SEAM), grey, rate([step.raised for step in steps]))
    return ReportTable(
        "Loops",
        "The step from the last frame to the first, in medians of the same video's steps; the target is at most"
        f" {SEAM:g}. Played again: the film without a transition.",
        (f"seam <= {SEAM:g}", "seam", "in grey levels", "median raised"),
        rows,
    )


def _steps_row(steps: Sequence[FrameStep], limit: float) -> tuple[Figure, ...]:
    return rate([step.within(limit) for step in steps]), spread([step.ratio for step in steps], "x")


def edits(results: Mapping[str, Sequence[ChangedVideo]]) -> ReportTable:
    """Is the change visible, and the rest preserved?"""
    rows: dict[str, tuple[Figure, ...]] = {name: _changed_row(changed) for name, changed in results.items()}
    for name, changed in results.items():
        for attribute in CHANGED:
            part = [one for one in changed if one.change.attribute == attribute]
            if part and name != "untouched":
                rows[f"{name}: {attribute}"] = _changed_row(part)
    return ReportTable(
        "Edits",
        "A held-out film is edited with one attribute changed in its caption: ground, sky and colour in turn. In place:"
        f" the probe sees the first object on average at most {IN_PLACE:g} picture sides from where the film has it.",
        ("asked attribute", "other attributes kept", "all of it", "in place", "away"),
        rows,
    )


def _changed_row(changed: Sequence[ChangedVideo]) -> tuple[Figure, ...]:
    return (
        rate([one.there for one in changed]),
        rate([right for one in changed for right in one.others.values()]),
        rate([one.done for one in changed]),
        rate([one.in_place for one in changed]),
        spread([one.away for one in changed if one.away is not None], "sides"),
    )


def inpainting(results: Sequence[InpaintedVideo]) -> ReportTable:
    """Is the region regenerated, and nothing else?"""
    row: tuple[Figure, ...] = (
        rate([one.untouched for one in results]),
        *_changed_row([one.changed for one in results]),
        spread([float(one.region.float().mean()) for one in results]),
        spread([one.inside for one in results], "dB", worst_is_least=True),
    )
    return ReportTable(
        "Inpainting",
        "The rectangle that contains the first object is regenerated, with another colour in the caption.",
        (
            "outside untouched",
            "asked colour",
            "other attributes kept",
            "all of it",
            "in place",
            "away",
            "share of the picture",
            "PSNR inside",
        ),
        {"inpaint": row},
    )


def size_table(results: Sequence[SizeResult], title: str) -> ReportTable:
    """Do size and duration matter?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for one in results:
        kind = "" if one.trained else ", never trained on"
        columns = (*SHOWN, "everything")
        rows[f"{one.pixels}{kind}"] = tuple(one.made[name] for name in columns)
        rows[f"{one.pixels}, real films"] = tuple(one.real[name] for name in columns)
    return ReportTable(
        title,
        "How often the probe sees what the caption of a held-out film says. Real films of the same size are the"
        " ceiling: the probes were trained on few sizes, one on 17 frames, one on 33, and read pictures averaged down"
        " to the area of 64x64. Of other durations the first gets 17 evenly spread frames.",
        (*SHOWN, "everything"),
        rows,
    )


def long_videos(drifts: Sequence[Drift]) -> ReportTable:
    """How does a long video change over time?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for number in range(min(len(one.shares) for one in drifts)):
        answers = [[one.right[name][number] for one in drifts if name in one.right] for name in LASTING[:4]]
        values = [[getattr(one, name)[number] for one in drifts] for name in ("sharpness", "movement", "change")]
        means = [statistics.fmean(each) for each in values]
        rows[f"{number * WINDOW:g} to {(number + 1) * WINDOW:g} s"] = (*map(rate, answers), *means)
    return ReportTable(
        f"One minute: {len(drifts)} videos",
        "For each window, the share of videos in which the probe sees what the caption says; then means over all"
        " videos: sharpness (differences of neighbouring pixels, as a multiple of the first window's), movement (median"
        " distance between frames, grey levels) and change (distance of the window's mean picture from the first"
        " window's, grey levels).",
        (*LASTING[:4], "sharpness", "movement", "change"),
        rows,
    )


def memory(peaks: PeakMemory) -> ReportTable:
    """How much memory does a long video need?"""
    rows: dict[str, tuple[Figure, ...]] = {
        f"{seconds:g} s": (
            spread([size / _MEBI for size in sizes], "MiB"),
            ", ".join(f"{size / _MEBI:.0f}" for size in sizes),
        )
        for seconds, sizes in peaks.peaks.items()
    }
    rows["growth"] = (peaks.growth, "")
    return ReportTable(
        "Memory",
        "Peak memory (VmHWM) of fresh processes that generate a video and keep none of its frames; durations alternate."
        " Growth: the median of the longest duration as a multiple of that of the shortest.",
        ("peak", "each run, MiB"),
        rows,
    )
