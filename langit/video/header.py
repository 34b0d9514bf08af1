"""What a video file claims, read from its header and its packets without decoding a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from langit.video.source import open_video, shown_size


@dataclass(frozen=True)
class VideoHeader:
    """Size, rate and length as the file claims them; ``seconds`` is the larger of header and packets."""

    width: int
    height: int
    fps: float
    seconds: float


def read_header(path: Path, longest: float) -> VideoHeader:
    """Read what a file claims. Counting stops where the video is longer than ``longest`` seconds.

    Raises:
        ValueError: the file is not a video, or is incomplete.
        FileNotFoundError: the file does not exist.
    """
    with open_video(path) as source:
        stream = source.stream
        context = stream.codec_context
        width, height = shown_size(context.width, context.height, source.pixel_aspect)
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        base = float(stream.time_base or 0)
        seconds = float(stream.duration or 0) * base
        # A header may claim less than the file holds: a small file can hold hours of one still picture.
        count = 0
        for packet in source.container.demux(stream):
            if seconds > longest or count / rate > longest:
                break
            count += bool(packet.size)
        return VideoHeader(width, height, rate, max(seconds, count / rate))
