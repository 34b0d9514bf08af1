"""Abilities that make a video another one: edit and inpaint. Is what was asked for there, is the rest as it was?

The probe judges both, so its own errors count as changes; the film that nobody touched is judged beside them. What is
kept for certain is where the first thing is seen from moment to moment: a video that is made of the prompt alone shows
the same attributes, but elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from langit.evaluate.abilities.cases import (
    Case,
    Change,
    Frames,
    Progress,
    change,
    displaced,
    footage,
    frames_in,
    recoloured,
    region,
)
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import agreement
from langit.evaluate.reconstruction import psnr
from langit.generate import Model, edit, generate, inpaint

STRENGTHS = (0.4, 0.6, 0.8)
IN_PLACE = 0.1  # picture sides that a thing may be away from where it was, on average


@dataclass(frozen=True, eq=False)
class Changed:
    """A video after a change: whether the asked attribute is there, and which of the others are still as they were.

    away: how far the first thing is from where it was, in picture sides; None where it is not seen.
    """

    change: Change
    made: Frames
    there: bool
    others: Mapping[str, bool]
    away: float | None

    @property
    def in_place(self) -> bool:
        return self.away is not None and self.away <= IN_PLACE

    @property
    def done(self) -> bool:
        """The change is there and all else that the probe sees is as it was."""
        return self.there and all(self.others.values())


def judged(case: Case, asked: Change, made: Frames, probe: Probe) -> Changed:
    """Judge a changed video against the truth of the film with the change."""
    answers = agreement(asked.wanted(case.truth), judge(probe, [made])[0])
    others = {name: right for name, right in answers.items() if name != asked.attribute}
    return Changed(asked, made, answers[asked.attribute], others, displaced(probe, frames_in(case.short), made))


def try_edits(cases: Sequence[Case], model: Model, probe: Probe, progress: Progress) -> dict[str, list[Changed]]:
    """By turns another ground, sky and colour, at each strength; the film itself, and the new prompt alone."""

    def ways(film: Frames, prompt: str, seed: int) -> Iterator[tuple[str, Frames]]:
        yield "untouched", film
        for strength in STRENGTHS:
            edited = edit(footage(film, model), prompt, model, strength=strength, seed=seed)
            yield f"strength {strength:g}", edited.frames
        yield "prompt alone", generate(prompt, model, seed=seed).frames

    found: dict[str, list[Changed]] = {}
    for number, case in enumerate(cases):
        asked = change(case.scene, number)
        for name, made in ways(frames_in(case.short), asked.prompt, number):
            found.setdefault(name, []).append(judged(case, asked, made, probe))
        progress("edits", number + 1, len(cases))
    return found


@dataclass(frozen=True, eq=False)
class Inpainted:
    """A video of which a region was made anew."""

    film: Frames
    changed: Changed
    region: Bool[Tensor, "H W"]
    untouched: bool  # every pixel outside of the region is as it was
    inside: float  # PSNR against the film, dB: low where much was made anew


def try_inpainting(cases: Sequence[Case], model: Model, probe: Probe, progress: Progress) -> list[Inpainted]:
    """The first thing's rectangle is made anew, in another colour."""
    found = []
    for number, case in enumerate(cases):
        film, where = frames_in(case.short), region(case.short)
        asked = recoloured(case.scene, number)
        made = inpaint(footage(film, model), where, asked.prompt, model, seed=number).frames
        outside = torch.equal(made[:, ~where], film[:, ~where])
        rows, columns = where.any(dim=1), where.any(dim=0)
        inside = psnr(film[:, rows][:, :, columns], made[:, rows][:, :, columns])
        found.append(Inpainted(film, judged(case, asked, made, probe), where, outside, inside))
        progress("inpainting", number + 1, len(cases))
    return found
