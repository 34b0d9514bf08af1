"""One pass over a file, which decodes every frame once: where its shots are, and what is needed to judge each segment.

Every frame gives a strided sample of its luma (every pixel of small pictures, every 8th by every 8th of wide ones),
from which cuts are found and the segment is hashed. Of every segment some frames are examined in full: the fifth, one
a second later, then one every two seconds. They give sharpness, black bars, lettering, motion over four frames, the
PDQ fingerprint, and a small colour picture for later steps (faces, captions, people). Memory is constant except for
those pictures. It measures, and knows nothing of limits or rights.
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
from langit.curate.gradual import MEMORY
from langit.curate.measures import NO_BARS, BlackBars, MotionSpeeds, black_bars, motion, sharpness, shrink_luma
from langit.curate.overlay import lettering, strokes
from langit.curate.shots import LOOKAHEAD, CutFinder, CutSettings
from langit.curate.similarity import subsample
from langit.fingerprint import Fingerprint, fingerprint

BACK: Final = 4  # frames over which motion is measured
RIM: Final = 0.1  # share of each side that the inner fingerprint leaves out
JPEG_QUALITY: Final = 88
LONGEST_TRANSITION: Final = MEMORY + LOOKAHEAD  # frames back to where one may have begun


@dataclass(frozen=True)
class SurveySettings:
    """How a file is examined.

    ``seconds`` lie between the first two examined frames of a segment, twice as many between later ones. ``longest``
    is the length, in seconds, above which a shot is divided. ``picture`` is the longer side, in pixels, of the
    pictures that are kept; 0 keeps none.
    """

    cuts: CutSettings = field(default_factory=CutSettings)
    seconds: float = 1.0
    longest: float = 20.0
    picture: int = 640

    def __post_init__(self) -> None:
        for name in ("seconds", "longest"):
            if not getattr(self, name) > 0:
                raise ValueError(f"survey.{name} is {getattr(self, name)}: use a number of seconds above 0")
        if self.picture < 0:
            raise ValueError(f"survey.picture is {self.picture}: use a size in pixels, or 0 for no pictures")


@dataclass(frozen=True)
class FrameSample:
    """One frame examined in full; ``text`` is the share of the picture under lettering that does not move."""

    frame: int
    sharpness: float
    bars: BlackBars
    text: float | None  # None for the first of a segment
    motion: MotionSpeeds | None
    fingerprint: Fingerprint
    inner: Fingerprint  # of the picture without its rim
    picture: bytes  # JPEG, upright


@dataclass(frozen=True)
class Segment:
    """A shot, or a part of a long one. Times are in seconds from the file's first frame."""

    start: int
    frames: int
    starts_at: float
    ends_at: float
    content_sha256: str  # over the strided luma of its frames
    samples: tuple[FrameSample, ...]
    cut_before: bool  # False for the first, and where a long shot was divided


