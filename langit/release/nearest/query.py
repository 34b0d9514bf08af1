"""Answer a query from end to end: a video file, a model, and the training clips that the video is similar to.

Candidates come from the table beside the ledger, in which the model's index is entered first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8

from langit import video
from langit.bundle import Bundle, load_bundle
from langit.ledger.place import Folder
from langit.release.gates.finding import Finding
from langit.release.nearest.bundled import FILE, open_index
from langit.release.nearest.clips import SECONDS, SimilarClip, describe_matches
from langit.release.nearest.gate import NearestGate
from langit.release.nearest.index import ClipMatch, best_matches
from langit.release.nearest.table import NearestTable
from langit.release.nearest.windows import resize_to_cells, windows

CANDIDATES: Final = 64
"""Rows of the table that are scored for each window, at least."""
SHOWN_RATE: Final = 8
"""Frames per second of the excerpt that is shown."""


@dataclass(frozen=True, eq=False)
class NearestAnswer:
    """The similar clips, what the gate would report, and the two seconds of the video that are most similar."""

    model: str
    found: list[SimilarClip]
    findings: tuple[Finding, ...]
    frames: UInt8[np.ndarray, "T H W 3"]
    fps: float


def find_nearest(path: Path, model: str, count: int, home: Path) -> NearestAnswer:
    """Find the training clips that a video is most similar to.

    Args:
        path: a video file.
        model: the model whose clips are searched; a name or a folder.
        count: how many clips.
        home: holds the ledger, where the model's table is created if it does not exist.

    Raises:
        ValueError: no video, no such model, or a model without an index.
    """
    bundle = load_bundle(model)
    compared = compare_clips(path, bundle, count, home)
    frames = np.stack(list(_excerpt(path, compared.best_start, compared.fps)))
    index = open_index(bundle)
    assert index is not None
    similar = describe_matches(list(compared.matches), index, bundle, home)
    return NearestAnswer(bundle.provenance.model, similar, compared.findings, frames, bundle.fps)


@dataclass(frozen=True)
class ClipComparison:
    """The nearest clips by number, what the gate would report, and where in the video the nearest two seconds begin."""

    matches: tuple[ClipMatch, ...]
    findings: tuple[Finding, ...]
    best_start: float
    fps: float


def compare_clips(path: Path, bundle: Bundle, count: int, home: Path) -> ClipComparison:
    """Compare a video with the training clips of a model that is open; no clip's pictures are read.

    Raises:
        ValueError: no video, or a model without an index.
    """
    info = video.probe(path)
    index = open_index(bundle)
    if index is None:
        raise ValueError(
            f"model {bundle.provenance.model} has no index of its training clips:"
            f" run `langit bundle index {bundle.provenance.model}` on the machine that has its films"
        )
    table = NearestTable(Folder(home / "ledger"), bundle.provenance.files[FILE])
    table.enter(index)
    gate = NearestGate(index, bundle.autoencoder, info.fps)
    found: list[ClipMatch] = []
    best_start, best_score = 0.0, -np.inf
    for window in windows(video.stream(path), info.fps):
        vectors = index.embed(bundle.autoencoder, window)
        # Vectors of a window that is too short hold no motion, and the table's do: all rows are scored instead.
        rows = table.search(vectors, min(len(index.vectors), max(CANDIDATES, 4 * count))) if window.whole else None
        matches = index.search(window, vectors, count, rows)
        gate.note(matches)
        nearest = max(matches, key=lambda match: match.score)
        if nearest.score > best_score:
            best_start, best_score = window.start, nearest.score
        found = best_matches([*found, *matches], count)
    return ClipComparison(tuple(found), gate.findings(), best_start, info.fps)


def _excerpt(path: Path, start: float, fps: float) -> Iterator[np.ndarray]:
    """Two seconds of a video, small, at about :data:`SHOWN_RATE`."""
    for number, frame in enumerate(video.stream(path, round(start * fps))):
        if number > SECONDS * fps:
            break
        if number % max(1, round(fps / SHOWN_RATE)) == 0:
            yield resize_to_cells(frame)
