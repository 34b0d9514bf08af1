"""What abilities are tried on: held-out films with their truth, what is asked of each, and how a walk is watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from langit.evaluate.judges.probe import Probe, to_video
from langit.evaluate.judges.truth import Truth, truth_of
from langit.generate import Footage, Model
from langit.generate.request import frames_of
from langit.generate.sampler import Step
from langit.patches import Pack, channels_last, unpack
from langit.shapes import PixelShape
from langit.worlds.caption import canonical
from langit.worlds.scene import COLOURS, GROUNDS, SKIES, Scene, sample_scene

if TYPE_CHECKING:
    from langit.worlds.film import Film  # its module starts OpenGL

FIRST_SEED = 970_009  # of the films that abilities are tried on
_MARGIN = 3  # pixels around a thing that are made anew with it
_KEPT = 2  # pixels at the picture's edge that no region covers
_SEEN = 0.3  # cells that a thing has to fill to be somewhere

Frames = UInt8[Tensor, "T H W 3"]
Progress = Callable[[str, int, int], None]
Drawer = Callable[[Scene, PixelShape, bool], "Film"]
"""A scene to its film, with depth or without."""


@dataclass(frozen=True, eq=False)
class Case:
    """A held-out scene, filmed twice: as long as the probe looks, and as long as two such films that share a frame."""

    scene: Scene
    short: Film
    long: Film

    @property
    def caption(self) -> str:
        return canonical(self.scene)

    @property
    def truth(self) -> Truth:
        return truth_of(self.scene)


def frames_in(film: Film) -> Frames:
    return torch.from_numpy(film.frames)


def drawer() -> Drawer:
    """What films a scene.

    Raises:
        ValueError: MuJoCo is not installed.
        OSError: it has no OpenGL to draw with.
    """
    if find_spec("mujoco") is None:
        raise ValueError("abilities are tried on real films, and mujoco is not here: pip install -e '.[worlds]'")
    from langit.worlds.film import render  # only here: reading a report needs no OpenGL

    return render


def cases(count: int, draw: Drawer, pixels: PixelShape, progress: Progress) -> list[Case]:
    """Films of the first held-out seeds from FIRST_SEED on; ``pixels.frames`` is that of the shorter."""
    found = []
    for number in range(count):
        scene = sample_scene(FIRST_SEED + 10 * number)
        long = draw(scene, replace(pixels, frames=2 * pixels.frames - 1), True)
        found.append(Case(scene, draw(scene, pixels, True), long))
        progress("films", len(found), count)
    return found


@dataclass(frozen=True)
class Change:
    """One attribute that is to be another, and how the changed scene is told."""

    attribute: str
    name: str
    prompt: str

    def wanted(self, truth: Truth) -> Truth:
        """What is true afterwards."""
        return Truth({**truth.named, self.attribute: self.name})


CHANGED = ("ground", "sky", "colour")


def change(scene: Scene, number: int) -> Change:
    """By turns another ground, another sky and another colour of the first thing."""
    attribute = CHANGED[number % len(CHANGED)]
    turn = number // len(CHANGED)
    if attribute == "colour":
        return recoloured(scene, turn)
    options = {"ground": GROUNDS, "sky": SKIES}[attribute]
    name = _other(options, [getattr(scene, attribute)], turn)
    changed = replace(scene, ground=name) if attribute == "ground" else replace(scene, sky=name)
    return Change(attribute, name, canonical(changed))


def recoloured(scene: Scene, turn: int) -> Change:
    """Another colour of the thing that the truth calls the first."""
    first = truth_of(scene).named["colour"]
    index = [thing.colour for thing in scene.things].index(first)
    name = _other(COLOURS, [thing.colour for thing in scene.things], turn)
    things = tuple(replace(thing, colour=name) if at == index else thing for at, thing in enumerate(scene.things))
    return Change("colour", name, canonical(replace(scene, things=things)))


def _other(options: Sequence[str], taken: Sequence[str], turn: int) -> str:
    free = [option for option in options if option not in taken]
    return free[turn % len(free)]


def region(film: Film) -> Bool[Tensor, "H W"]:
    """The rectangle that the first thing (by the truth's order) stays in, with a margin; never all of the picture."""
    colours = [thing.colour for thing in film.scene.things]
    number = 1 + colours.index(truth_of(film.scene).named["colour"])
    there = torch.from_numpy(film.masks == number).any(dim=0)
    height, width = there.shape
    assert there.any(), f"film {film.scene.seed} never shows its first thing"
    rows, columns = there.any(dim=1).nonzero().flatten(), there.any(dim=0).nonzero().flatten()
    found = torch.zeros_like(there)
    top, bottom = (int(rows.min()) - _MARGIN, int(rows.max()) + 1 + _MARGIN)
    left, right = (int(columns.min()) - _MARGIN, int(columns.max()) + 1 + _MARGIN)
    found[max(top, _KEPT) : min(bottom, height - _KEPT), max(left, _KEPT) : min(right, width - _KEPT)] = True
    return found


def footage(frames: Frames, model: Model) -> Footage:
    return Footage(frames, model.fps)


class Watch:
    """Sees a walk's end, so that what was given can be looked at as the model left it, before it is put back."""

    def __init__(self) -> None:
        self.pack: Pack | None = None

    def __call__(self, step: Step) -> None:
        if step.number == step.of:
            self.pack = step.pack

    def frames(self, model: Model) -> Frames:
        """All frames of the last walk, decoded."""
        assert self.pack is not None, "nothing was walked"
        tokens = channels_last(self.pack.tokens, model.transformer.config.patch_size)
        return frames_of(unpack(self.pack, tokens)[0], model)


def seen_in(frames: Frames, count: int) -> Frames:
    """As many frames as the probe looks at, spread from the first to the last; some twice where there are few."""
    return frames[torch.linspace(0, len(frames) - 1, count).round().long()]


@torch.no_grad()
def places(probe: Probe, frames: Frames) -> list[tuple[float, float] | None]:
    """Where the probe sees the first thing in each moment: picture widths from the left and heights from the top."""
    where = probe(to_video(frames[None])).where[0].softmax(dim=1)[:, 1]  # (G, h, w)
    height, width = where.shape[1:]
    across, down = (torch.arange(size) + 0.5 for size in (width, height))
    found: list[tuple[float, float] | None] = []
    for share in where:
        total = share.sum()
        middle = (
            float((share.sum(dim=0) * across).sum() / total / width),
            float((share.sum(dim=1) * down).sum() / total / height),
        )
        found.append(middle if float(total) >= _SEEN else None)
    return found


def displaced(probe: Probe, one: Frames, other: Frames) -> float | None:
    """How far the first thing of two videos is apart on average, in picture sides; None if never seen in both."""
    pairs = zip(places(probe, one), places(probe, other), strict=True)
    apart = [((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in pairs if a is not None and b is not None]
    return sum(apart) / len(apart) if apart else None
