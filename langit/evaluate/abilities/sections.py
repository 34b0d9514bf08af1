"""What was found of abilities, as tables that say how to read them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from langit.evaluate.abilities.cases import CHANGED
from langit.evaluate.abilities.changed import IN_PLACE, Changed, Inpainted
from langit.evaluate.abilities.joined import Joined, Motion
from langit.evaluate.abilities.joins import JUMP, SEAM, WITHIN, Step
from langit.evaluate.abilities.minute import LASTING, WINDOW, Drift, Memory
from langit.evaluate.abilities.motion import PAIRS, FlowError
from langit.evaluate.abilities.sizes import SHOWN, Sized
from langit.evaluate.figures.intervals import rate
from langit.evaluate.figures.table import Figure, Section, spread

MOVES = 0.5  # pixels a frame: what goes less far in a film counts as being at rest
WHOSE = ("real", "autoencoder", "made", "frozen", "text only", "backwards")
_MEBI = 2**20


def asked_for(
    joined: Joined, edits: Mapping[str, Sequence[Changed]], inpainted: Sequence[Inpainted], memory: Memory
) -> Section:
    """What abilities have to do, in one table."""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, results in joined.results.items():
        losses = [result.loss for result in results if result.loss is not None]
        rows[f"{name}: given frames come back to the pixel"] = ("all", rate([result.kept for result in results]))
        rows[f"{name}: within {WITHIN:g} dB before they are put back"] = (
            "all",
            rate([loss <= WITHIN for loss in losses]),
        )
    for name, motions in joined.motions.items():
        moving = _by_state(motions, _things)["moving"]
        figures = _flow_row(moving, _things)
        rows[f"{name}: flow of moving things, pixels"] = ("less than the next two", figures[WHOSE.index("made")])
        for whose in ("frozen", "text only"):
            rows[f"{name}: {whose}"] = ("", figures[WHOSE.index(whose)])
    rows[f"loop: seam <= {SEAM:g} medians"] = ("all", _steps_row(joined.seams["loop"], SEAM)[0])
    for name in [name for name in joined.touching if name.startswith("connect")]:
        rows[f"{name}: no jump > {JUMP:g} medians"] = ("all", _steps_row(joined.jumps[name], JUMP)[0])
        rows[f"{name}: none where it was made"] = ("all", _steps_row(joined.touching[name], JUMP)[0])
    for name, changed in edits.items():
        there, kept, *_ = _changed_row(changed)
        rows[f"edit, {name}: changed"], rows[f"edit, {name}: kept"] = ("", there), ("", kept)
    rows["inpaint: outside untouched"] = ("all", rate([one.untouched for one in inpainted]))
    rows["memory: growth"] = ("1", memory.growth)
    return Section("What is asked for", "Each figure is explained below.", ("asked for", "found"), rows)


def given(found: Joined) -> Section:
    """Are frames that are given kept?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, results in found.results.items():
        losses = [result.loss for result in results if result.loss is not None]
        within = rate([loss <= WITHIN for loss in losses])
        rows[name] = (rate([result.kept for result in results]), within, spread(losses, "dB"))
    return Section(
        "Given frames",
        "As they come back: put back to the pixel. Within the walk, before that: how many dB they lose beyond what the"
        f" autoencoder itself loses (below 0: they lose less), and in how many films that is at most {WITHIN:g} dB.",
        ("as given, to the pixel", f"within {WITHIN:g} dB of the autoencoder", "beyond the autoencoder"),
        rows,
    )


