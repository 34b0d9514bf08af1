"""Is what is hidden still there? A thing goes behind another one and has to come out again, on the other side.

It knows tracks of both things, told apart by their colours, and the scene that was asked for; no pixels, no models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langit.evaluate.judges.tracker import Track, shape_of
from langit.worlds.behind.scene import BehindScene

_THERE = 0.8  # of the frames, in which a hider that stands there is seen
_AGAIN = 0.5  # of its area before, with which a thing that is out again is seen


@dataclass(frozen=True)
class Hiding:
    """What came of it, step by step; ``whole`` is all of it."""

    hider: bool  # the hider stands there all the time
    comes: bool  # the thing is seen at first, on the side that it comes from
    hidden: bool  # then it is not to be seen, for a frame or more
    out: bool  # then it is seen again on the other side, to the end
    same: bool  # in the shape that it had before; the colour is what it is tracked by
    asked: bool  # which is the shape that was asked for

    @property
    def whole(self) -> bool:
        return self.hider and self.comes and self.hidden and self.out and self.same


def hiding_of(tracks: Sequence[Track], scene: BehindScene) -> Hiding:
    """Judge a video of a scene of the hiding world by the tracks of its two things."""
    passing, hiding = tracks
    return judged(passing, hiding, scene.comes_out, scene.things[0].shape)


def judged(passing: Track, hiding: Track, comes_out: str, shape: str) -> Hiding:
    """Judge two tracks: of the thing that passes, and of the one that hides it."""
    there = [spot for spot in hiding if spot is not None]
    if not there:
        return Hiding(False, False, False, False, False, shape_of(passing) == shape)
    middle = sorted(spot.x for spot in there)[len(there) // 2]
    way = 1.0 if comes_out == "right" else -1.0
    sides = []  # -1: where it comes from, 1: where it comes out, 0: not seen
    for at, spot in enumerate(passing):
        beside = hiding[at]
        centre = middle if beside is None else beside.x
        sides.append(0 if spot is None else 1 if (spot.x - centre) * way > 0 else -1)
    early, late = sides[: len(sides) // 4], sides[-(len(sides) // 4) :]
    comes = early.count(-1) > len(early) / 2
    before = max((at for at, side in enumerate(sides) if side == -1), default=-1)
    after = min((at for at, side in enumerate(sides) if side == 1 and at > before), default=len(sides))
    hidden = comes and after - before > 1 and after < len(sides)
    out = late.count(1) > len(late) / 2 and sides[-1] == 1 and 1 not in early
    areas = [[spot.area for spot in passing[part] if spot is not None] for part in _halves(before, after)]
    if out and areas[0] and areas[1]:
        out = max(areas[1]) >= _AGAIN * max(areas[0])
    shapes = [shape_of(passing[part]) for part in _halves(before, after)]
    return Hiding(
        hider=len(there) >= _THERE * len(hiding),
        comes=comes,
        hidden=hidden,
        out=out,
        same=shapes[0] is not None and shapes[0] == shapes[1],
        asked=shapes[1] == shape,
    )


def _halves(before: int, after: int) -> tuple[slice, slice]:
    """The frames up to the last sight of a thing on its way in, and from the first on its way out."""
    return slice(0, before + 1), slice(after, None)
