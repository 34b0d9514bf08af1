"""What a video file claims, read from its header and its packets without decoding a frame.

Run as a module it answers for a file of a stranger's in a process of its own: a file that breaks FFmpeg breaks no more.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from langit.video.source import open_video, shown_size

MEMORY: Final = 4 << 30
"""Bytes of address space of the process that reads a stranger's file."""
SECONDS: Final = 30
"""Seconds that it may take."""


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
        rate = float(source.rate or 25)
        base = float(stream.time_base or 0)
        seconds = float(stream.duration or 0) * base
        # A header may claim less than the file holds: a small file can hold hours of one still picture.
        count = 0
        for packet in source.container.demux(stream):
            if seconds > longest or count / rate > longest:
                break
            count += bool(packet.size)
        return VideoHeader(width, height, rate, max(seconds, count / rate))


def read_header_apart(path: Path, longest: float) -> VideoHeader:
    """The same in a process of its own, with limited memory and time.

    Raises:
        ValueError: the file is not a video, or reading it takes too much.
    """
    command = [sys.executable, "-m", "langit.video.header", str(path), repr(longest)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"{path} takes longer than {SECONDS} s to be read: give another file") from error
    if done.returncode != 0:
        raise ValueError(f"{path} cannot be read as video: give a file that plays")
    return VideoHeader(**json.loads(done.stdout))


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        header = read_header(Path(sys.argv[1]), float(sys.argv[2]))
    except (ValueError, OSError, MemoryError):
        return 1
    sys.stdout.write(json.dumps(asdict(header)))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
