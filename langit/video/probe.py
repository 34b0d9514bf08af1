"""What a video file contains, with at most its first frame decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from langit.video.decoder import decode, decode_source
from langit.video.packets import PacketIndex, ends_with_gaps, index_packets
from langit.video.source import open_video, shown_size

HDR: Final = {16: "PQ", 18: "HLG"}  # transfer functions of high dynamic range by their numbers in ITU-T H.273
UNEVEN: Final = 0.01  # relative: a header's rate that differs more from the frames' times is not used
MISSING: Final = 0.02  # share of the frames that a header counts and the file may lack


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about its film; width and height are those of the upright picture on square pixels.

    ``frames`` are those that are shown, counted without decoding. ``fps`` is the header's rate, or the mean rate where
    frames come at other times than it says.
    """

    width: int
    height: int
    frames: int
    fps: float
    duration: float  # seconds
    codec: str
    pixel_format: str
    interlaced: bool  # by the first frame; frames are deinterlaced when they are read
    metadata: Mapping[str, str]
    transfer: int  # how light became numbers, numbered as in ITU-T H.273: 1 is BT.709, 2 unknown, see HDR
    still: bool = False  # a picture file; its rate and duration mean nothing


def probe(path: Path) -> VideoInfo:
    """Read what a video file contains.

    Raises:
        ValueError: the file is not a video, or is incomplete.
        FileNotFoundError: the file does not exist.
    """
    with open_video(path) as source:
        metadata = dict(source.container.metadata)
        rate = source.rate
        if not rate:
            raise ValueError(f"{path} has no frame rate: give a video, not a picture")
        claimed = source.claimed_frames
        first, _ = next(decode_source(source), (None, None))
        if first is None:
            raise ValueError(f"{path} contains no frames: give a file that plays")
        frame = first.frame
        width, height = first.orientation.size(*shown_size(frame.width, frame.height, first.pixel_aspect))
        context = source.stream.codec_context
        codec, pixel_format, transfer = context.name, frame.format.name, int(context.color_trc)
        may_jump, holds_stills = source.may_jump, source.holds_stills
    interlaced = _is_interlaced(path)
    index = index_packets(path)
    if may_jump and index.seconds is not None and ends_with_gaps(index.seconds):
        raise ValueError(f"{path} is cut short: pictures are missing before its last: copy it again")
    frames = index.frames
    if interlaced and not source.can_seek:
        frames = sum(1 for _ in decode(path))  # in streams, a packet may hold one field: half a frame
    if claimed > frames * (1 + MISSING) + 1:
        raise ValueError(
            f"{path} is cut short: its header counts {claimed} frames, it contains {frames}: copy it again"
        )
    fps = _rate(index, rate) if frames == index.frames else float(rate)
    return VideoInfo(
        width=width,
        height=height,
        frames=frames,
        fps=fps,
        duration=frames / fps,
        codec=codec,
        pixel_format=pixel_format,
        interlaced=interlaced,
        metadata=metadata,
        transfer=transfer,
        still=holds_stills and frames == 1,
    )


def _is_interlaced(path: Path) -> bool:
    """Whether the first frame is stored as two fields; opened again, because raw streams cannot be rewound."""
    with open_video(path) as source:
        first = next(source.container.decode(source.stream), None)
        return first is not None and bool(first.interlaced_frame)


def _rate(index: PacketIndex, header: Fraction) -> float:
    """The header's rate where the frames' times agree with it, else their mean rate."""
    if index.seconds is None or index.frames < 2 or index.seconds[-1] <= 0:
        return float(header)
    mean = (index.frames - 1) / index.seconds[-1]
    return float(header) if abs(mean - header) <= UNEVEN * header else mean