class FilmSurvey:
    """Measures a film as it is decoded: feed it every frame in order; it returns each segment when it is over."""

    def __init__(self, settings: SurveySettings, fps: float, still: bool = False) -> None:
        self.settings, self.still = settings, still
        self.finder = CutFinder(settings.cuts)
        self.fps = fps
        self.interval = max(1, round(settings.seconds * fps))
        self.longest = max(1, round(settings.longest * fps))
        self._transitions = 0  # of the finder's, those that are past
        self._examined = 0  # frames
        self._recent: deque[np.ndarray] = deque(maxlen=BACK)
        self._tail: deque[tuple[float, np.ndarray]] = deque()  # recent frames, not hashed yet
        self._early: tuple[FrameSample, np.ndarray | None] | None = None  # a shot's first, if it is one
        self._begin_segment(0, 0.0, False)

    def _begin_segment(self, start: int, seconds: float, cut: bool) -> None:
        self._start, self._seconds, self._cut = start, seconds, cut
        self._hash = hashlib.sha256()
        self._samples: list[FrameSample] = []
        self._strokes: np.ndarray | None = None

    def step(self, frame: video.DecodedFrame) -> Segment | None:
        """Examine the next frame; return the segment that ended before it, if one is known to have ended."""
        small = subsample(frame.luma())
        number = self._examined
        self.finder.step(small)
        seconds = self._time(frame, number)
        ended = self._divide(number, seconds)
        if number == 0:
            self._seconds = seconds
        self._tail.append((seconds, small))
        self._examined += 1
        if len(self._tail) > LONGEST_TRANSITION:
            self._hash.update(self._tail.popleft()[1].data)
        since = number - self._start - BACK
        is_due = since in (0, self.interval) or (since > 0 and since % (2 * self.interval) == 0)
        # The first frames of a shot are past when the end of a slow transition is known.
        if is_due or (since > 0 and not self._samples):
            self._samples.append(self._examine(frame, small, number))
        if self.finder.candidate == number - BACK:
            # A shot may have begun with that frame. This is its first sample if it turns out so.
            strokes_before, self._strokes = self._strokes, None
            sample = self._examine(frame, small, number)
            self._early = sample, self._strokes
            self._strokes = strokes_before
        self._recent.append(small)
        self._last = frame
        return ended

    def finish(self) -> Iterator[Segment]:
        """Return the last segments once all frames were given; there are none if there were no frames."""
        self.finder.finish()
        if self._examined:
            end = self._time(self._last, self._examined - 1) + 1 / self.fps
            while self._transitions < len(self.finder.transitions):
                ended = self._divide(self._examined, end)
                if ended is not None:
                    yield ended
            yield self._end_segment(self._examined, end)

    def _divide(self, number: int, seconds: float) -> Segment | None:
        """End the segment if a transition became known, or where it gets too long."""
        if self._transitions < len(self.finder.transitions):
            transition = self.finder.transitions[self._transitions]
            self._transitions += 1
            start = max(transition.start, self._start)
            ended = None
            if transition.end > self._start:  # else a long shot was divided within the transition
                ended = self._end_segment(transition.end, self._seconds_of(transition.end, number, seconds))
            start_seconds = self._seconds_of(start, number, seconds)
            while self._examined - len(self._tail) < start:
                self._tail.popleft()
            self._begin_segment(start, start_seconds, True)
            if self._early is not None and self._early[0].frame == start + BACK:
                self._samples.append(self._early[0])
                self._strokes = self._early[1]
            self._early = None
            return ended
        if number - self._start >= self.longest and self.finder.candidate is None:
            ended = self._end_segment(number, seconds)
            self._tail.clear()
            self._begin_segment(number, seconds, False)
            return ended
        return None

    def _seconds_of(self, place: int, number: int, seconds: float) -> float:
        """When a recent frame is shown; that of the newest, ``number``, is not in the tail yet."""
        return seconds if place == number else self._tail[place - number][0]

    def _time(self, frame: video.DecodedFrame, number: int) -> float:
        return number / self.fps if frame.seconds is None else frame.seconds

    def _examine(self, frame: video.DecodedFrame, small: np.ndarray, number: int) -> FrameSample:
        luma = frame.upright_luma()
        middle = shrink_luma(luma)
        marks = strokes(middle)
        earlier = marks if self.still else self._strokes  # nothing of a picture moves, and all of it counts
        text = None if earlier is None else lettering(marks, earlier)
        self._strokes = marks
        speeds = None
        if len(self._recent) == BACK and number - self._start >= BACK:
            speeds = motion(self._recent[0], small, BACK / self.fps, self.finder.flow)
        picture = jpeg(frame.rgb(self.settings.picture)) if self.settings.picture else b""
        bars = black_bars(luma)
        # A copy with bars around it has to have the fingerprint of the original.
        shown = luma if bars == NO_BARS else np.ascontiguousarray(bars.balance().crop(luma))
        return FrameSample(
            frame=number,
            sharpness=sharpness(middle),
            bars=bars,
            text=text,
            motion=speeds,
            fingerprint=fingerprint(shown),
            inner=_inner_fingerprint(middle if shown is luma else shrink_luma(shown)),
            picture=picture,
        )

    def _end_segment(self, end: int, seconds: float) -> Segment:
        if not self._samples:  # shorter than motion is measured over: its last frame stands for it
            self._samples.append(self._examine(self._last, subsample(self._last.luma()), end - 1))
        tail_start = self._examined - len(self._tail)
        for _, small in list(self._tail)[: end - tail_start]:
            self._hash.update(small.data)
        # A sample within a slow transition shows two shots at once.
        samples = [sample for sample in self._samples if sample.frame < end] or self._samples[:1]
        return Segment(
            start=self._start,
            frames=end - self._start,
            starts_at=self._seconds,
            ends_at=max(seconds, self._seconds),
            content_sha256=self._hash.hexdigest(),
            samples=tuple(samples),
            cut_before=self._cut,
        )


def _inner_fingerprint(picture: np.ndarray) -> Fingerprint:
    """The fingerprint of a reduced picture without its rim: that of a copy whose edges were cropped."""
    top, left = (round(side * RIM / 2) for side in picture.shape)
    within = picture[top : len(picture) - top, left : picture.shape[1] - left]
    height, width = (max(1, side // 2) for side in within.shape)  # close enough, at half the time
    return fingerprint(resize(within, (width, height), interpolation=INTER_AREA))


def survey(
    path: Path, settings: SurveySettings, fps: float, threads: int = 1, still: bool = False
) -> Iterator[Segment]:
    """Yield the segments of a file, in one pass; ``still`` says that it is a picture.

    Raises:
        ValueError: the file is not a video, is cut short or damaged.
    """
    yield from survey_frames(video.decode(path, threads), FilmSurvey(settings, fps, still))


def survey_frames(frames: Iterable[video.DecodedFrame], film: FilmSurvey) -> Iterator[Segment]:
    """Yield the segments of a sequence of frames."""
    for frame in frames:
        ended = film.step(frame)
        if ended is not None:
            yield ended
    yield from film.finish()


def jpeg(picture: np.ndarray) -> bytes:
    """Encode a picture, (H, W, 3) uint8 RGB, as JPEG."""
    done, data = imencode(".jpg", cvtColor(picture, COLOR_RGB2BGR), [IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return bytes(data)