def continued(found: Joined) -> Section:
    """Does the motion go on?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, motions in found.motions.items():
        for what, part in (("things", _things), ("ground", _ground)):
            for state, chosen in _by_state(motions, part).items():
                rows[f"{name}: {what} {state}"] = _flow_row(chosen, part)
    return Section(
        "Motion goes on",
        f"Optical flow of the {PAIRS} steps next to what is given: mean end-point error in pixels a frame against the"
        " exact flow of the film. Real: the film's own next frames, so the error of estimating. Frozen: the given frame"
        " repeated, so how far things go. Text only: a video of the same caption that is given no frame. Backwards: the"
        f" film's motion turned round. Moving: {MOVES:g} pixels a frame or more in the film. The last columns: in how"
        " many films the error is less.",
        (*WHOSE, "films", "beats frozen", "beats text only"),
        rows,
    )


Part = Callable[[FlowError], float | None]


def _things(error: FlowError) -> float | None:
    return error.things


def _ground(error: FlowError) -> float | None:
    return error.ground


def _by_state(motions: Sequence[Motion], part: Part) -> dict[str, list[Motion]]:
    """The films of which the part can be seen, by whether it moves."""
    there = [motion for motion in motions if part(motion.errors["frozen"]) is not None]
    fast = [motion for motion in there if (part(motion.errors["frozen"]) or 0.0) >= MOVES]
    return {"moving": fast, "at rest": [motion for motion in there if motion not in fast]}


def _flow_row(motions: Sequence[Motion], part: Part) -> tuple[Figure, ...]:
    errors = {whose: [part(motion.errors[whose]) or 0.0 for motion in motions] for whose in WHOSE}
    means: list[Figure] = [statistics.fmean(values) if values else math.nan for values in errors.values()]
    better = [
        rate([ours < theirs for ours, theirs in zip(errors["made"], errors[whose], strict=True)])
        for whose in ("frozen", "text only")
    ]
    return (*means, str(len(motions)), *better)


def likeness(found: Joined) -> Section:
    """Are the next frames like those of the film?"""
    whose = ("autoencoder", "made", "frozen", "text only")
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, motions in found.motions.items():
        values = {each: [motion.likeness[each] for motion in motions] for each in whose}
        beats = rate([ours > theirs for ours, theirs in zip(values["made"], values["frozen"], strict=True)])
        rows[name] = (*(statistics.median(each) for each in values.values()), beats)
    return Section(
        "The next frames",
        f"PSNR against the film, of the {PAIRS} frames next to what is given; the median of all films, in dB. What"
        " happens next is not certain, so nobody reaches the autoencoder.",
        (*whose, "beats frozen"),
        rows,
    )


def joined(found: Joined) -> Section:
    """Can a cut be seen?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, steps in found.jumps.items():
        near = found.touching.get(name, [])
        rows[name] = (*_steps_row(steps, JUMP), *_steps_row(near, JUMP), rate([step.raised for step in steps]))
    return Section(
        "Jumps",
        "The largest step between neighbouring frames, in medians of the same video's steps: anywhere, and among those"
        f" steps that touch a frame that was made. At most {JUMP:g} is asked for. Films of what falls, jumps or"
        " collides have larger steps than their median, too; they stand in the first row. A median below"
        f" {found.floor:.2f} grey levels counts as that much: the autoencoder puts as much between the frames of a"
        " still.",
        (f"anywhere <= {JUMP:g}", "anywhere", f"where made <= {JUMP:g}", "where made", "median raised"),
        rows,
    )


