"""The test material for abilities: held-out films with their truth, changes to ask for, and where objects are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from langit.device import placement_of
from langit.evaluate.films import check_renderer
from langit.evaluate.judges.probe import Probe, to_video
from langit.evaluate.judges.truth import Truth, truth_of
from langit.generate import Footage, Model
from langit.generate.request import decode_frames
from langit.generate.sampler import SamplingStep
from langit.patches import Pack, channels_last, unpack
from langit.shapes import PixelShape
from langit.worlds.caption import canonical
from langit.worlds.scene import COLOURS, GROUNDS, SKIES, Scene, sample_scene

if TYPE_CHECKING:
    from langit.worlds.film import Film  # its module starts OpenGL

FIRST_SEED = 970_009  # of the test films; seeds that end in 9 are held out of training
_MARGIN = 3  # pixels around an object that are regenerated with it
_KEPT = 2  # pixels at the picture's edge that no region covers, so that something is always kept
_SEEN = 0.3  # cells that an object has to fill to count as visible

Frames = UInt8[Tensor, "T H W 3"]
Progress = Callable[[str, int, int], None]
FilmRenderer = Callable[[Scene, PixelShape, bool], "Film"]
"""Renders the film of a scene, with depth if the flag is set."""


@dataclass(frozen=True, eq=False)
class AbilityCase:
    """A held-out scene with two films: one as long as the probe's input, and one of two such lengths less a frame."""

    scene: Scene
    short: Film
    long: Film

    @property
    def caption(self) -> str:
        return canonical(self.scene)

    @property
    def truth(self) -> Truth:
        return truth_of(self.scene)


def film_frames(film: Film) -> Frames:
    """Return a film's frames as a tensor."""
    return torch.from_numpy(film.frames)


def film_renderer() -> FilmRenderer:
    """Return the function that renders scenes with depth.

    Raises:
        ValueError: MuJoCo is not installed.
        OSError: it has no OpenGL to render with.
    """
    check_renderer()
    from langit.worlds.film import render  # here, because the module starts OpenGL

    return render


def cases(count: int, draw: FilmRenderer, pixels: PixelShape, progress: Progress) -> list[AbilityCase]:
    """Render the first held-out scenes from FIRST_SEED on; ``pixels.frames`` is the length of the shorter film."""
    rendered = []
    for number in range(count):
        scene = sample_scene(FIRST_SEED + 10 * number)
        long = draw(scene, replace(pixels, frames=2 * pixels.frames - 1), True)
        rendered.append(AbilityCase(scene, draw(scene, pixels, True), long))
        progress("films", len(rendered), count)
    return rendered


@dataclass(frozen=True)
class AttributeChange:
    """A new value for one attribute, and the prompt that describes the changed scene."""

    attribute: str
    name: str
    prompt: str

    def change_truth(self, truth: Truth) -> Truth:
        """Return the truth after the change."""
        return Truth({**truth.named, self.attribute: self.name})


CHANGED = ("ground", "sky", "colour")


def change_attribute(scene: Scene, number: int) -> AttributeChange:
    """Change the ground, the sky or the first object's colour, in turn."""
    attribute = CHANGED[number % len(CHANGED)]
    turn = number // len(CHANGED)
    if attribute == "colour":
        return recolour(scene, turn)
    options = {"ground": GROUNDS, "sky": SKIES}[attribute]
    name = _other(options, [getattr(scene, attribute)], turn)
    changed = replace(scene, ground=name) if attribute == "ground" else replace(scene, sky=name)
    return AttributeChange(attribute, name, canonical(changed))


def recolour(scene: Scene, turn: int) -> AttributeChange:
    """Change the colour of the first object, as the truth orders them."""
    first = truth_of(scene).named["colour"]
    index = [thing.colour for thing in scene.things].index(first)
    name = _other(COLOURS, [thing.colour for thing in scene.things], turn)
    things = tuple(replace(thing, colour=name) if at == index else thing for at, thing in enumerate(scene.things))
    return AttributeChange("colour", name, canonical(replace(scene, things=things)))


def _other(options: Sequence[str], taken: Sequence[str], turn: int) -> str:
    free = [option for option in options if option not in taken]
    return free[turn % len(free)]


def object_region(film: Film) -> Bool[Tensor, "H W"]:
    """Return a rectangle around all positions of the first object, with a margin; never the whole picture."""
    colours = [thing.colour for thing in film.scene.things]
    number = 1 + colours.index(truth_of(film.scene).named["colour"])
    covered = torch.from_numpy(film.masks == number).any(dim=0)
    height, width = covered.shape
    assert covered.any(), f"film {film.scene.seed} never shows its first object"
    rows, columns = covered.any(dim=1).nonzero().flatten(), covered.any(dim=0).nonzero().flatten()
    rectangle = torch.zeros_like(covered)
    top, bottom = (int(rows.min()) - _MARGIN, int(rows.max()) + 1 + _MARGIN)
    left, right = (int(columns.min()) - _MARGIN, int(columns.max()) + 1 + _MARGIN)
    rectangle[max(top, _KEPT) : min(bottom, height - _KEPT), max(left, _KEPT) : min(right, width - _KEPT)] = True
    return rectangle


def footage(frames: Frames, model: Model) -> Footage:
    """Wrap frames as footage at the model's frame rate."""
    return Footage(frames, model.fps)


class LastStep:
    """A callback that keeps the last sampling step's tokens.

    Abilities put given frames back pixel by pixel; these tokens show what the model itself made of them.
    """

    def __init__(self) -> None:
        self.pack: Pack | None = None

    def __call__(self, step: SamplingStep) -> None:
        if step.number == step.total:
            self.pack = step.pack

    def frames(self, model: Model) -> Frames:
        """Decode all frames of the last window that was sampled."""
        assert self.pack is not None, "nothing was sampled"
        tokens = channels_last(self.pack.tokens, model.transformer.patch_size)
        return decode_frames(unpack(self.pack, tokens)[0], model)


def spread_frames(frames: Frames, count: int) -> Frames:
    """Select ``count`` evenly spread frames, the probe's input length; short videos repeat frames."""
    return frames[torch.linspace(0, len(frames) - 1, count).round().long()]


@torch.no_grad()
def object_centres(probe: Probe, frames: Frames) -> list[tuple[float, float] | None]:
    """Return where the probe sees the first object in each moment, as (x, y) in picture widths and heights."""
    placement = placement_of(probe)
    video = placement.put(to_video(frames[None].to(placement.device)))
    where = probe(video).where[0].float().cpu().softmax(dim=1)[:, 1]  # (G, h, w)
    height, width = where.shape[1:]
    across, down = (torch.arange(size) + 0.5 for size in (width, height))
    centres: list[tuple[float, float] | None] = []
    for share in where:
        total = share.sum()
        middle = (
            float((share.sum(dim=0) * across).sum() / total / width),
            float((share.sum(dim=1) * down).sum() / total / height),
        )
        centres.append(middle if float(total) >= _SEEN else None)
    return centres


def mean_displacement(probe: Probe, one: Frames, other: Frames) -> float | None:
    """Return the mean distance of the first object between two videos, in picture sides; None if never in both."""
    pairs = zip(object_centres(probe, one), object_centres(probe, other), strict=True)
    apart = [((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in pairs if a is not None and b is not None]
    return sum(apart) / len(apart) if apart else None
