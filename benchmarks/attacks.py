"""Changes that videos undergo in use: coding, scaling, cropping, brightness, timing. Frames are (T, H, W, 3) uint8."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from PIL import Image

Attack = Callable[[np.ndarray], np.ndarray]


def encode(frames: np.ndarray, name: str, crf: int) -> tuple[np.ndarray, int]:
    """Encode and decode frames; also return the size of the file in bytes."""
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = cast(VideoStream, container.add_stream(name, rate=24))
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.options = {"crf": str(crf), "threads": "1"}
        if name == "libx265":
            stream.options = {"crf": str(crf), "x265-params": "log-level=error:pools=none:frame-threads=1"}
        for number, frame in enumerate(frames):
            plain = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
            picture = plain.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    length = file.tell()
    file.seek(0)
    with av.open(file, "r") as played:
        shown = [frame.reformat(format="rgb24", src_colorspace=Colorspace.ITU709) for frame in played.decode(video=0)]
        return np.stack([frame.to_ndarray(format="rgb24") for frame in shown]), length


def codec(name: str, crf: int) -> Attack:
    return lambda frames: encode(frames, name, crf)[0]


def scale(frames: np.ndarray, share: float, how: int = cv2.INTER_AREA) -> np.ndarray:
    size = (round(frames.shape[2] * share), round(frames.shape[1] * share))
    return np.stack([cv2.resize(frame, size, interpolation=how) for frame in frames])


def crop(frames: np.ndarray, share: float, down: float = 0.5, right: float = 0.5) -> np.ndarray:
    """Keep a share of each side; ``down`` and ``right`` are the shares of what is cut off at the top and left."""
    high, wide = (round(side * share) for side in frames.shape[1:3])
    top, left = round((frames.shape[1] - high) * down), round((frames.shape[2] - wide) * right)
    return np.ascontiguousarray(frames[:, top : top + high, left : left + wide])


def brighten(frames: np.ndarray, share: float) -> np.ndarray:
    return np.clip(frames * np.float32(share), 0, 255).astype(np.uint8)


def drop_and_repeat(frames: np.ndarray) -> np.ndarray:
    """Drop every fifth frame, and repeat two others."""
    kept = [number for number in range(len(frames)) if number % 5]
    return frames[sorted([*kept, *kept[1:3]])]


def screenshot(frames: np.ndarray) -> np.ndarray:
    """Enlarge, cut off a part of the border, and encode, as a recording of a screen does."""
    return encode(crop(scale(frames, 1.37, cv2.INTER_LINEAR), 0.93, 0.2, 0.6), "libx264", 23)[0]


def jpeg(quality: int) -> Attack:
    """Encode and decode each frame as JPEG, with Pillow's halved chroma."""

    def attack(frames: np.ndarray) -> np.ndarray:
        shown = []
        for frame in frames:
            file = io.BytesIO()
            Image.fromarray(frame).save(file, format="JPEG", quality=quality)
            shown.append(np.asarray(Image.open(file)))
        return np.stack(shown)

    return attack


ATTACKS: dict[str, Attack] = {
    "none": lambda frames: frames,
    "h264, crf 18": codec("libx264", 18),
    "h264, crf 23": codec("libx264", 23),
    "h264, crf 28": codec("libx264", 28),
    "h264, crf 36": codec("libx264", 36),
    "h265, crf 28": codec("libx265", 28),
    "scaled to 0.5": lambda frames: scale(frames, 0.5),
    "scaled to 0.7": lambda frames: scale(frames, 0.7),
    "scaled to 1.5": lambda frames: scale(frames, 1.5, cv2.INTER_CUBIC),
    "scaled to 0.75, h264, crf 28": lambda frames: encode(scale(frames, 0.75), "libx264", 28)[0],
    "cropped to 0.8": lambda frames: crop(frames, 0.8),
    "cropped to 0.8, off the middle": lambda frames: crop(frames, 0.8, 0.13, 0.77),
    "flipped left to right": lambda frames: np.ascontiguousarray(frames[:, :, ::-1]),
    "brightness 1.5": lambda frames: brighten(frames, 1.5),
    "every fifth frame dropped, two shown twice, h264, crf 23": lambda frames: encode(
        drop_and_repeat(frames), "libx264", 23
    )[0],
    "twice as fast, h264, crf 23": lambda frames: encode(frames[::2], "libx264", 23)[0],
    "screenshot: scaled to 1.37, cropped to 0.93, h264, crf 23": screenshot,
}
SCALED_BACK = ("scaled to 0.5", "scaled to 0.7", "scaled to 1.5", "scaled to 0.75, h264, crf 28")
"""Readers that cannot handle scaling get these at their original size."""
PICTURE_ATTACKS: dict[str, Attack] = {
    **{name: attack for name, attack in ATTACKS.items() if "h26" not in name},
    **{f"JPEG, quality {quality}": jpeg(quality) for quality in (90, 75, 50)},
    "screenshot: scaled to 1.37, cropped to 0.93, JPEG, quality 75": lambda frames: jpeg(75)(
        crop(scale(frames, 1.37, cv2.INTER_LINEAR), 0.93, 0.2, 0.6)
    ),
}
"""Changes that pictures undergo: clips of one frame."""
