"""Video files for the tests, made on the spot with PyAV: what our own writer never writes."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

CORNERS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}


def moving(frames: int = 50, height: int = 96, width: int = 160) -> np.ndarray:
    """A picture that slides, so that each frame differs from the others: (T, H, W, 3) uint8."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 236, (height // 12 + 2, (width + 2 * frames) // 12 + 2, 3)).astype(np.float32)
    wide = coarse.repeat(12, axis=0).repeat(12, axis=1)[:height].astype(np.uint8)
    return np.stack([wide[:, 2 * number : 2 * number + width] for number in range(frames)])


def corners() -> np.ndarray:
    """Red and green above blue and white: a picture whose orientation can be read off. (48, 64, 3)."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:] = CORNERS["R"], CORNERS["G"]
    picture[24:, :32], picture[24:, 32:] = CORNERS["B"], CORNERS["W"]
    return picture


def name_corners(picture: np.ndarray) -> str:
    """The colours of a picture's quarters, from left to right and top to bottom, by their initials."""
    height, width = picture.shape[:2]
    names = {colour: name for name, colour in CORNERS.items()}
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return "".join(names.get(tuple(255 * int(value > 127) for value in picture[place]), "?") for place in places)


def encode(
    path: Path,
    frames: np.ndarray,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    fps: int = 25,
    *,
    aspect: Fraction | None = None,
    stamps: list[int] | None = None,
    interlaced: bool = False,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    kind: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a file; ``kind`` is FFmpeg's name of the format where the suffix does not tell it."""
    with av.open(str(path), "w", format=kind, options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        # With macroblock-tree on, x264 encodes the same small frames differently from run to run.
        stream.options = ({"x264-params": "mbtree=0"} if codec == "libx264" else {}) | (options or {})
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if interlaced:
            stream.codec_context.flags |= 0x20000000 | 0x00040000  # interlaced motion estimation and transform
        for name, value in (metadata or {}).items():
            stream.metadata[name] = value
        source = "rgba" if frames.shape[3] == 4 else "rgb24"
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=source).reformat(format=pixels)
            frame.pts, frame.time_base = stamps[number] if stamps else number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def with_matrix(path: Path, data: bytes, *matrix: float) -> Path:
    """A copy of an mp4 with another display matrix: ``a b c d`` of x' = a x + c y, y' = b x + d y."""
    a, b, c, d = (round(65536 * value) for value in matrix)
    # ISO/IEC 14496-12: in a track header of version 0, the matrix lies 40 bytes into the box's content.
    place = data.index(b"tkhd") + 4 + 40
    path.write_bytes(data[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000) + data[place + 36 :])
    return path


def remux(path: Path, *sources: tuple[Path, Any], kind: str | None = None) -> Path:
    """Copy the packets of several files' video into one container; with each source the disposition of its stream."""
    with av.open(str(path), "w", format=kind) as target:
        opened = [(av.open(str(source)), disposition) for source, disposition in sources]
        pairs = []
        for container, disposition in opened:
            stream = target.add_stream_from_template(container.streams.video[0])
            if disposition is not None:
                stream.disposition = disposition
            pairs.append((container, stream))
        for container, stream in pairs:
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
            container.close()
    return path
