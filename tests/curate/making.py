"""Footage for the tests, made on the spot: textured scenes that move, cut together, encoded as files of all kinds."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS = 12


def scene(seed: int, frames: int, height: int = 96, width: int = 128, speed: float = 2.0) -> np.ndarray:
    """A smooth coloured texture that slides to the right by `speed` pixels a frame: (T, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    wide = width + int(abs(speed) * frames) + 8
    coarse = rng.integers(20, 236, (height // 12 + 2, wide // 12 + 2, 3)).astype(np.float32)
    rows, columns = np.linspace(0, len(coarse) - 1.01, height), np.linspace(0, coarse.shape[1] - 1.01, wide)
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    picture = (coarse[r][:, c] * (1 - fr) + coarse[r + 1][:, c] * fr) * (1 - fc)
    picture += (coarse[r][:, c + 1] * (1 - fr) + coarse[r + 1][:, c + 1] * fr) * fc
    picture += rng.normal(0, 6, picture.shape)
    whole = np.clip(picture, 0, 255).astype(np.uint8)
    starts = [int(speed * number) for number in range(frames)]
    return np.stack([whole[:, start : start + width] for start in starts])


def film(*seeds: int, frames: int = 30, **kind: float) -> np.ndarray:
    """Scenes one after another."""
    return np.concatenate([scene(seed, frames, **kind) for seed in seeds])  # type: ignore[arg-type]


def encode(
    path: Path,
    frames: np.ndarray,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    fps: int = FPS,
    stamps: list[int] | None = None,
    rotation: int = 0,
    transfer: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """A file of any kind that FFmpeg can write."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        stream.options = options or ({"x264-params": "mbtree=0"} if codec == "libx264" else {})
        if rotation:
            stream.set_display_rotation(rotation)
        if transfer:
            stream.codec_context.color_trc = transfer
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = stamps[number] if stamps else number, Fraction(1, fps)
            if transfer:
                frame.color_trc = transfer
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sound(path: Path) -> Path:
    """A file that has sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
