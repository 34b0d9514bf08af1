"""When the frames of a file are shown, read from its packets without decoding them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from av.packet import Packet
from av.video.stream import VideoStream

from langit.video.source import VideoSource, open_video

REORDER: Final = 8  # pictures that a coder may send out of order, generously
LONGEST_GAP: Final = 10.0  # seconds; in formats whose clock may jump, a longer gap is a jump


@dataclass
class Clock:
    """Turns a file's own times into seconds from its first frame.

    Times that go back (recordings joined with ``cat``), or that leap ahead where the format's clock may jump, continue
    one frame later. Feed it in the order of showing, or of decoding: each has its own jumps.
    """

    frame_seconds: float
    may_jump: bool
    offset: float = 0.0
    last: float | None = field(default=None)

    def step(self, seconds: float) -> float:
        """The next frame's time, continued over jumps; not yet counted from the first frame."""
        if self.last is not None:
            ahead = seconds + self.offset - self.last
            # B-frames make decoding times uneven by a few frames, so a step back has to be a larger one.
            if ahead < 0 or (self.may_jump and ahead > LONGEST_GAP):
                self.offset = self.last + self.frame_seconds - seconds
        self.last = seconds + self.offset
        return self.last


@dataclass(frozen=True)
class PacketIndex:
    """The frames that a file shows, in order: ``seconds`` from the first; ``pts`` None where packets have none.

    ``keys`` are the times of key frames, in the stream's time base.
    """

    seconds: tuple[float, ...] | None
    pts: tuple[int, ...] | None
    keys: tuple[int, ...]
    frames: int


def index_packets(path: Path) -> PacketIndex:
    """Read all packets of a file.

    Raises:
        ValueError: see :func:`open_video`.
    """
    with open_video(path) as source:
        return _index(source)


def _index(source: VideoSource) -> PacketIndex:
    base = float(source.stream.time_base or 0)
    rate = source.rate or 25
    clock = Clock(1 / float(rate), source.may_jump)
    times: list[float] = []
    pts: list[int] = []
    keys: list[int] = []
    frames = 0
    for packet in shown_packets(source):
        frames += 1
        if not source.is_timed or packet.pts is None:
            continue
        # Decoding times only grow, so a step back is a jump; what it adds applies to the presentation time.
        if packet.dts is not None:
            clock.step(packet.dts * base)
        times.append(packet.pts * base + clock.offset)
        pts.append(packet.pts)
        if packet.is_keyframe:
            keys.append(packet.pts)
    if len(times) < frames:
        return PacketIndex(None, None, (), frames)
    times.sort()
    ordered = tuple(sorted(pts)) if clock.offset == 0 and len(set(pts)) == frames else None
    return PacketIndex(tuple(time - times[0] for time in times), ordered, tuple(sorted(keys)), frames)


def has_gaps(seconds: Sequence[float]) -> bool:
    """Whether a frame is missing somewhere among frames that come evenly."""
    steps = [later - earlier for earlier, later in pairwise(seconds)]
    return bool(steps) and max(steps) > 1.5 * statistics.median(steps)


def ends_with_gaps(seconds: Sequence[float]) -> bool:
    """Whether frames are missing just before the end and nowhere else: the pictures between two that arrived.

    Coders send a picture before those that refer to it in both directions, so a stream that was cut in the middle lacks
    some of its last. Containers without lengths show it in no other way.
    """
    steps = [later - earlier for earlier, later in pairwise(seconds)]
    if len(steps) < 3 * REORDER:
        return False
    usual = 1.5 * statistics.median(steps)
    return max(steps[:-REORDER]) < usual < max(steps[-REORDER:])


def shown_packets(source: VideoSource) -> Iterator[Packet[VideoStream]]:
    """Packets whose frames are shown: not those that an edit list cuts away, nor VP8's hidden reference frames."""
    is_vp8 = source.stream.codec_context.name == "vp8"
    for packet in source.container.demux(source.stream):
        # RFC 6386, 9.1: bit 4 of a frame's first byte is show_frame.
        if packet.size and not packet.is_discard and (not is_vp8 or bytes(packet)[0] & 0x10):
            yield packet
