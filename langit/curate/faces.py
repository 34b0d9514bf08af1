"""Faces in a picture: BlazeFace looks first, CenterFace confirms. Both run on OpenCV; their weights ship with Langit.

BlazeFace (Bazarevsky et al. 2019; MediaPipe's full-range model) is fast, and takes some clocks and lamps for faces.
CenterFace (Xu et al. 2019) takes seven times as long and errs less, so it looks only where BlazeFace saw something.
docs/curate.md says how many faces they miss. It knows no files but the weights.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from cv2 import COLOR_BGR2RGB, IMREAD_COLOR, INTER_AREA, cvtColor, dnn, imdecode, resize
from jaxtyping import Float32, UInt8

import langit
from langit.curate.settings import FaceSettings

WEIGHTS: Final = Path(langit.__file__).parent / "weights" / "faces"
SIDE: Final = 192  # of BlazeFace's input, in pixels
GRID: Final = 48  # BlazeFace has one anchor for each cell of 4 x 4 pixels
STRIDE: Final = 4  # pixels of CenterFace's input for each cell of its heat map
MULTIPLE: Final = 32  # CenterFace's input has sides that are multiples of this
OVERLAP: Final = 0.3  # intersection over union above which two boxes are one face


class FaceBox(NamedTuple):
    """A face in a picture, in pixels; ``score`` is from 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float


_own = threading.local()  # a network keeps its state while it runs: every thread has its own


def _network(name: str, read: Any, size: tuple[int, int]) -> Any:
    """A network for one size of input: OpenCV does not adapt one that has run to another size."""
    networks: dict[tuple[str, tuple[int, int]], Any] = _own.__dict__.setdefault("networks", {})
    if (name, size) not in networks:
        if len(networks) > 8:  # films of many sizes: forget the first
            networks.pop(next(iter(networks)))
        networks[name, size] = read(str(WEIGHTS / name))
    return networks[name, size]


def faces(picture: UInt8[np.ndarray, "H W 3"], settings: FaceSettings) -> list[FaceBox]:
    """Find the faces in an upright RGB picture."""
    smallest = settings.smallest * min(picture.shape[:2])
    if not any(min(box.width, box.height) >= smallest for box in blazeface(picture, settings.screen)):
        return []
    return [box for box in centerface(picture, settings.confirm) if min(box.width, box.height) >= smallest]


def blazeface(picture: UInt8[np.ndarray, "H W 3"], least: float) -> list[FaceBox]:
    """MediaPipe's full-range BlazeFace: boxes with a score of at least ``least``."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    small_height, small_width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (SIDE - small_height) // 2, (SIDE - small_width) // 2
    square = np.zeros((SIDE, SIDE, 3), np.float32)
    small = resize(picture, (small_width, small_height), interpolation=INTER_AREA)
    square[top : top + small_height, left : left + small_width] = small
    network = _network("blazeface-full-range.tflite", dnn.readNetFromTFLite, (SIDE, SIDE))
    network.setInput((square / 127.5 - 1.0).transpose(2, 0, 1)[None])  # (1, 3, 192, 192) in [-1, 1]
    scores, boxes = network.forward(["reshaped_classifier_face_4", "reshaped_regressor_face_4"])
    scores = 1 / (1 + np.exp(-np.clip(scores.ravel(), -100, 100)))
    chosen = np.flatnonzero(scores >= least)
    # Each anchor's row: the offset of the box's middle from the anchor, its size, then six points that are not used.
    values = boxes.reshape(len(scores), -1)[chosen]
    corners = values[:, :2] + _anchors()[chosen] - values[:, 2:4] / 2 - (left, top)
    return _distinct(np.concatenate([corners, values[:, 2:4]], axis=1) / scale, scores[chosen], least)


def centerface(picture: UInt8[np.ndarray, "H W 3"], least: float) -> list[FaceBox]:
    """CenterFace: boxes with a score of at least ``least``."""
    height, width = picture.shape[:2]
    size = (-(-width // MULTIPLE) * MULTIPLE, -(-height // MULTIPLE) * MULTIPLE)
    network = _network("centerface-fp16.onnx", dnn.readNetFromONNX, size)
    network.setInput(dnn.blobFromImage(picture, size=size))  # RGB, 0 to 255
    heat, scale, offset = (out[0] for out in network.forward(["537", "538", "539"]))
    rows, columns = np.nonzero(heat[0] >= least)
    # The maps: log of height and width in cells; offset of the middle, down and right, in cells.
    sizes = np.exp(scale[::-1, rows, columns].T) * STRIDE
    middles = (np.stack([columns, rows], axis=1) + offset[::-1, rows, columns].T + 0.5) * STRIDE
    boxes = np.concatenate([middles - sizes / 2, sizes], axis=1)
    boxes *= np.tile([width / size[0], height / size[1]], 2)
    return _distinct(boxes, heat[0][rows, columns], least)


@cache
def _anchors() -> Float32[np.ndarray, "2304 2"]:
    """The middles of BlazeFace's cells, row by row, in pixels of its input."""
    middles = (np.arange(GRID, dtype=np.float32) + 0.5) * (SIDE / GRID)
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)


def _distinct(boxes: np.ndarray, scores: np.ndarray, least: float) -> list[FaceBox]:
    """Of boxes that overlap, the one with the best score."""
    kept = np.ravel(dnn.NMSBoxes(boxes.tolist(), scores.tolist(), least, OVERLAP)).astype(int)
    return [FaceBox(*(float(value) for value in (*boxes[number], scores[number]))) for number in kept]


def decode_jpeg(picture: bytes) -> UInt8[np.ndarray, "H W 3"]:
    """A JPEG as RGB."""
    decoded = imdecode(np.frombuffer(picture, np.uint8), IMREAD_COLOR)
    assert decoded is not None  # it is one of our own
    return np.asarray(cvtColor(decoded, COLOR_BGR2RGB))


def people(pictures: list[bytes], settings: FaceSettings) -> int:
    """How many people a clip shows: the largest number of faces in ``settings.pictures`` of its pictures, or in all."""
    counts = sorted((len(faces(decode_jpeg(picture), settings)) for picture in pictures), reverse=True)
    needed = min(settings.pictures, len(counts))
    return counts[needed - 1] if counts else 0
