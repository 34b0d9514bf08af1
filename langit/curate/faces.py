"""Is there a face in a picture? OpenCV's cascades (Viola and Jones 2001), which its wheel carries.

They find upright faces seen from the front and from the side, and miss many: docs/curate.md says how many. A face that
is missed makes a clip with a person pass for one without, so whoever knows that people are in their footage says so in
the ledger. Knows no files.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from cv2 import COLOR_RGB2GRAY, IMREAD_GRAYSCALE, CascadeClassifier, createCLAHE, cvtColor, data, flip, imdecode
from jaxtyping import UInt8

from langit.curate.settings import FaceSettings

FRONT, SIDE = "haarcascade_frontalface_alt2.xml", "haarcascade_profileface.xml"
STEP = 1.1  # from one size of window to the next
CONTRAST, TILES = 3.0, (4, 4)  # of the equalisation (CLAHE, Zuiderveld 1994) that brings faces out of the dark

Box = tuple[int, int, int, int]  # left, top, width, height, in pixels


_own = threading.local()  # a cascade keeps its state while it works: every thread has its own


def _cascade(name: str) -> CascadeClassifier:
    known: dict[str, CascadeClassifier] = _own.__dict__
    if name not in known:
        known[name] = CascadeClassifier(str(Path(data.haarcascades) / name))
    return known[name]


def faces(luma: UInt8[np.ndarray, "H W"], settings: FaceSettings) -> list[Box]:
    """Faces in an upright grey picture; one that two cascades find is counted once."""
    least = max(20, round(settings.smallest * min(luma.shape)))
    luma = np.asarray(createCLAHE(CONTRAST, TILES).apply(luma))
    found: list[Box] = []
    for name, mirrored in ((FRONT, False), (SIDE, False), (SIDE, True)):
        picture = flip(luma, 1) if mirrored else luma
        boxes = _cascade(name).detectMultiScale(picture, STEP, settings.votes, minSize=(least, least))
        for left, top, width, height in boxes:
            box = (luma.shape[1] - left - width if mirrored else left, top, width, height)
            if not any(_overlap(box, other) for other in found):
                found.append((int(box[0]), int(top), int(width), int(height)))
    return found


def grey(picture: bytes) -> UInt8[np.ndarray, "H W"]:
    """A JPEG's luma."""
    return np.asarray(imdecode(np.frombuffer(picture, np.uint8), IMREAD_GRAYSCALE))


def grey_of(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W"]:
    """The luma of an RGB picture."""
    return np.asarray(cvtColor(picture, COLOR_RGB2GRAY))


def people(pictures: list[bytes], settings: FaceSettings) -> int:
    """How many people a clip shows: the most faces that ``settings.pictures`` of its pictures have, or all if fewer."""
    counts = sorted((len(faces(grey(picture), settings)) for picture in pictures), reverse=True)
    needed = min(settings.pictures, len(counts))
    return counts[needed - 1] if counts else 0


def _overlap(one: Box, other: Box) -> bool:
    """Whether the middle of one lies in the other."""
    return all(other[axis] <= one[axis] + one[axis + 2] / 2 <= other[axis] + other[axis + 2] for axis in (0, 1))
