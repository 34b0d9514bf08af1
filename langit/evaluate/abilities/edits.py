"""Edit and inpaint: is the requested change visible, and is the rest as it was?

The probe judges both, so its own errors count as changes; the untouched film is judged as a baseline. A change of a
video should keep objects where they are from moment to moment: a video generated from the prompt alone has the same
attributes, but its objects are elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from langit.evaluate.abilities.cases import (
    AbilityCase,
    AttributeChange,
    Frames,
    Progress,
    change_attribute,
    film_frames,
    footage,
    mean_displacement,
    object_region,
    recolour,
)
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import agreement
from langit.evaluate.reconstruction import psnr
from langit.generate import Model, edit, generate, inpaint
from langit.shapes import PixelShape

STRENGTHS = (0.4, 0.6, 0.8)
IN_PLACE = 0.1  # picture sides: an object that moved less, on average, stayed in place


@dataclass(frozen=True, eq=False)
class ChangedVideo:
    """A video after a change: whether the new attribute is visible, and which other attributes are as before.

    away: mean distance of the first object from where it was, in picture sides; None if it is not visible.
    """

    change: AttributeChange
    made: Frames
    there: bool
    others: Mapping[str, bool]
    away: float | None

    @property
    def in_place(self) -> bool:
        return self.away is not None and self.away <= IN_PLACE

    @property
    def done(self) -> bool:
        """Whether the change is visible and everything else that the probe reads is as it was."""
        return self.there and all(self.others.values())


def judge_change(case: AbilityCase, change: AttributeChange, made: Frames, probe: Probe) -> ChangedVideo:
    """Judge a changed video against the truth of the film with the change."""
    answers = agreement(change.change_truth(case.truth), judge(probe, [made])[0])
    others = {name: right for name, right in answers.items() if name != change.attribute}
    away = mean_displacement(probe, film_frames(case.short), made)
    return ChangedVideo(change, made, answers[change.attribute], others, away)


def try_edits(
    cases: Sequence[AbilityCase], model: Model, probe: Probe, progress: Progress
) -> dict[str, list[ChangedVideo]]:
    """Edit each film at each strength; compare with the film itself, and with the new prompt without the film."""

    def variants(film: Frames, prompt: str, pixels: PixelShape, seed: int) -> Iterator[tuple[str, Frames]]:
        yield "untouched", film
        for strength in STRENGTHS:
            edited = edit(footage(film, model), prompt, model, strength=strength, seed=seed)
            yield f"strength {strength:g}", edited.frames
        yield "prompt alone", generate(prompt, model, pixels=pixels, seed=seed).frames

    results: dict[str, list[ChangedVideo]] = {}
    for number, case in enumerate(cases):
        change = change_attribute(case.scene, number)
        for name, made in variants(film_frames(case.short), change.prompt, case.short.pixels, number):
            results.setdefault(name, []).append(judge_change(case, change, made, probe))
        progress("edits", number + 1, len(cases))
    return results


@dataclass(frozen=True, eq=False)
class InpaintedVideo:
    """A video with a regenerated region."""

    film: Frames
    changed: ChangedVideo
    region: Bool[Tensor, "H W"]
    untouched: bool  # every pixel outside the region is as it was
    inside: float  # PSNR against the film inside the region, dB: low where much changed


def try_inpainting(
    cases: Sequence[AbilityCase], model: Model, probe: Probe, progress: Progress
) -> list[InpaintedVideo]:
    """Regenerate the first object's rectangle with another colour of the object."""
    results = []
    for number, case in enumerate(cases):
        film, where = film_frames(case.short), object_region(case.short)
        change = recolour(case.scene, number)
        made = inpaint(footage(film, model), where, change.prompt, model, seed=number).frames
        untouched = torch.equal(made[:, ~where], film[:, ~where])
        rows, columns = where.any(dim=1), where.any(dim=0)
        inside = psnr(film[:, rows][:, :, columns], made[:, rows][:, :, columns])
        results.append(InpaintedVideo(film, judge_change(case, change, made, probe), where, untouched, inside))
        progress("inpainting", number + 1, len(cases))
    return results
