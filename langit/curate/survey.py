"""One pass over a file, decoded once: where its shots are, and of each stretch what is needed to judge it.

Every frame gives a strided sample of its luma (every pixel of small pictures, every 8th by every 8th of wide ones), by
which cuts are found and the stretch is hashed. Of every stretch the fifth frame is looked at whole, another a second
later, then one every two seconds: sharpness, black bars, lettering, motion since four frames before, the PDQ
fingerprint, and a small colour picture for what comes later (faces, captions, people). Memory is constant but for
those small pictures. Knows nothing of limits or rights: it measures.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from cv2 import COLOR_RGB2BGR, IMWRITE_JPEG_QUALITY, INTER_AREA, cvtColor, imencode, resize

from langit import video
from langit.curate.measures import BlackBars, MotionSpeeds, bars, motion, reduced, sharpness
from langit.curate.overlay import lettering, strokes
from langit.curate.shots import CutFinder, CutSettings, sampled
from langit.fingerprint import Fingerprint, fingerprint

BACK: Final = 4  # frames over which motion is measured
RIM: Final = 0.1  # share of each side that the inner fingerprint leaves out
JPEG_QUALITY: Final = 88


@dataclass(frozen=True)
class SurveySettings:
    """How a file is looked at. ``seconds`` between the first two looks, half as many as between later ones.

    ``longest``: seconds of a stretch, above which a shot is divided.
    ``picture`` is the longer side, in pixels, of the pictures that are kept; 0 keeps none.
    """

    cuts: CutSettings = field(default_factory=CutSettings)
    seconds: float = 1.0
    longest: float = 20.0
    picture: int = 640

    def __post_init__(self) -> None:
        for name in ("seconds", "longest"):
            if not getattr(self, name) > 0:
                raise ValueError(f"survey.{name} is {getattr(self, name)}: give a number of seconds above 0")
        if self.picture < 0:
            raise ValueError(f"survey.picture is {self.picture}: give a size in pixels, or 0 for no pictures")


@dataclass(frozen=True)
class FrameSample:
    """One frame that was looked at whole; ``text`` is the share of the picture under lettering that stands still."""

    frame: int
    sharpness: float
    bars: BlackBars
    text: float | None
    motion: MotionSpeeds | None
    fingerprint: Fingerprint
    inner: Fingerprint  # of the picture without its rim
    picture: bytes  # JPEG, upright


@dataclass(frozen=True)
class Segment:
    """Frames of one shot that belong together; times in seconds where the file has them, else by the frame rate."""

    start: int
    frames: int
    starts_at: float
    ends_at: float
    content_sha256: str  # over the strided luma of its frames, with their shape
    looks: tuple[FrameSample, ...]
    cut_before: bool  # False for the first, and where a long shot was divided


class FilmSurvey:
    """The signals of a film under way: fed every picture in order, gives each stretch when it is over."""

    def __init__(self, settings: SurveySettings, fps: float) -> None:
        self.settings = settings
        self.finder = CutFinder(settings.cuts)
        self.fps = fps
        self.every = max(1, round(settings.seconds * fps))
        self.longest = max(1, round(settings.longest * fps))
        self._recent: deque[np.ndarray] = deque(maxlen=BACK)
        self._strokes: np.ndarray | None = None
        self._open(0, 0.0, False)

    def _open(self, start: int, seconds: float, cut: bool) -> None:
        self._start, self._seconds, self._cut = start, seconds, cut
        self._hash = hashlib.sha256()
        self._looks: list[FrameSample] = []
        self._recent.clear()
        self._strokes = None

    def step(self, picture: video.Picture) -> Segment | None:
        """Look at the next picture; the stretch that ended before it, if one did."""
        luma = picture.luma()
        small = sampled(luma)
        number, cuts = self.finder.frames, len(self.finder.cuts)
        self.finder.step(small)
        cut = len(self.finder.cuts) > cuts
        ended = None
        if cut or number - self._start >= self.longest:
            seconds = self._time(picture, number)
            ended = self._stretch(number, seconds)
            self._open(number, seconds, cut)
        elif number == 0:
            self._seconds = self._time(picture, number)
        self._hash.update(small.data)
        since = number - self._start - BACK
        if since in (0, self.every) or (since > 0 and since % (2 * self.every) == 0):
            self._looks.append(self._look(picture, luma, small, number))
        self._recent.append(small)
        self._last = picture
        return ended

    def end(self) -> Segment | None:
        """The last stretch, when there are no more pictures; None if there were none."""
        if not self.finder.frames:
            return None
        last = self.finder.frames - 1
        return self._stretch(self.finder.frames, self._time(self._last, last) + 1 / self.fps)

    def _time(self, picture: video.Picture, number: int) -> float:
        seconds = picture.seconds
        return number / self.fps if seconds is None else seconds

    def _look(self, picture: video.Picture, luma: np.ndarray, small: np.ndarray, number: int) -> FrameSample:
        turned = np.ascontiguousarray(np.rot90(luma, picture.rotation // 90)) if picture.rotation else luma
        small_picture = reduced(turned)
        marks = strokes(small_picture)
        text = None if self._strokes is None else lettering(marks, self._strokes)
        self._strokes = marks
        moved = None
        if len(self._recent) == BACK:
            moved = motion(self._recent[0], small, BACK / self.fps, self.finder.flow)
        kept = jpeg(picture.upright(self.settings.picture)) if self.settings.picture else b""
        top, left = (round(side * RIM / 2) for side in small_picture.shape)
        within = small_picture[top : len(small_picture) - top, left : small_picture.shape[1] - left]
        high, wide = (max(1, side // 2) for side in within.shape)  # near enough, at half the time
        inner = fingerprint(resize(within, (wide, high), interpolation=INTER_AREA))
        return FrameSample(
            frame=number,
            sharpness=sharpness(small_picture),
            bars=bars(turned),
            text=text,
            motion=moved,
            fingerprint=fingerprint(turned),
            inner=inner,
            picture=kept,
        )

    def _stretch(self, end: int, seconds: float) -> Segment:
        if not self._looks:  # shorter than the motion is measured over: its last frame stands for it
            luma = self._last.luma()
            self._looks.append(self._look(self._last, luma, sampled(luma), end - 1))
        return Segment(
            start=self._start,
            frames=end - self._start,
            starts_at=self._seconds,
            ends_at=max(seconds, self._seconds),
            content_sha256=self._hash.hexdigest(),
            looks=tuple(self._looks),
            cut_before=self._cut,
        )


def survey(path: Path, settings: SurveySettings, fps: float, threads: int = 1) -> Iterator[Segment]:
    """The stretches of a file, one after another, in one pass.

    Raises:
        ValueError: the file is no video or is cut short.
    """
    yield from walk(video.pictures(path, threads), FilmSurvey(settings, fps))


def walk(pictures: Iterable[video.Picture], under_way: FilmSurvey) -> Iterator[Segment]:
    """The stretches of a row of pictures."""
    for picture in pictures:
        ended = under_way.step(picture)
        if ended is not None:
            yield ended
    last = under_way.end()
    if last is not None:
        yield last


def jpeg(picture: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 RGB as JPEG."""
    done, data = imencode(".jpg", cvtColor(picture, COLOR_RGB2BGR), [IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return bytes(data)