def seams(found: Joined) -> Section:
    """Does a loop close?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for name, steps in found.seams.items():
        grey = spread([step.distance for step in steps], "grey levels")
        rows[name] = (*_steps_row(steps, SEAM), grey, rate([step.raised for step in steps]))
    return Section(
        "Loops",
        f"From the last frame back to the first, in medians of the same video's steps; at most {SEAM:g} is asked for."
        " Played again: the film without a bridge.",
        (f"seam <= {SEAM:g}", "seam", "in grey levels", "median raised"),
        rows,
    )


def _steps_row(steps: Sequence[Step], limit: float) -> tuple[Figure, ...]:
    return rate([step.within(limit) for step in steps]), spread([step.ratio for step in steps], "x")


def edited(found: Mapping[str, Sequence[Changed]]) -> Section:
    """Is the change there, and the rest kept?"""
    rows: dict[str, tuple[Figure, ...]] = {name: _changed_row(changed) for name, changed in found.items()}
    for name, changed in found.items():
        for attribute in CHANGED:
            part = [one for one in changed if one.change.attribute == attribute]
            if part and name != "untouched":
                rows[f"{name}: {attribute}"] = _changed_row(part)
    return Section(
        "Edits",
        "A held-out film is made again with one attribute changed in its caption: ground, sky and colour by turns. In"
        f" place: the first thing is on average at most {IN_PLACE:g} of the picture's side from where the film has it,"
        " seen by the probe.",
        ("asked attribute", "other attributes kept", "all of it", "in place", "away"),
        rows,
    )


def _changed_row(changed: Sequence[Changed]) -> tuple[Figure, ...]:
    return (
        rate([one.there for one in changed]),
        rate([right for one in changed for right in one.others.values()]),
        rate([one.done for one in changed]),
        rate([one.in_place for one in changed]),
        spread([one.away for one in changed if one.away is not None], "sides"),
    )


def inpainted(found: Sequence[Inpainted]) -> Section:
    """Is the region made anew, and nothing else?"""
    row: tuple[Figure, ...] = (
        rate([one.untouched for one in found]),
        *_changed_row([one.changed for one in found]),
        spread([float(one.region.float().mean()) for one in found]),
        spread([one.inside for one in found], "dB", worst_is_least=True),
    )
    return Section(
        "Inpainting",
        "The rectangle in which the first thing stays is made anew, with another colour of it in the caption.",
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


def sized(found: Sequence[Sized], title: str) -> Section:
    """Do sizes and durations matter?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for one in found:
        kind = "" if one.trained else ", never trained on"
        columns = (*SHOWN, "everything")
        rows[f"{one.pixels}{kind}"] = tuple(one.made[name] for name in columns)
        rows[f"{one.pixels}, real films"] = tuple(one.real[name] for name in columns)
    return Section(
        title,
        "How often the probe sees what the caption of a held-out film says. Real films of the same size are the"
        " ceiling: the probe itself knows 64x64, 80x48 and 48x80 of 17 frames only, others are shown to it at as many"
        " frames, evenly spread.",
        (*SHOWN, "everything"),
        rows,
    )


def lasting(drifts: Sequence[Drift]) -> Section:
    """What becomes of a long video?"""
    rows: dict[str, tuple[Figure, ...]] = {}
    for number in range(min(len(one.shares) for one in drifts)):
        seen = [[one.right[name][number] for one in drifts if name in one.right] for name in LASTING[:4]]
        values = [[getattr(one, name)[number] for one in drifts] for name in ("sharpness", "movement", "change")]
        means = [statistics.fmean(each) for each in values]
        rows[f"{number * WINDOW:g} to {(number + 1) * WINDOW:g} s"] = (*map(rate, seen), *means)
    return Section(
        f"One minute: {len(drifts)} videos",
        "In each window the share of videos of which the probe sees what the caption says; then sharpness (steps"
        " between neighbouring pixels, as a multiple of the first window's), movement (the median step between frames,"
        " grey levels) and change (of the window's mean picture from the first window's, grey levels): means of all"
        " videos.",
        (*LASTING[:4], "sharpness", "movement", "change"),
        rows,
    )


def remembered(found: Memory) -> Section:
    """How much memory does a long video take?"""
    rows: dict[str, tuple[Figure, ...]] = {
        f"{seconds:g} s": (
            spread([each / _MEBI for each in peaks], "MiB"),
            ", ".join(f"{p / _MEBI:.0f}" for p in peaks),
        )
        for seconds, peaks in found.peaks.items()
    }
    rows["growth"] = (found.growth, "")
    return Section(
        "Memory",
        "Peak memory (VmHWM) of fresh processes that make a video and keep none of its frames, the durations by turns."
        " Growth: the longest's median as a multiple of the shortest's.",
        ("peak", "each run, MiB"),
        rows,
    )
