"""Object permanence: an object passes behind another and has to reappear on the other side.

Knows the tracks of both objects, which are told apart by colour, and the requested scene; no pixels and no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langit.evaluate.judges.tracker import Track, likeliest_shape
from langit.worlds.behind.scene import BehindScene

_VISIBLE = 0.8  # share of the frames in which a hider must be seen
_REAPPEARED = 0.5  # of its earlier area, that an object must have when it reappears


@dataclass(frozen=True)
class Hiding:
    """What happened, step by step; ``whole`` is all of it."""

    hider: bool  # the hider is visible almost all the time
    comes: bool  # the object starts visible, on the side that it comes from
    hidden: bool  # then it is invisible for at least one frame
    out: bool  # then it is visible on the other side, until the end
    same: bool  # in the shape that it had before; its colour is the same because it is tracked by colour
    asked: bool  # in the shape that was requested

    @property
    def whole(self) -> bool:
        return self.hider and self.comes and self.hidden and self.out and self.same


def judge_hiding(tracks: Sequence[Track], scene: BehindScene) -> Hiding:
    """Judge a video by the tracks of the scene's two objects, in the scene's order."""
    passing, hiding = tracks
    return judge_tracks(passing, hiding, scene.comes_out, scene.things[0].shape)


def judge_tracks(passing: Track, hiding: Track, comes_out: str, shape: str) -> Hiding:
    """Judge the track of the passing object against that of the one that hides it."""
    visible = [spot for spot in hiding if spot is not None]
    if not visible:
        return Hiding(False, False, False, False, False, likeliest_shape(passing) == shape)
    middle = sorted(spot.x for spot in visible)[len(visible) // 2]
    forward = 1.0 if comes_out == "right" else -1.0
    sides = []  # per frame: -1 on the side it comes from, 1 on the side it leaves to, 0 invisible
    for at, spot in enumerate(passing):
        beside = hiding[at]
        centre = middle if beside is None else beside.x
        sides.append(0 if spot is None else 1 if (spot.x - centre) * forward > 0 else -1)
    early, late = sides[: len(sides) // 4], sides[-(len(sides) // 4) :]
    comes = early.count(-1) > len(early) / 2
    before = max((at for at, side in enumerate(sides) if side == -1), default=-1)
    after = min((at for at, side in enumerate(sides) if side == 1 and at > before), default=len(sides))
    hidden = comes and after - before > 1 and after < len(sides)
    out = late.count(1) > len(late) / 2 and sides[-1] == 1 and 1 not in early
    areas = [[spot.area for spot in passing[part] if spot is not None] for part in _visible_parts(before, after)]
    if out and areas[0] and areas[1]:
        # a sliver of the colour at the edge of the hider is not the object
        out = max(areas[1]) >= _REAPPEARED * max(areas[0])
    shapes = [likeliest_shape(passing[part]) for part in _visible_parts(before, after)]
    return Hiding(
        hider=len(visible) >= _VISIBLE * len(hiding),
        comes=comes,
        hidden=hidden,
        out=out,
        same=shapes[0] is not None and shapes[0] == shapes[1],
        asked=shapes[1] == shape,
    )


def _visible_parts(before: int, after: int) -> tuple[slice, slice]:
    """Return the frames up to the last before hiding, and from the first after it."""
    return slice(0, before + 1), slice(after, None)
