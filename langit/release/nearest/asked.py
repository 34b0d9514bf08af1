"""A question from end to end: a video file, a model, and the training clips that it is similar to.

Windows are looked for in the ledger's table, which the model's index is entered in at first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8

from langit import video
from langit.bundle import load_bundle
from langit.generate.model import Model, calm_threads
from langit.ledger.place import Folder
from langit.release.gates.finding import Finding
from langit.release.nearest.bundled import FILE, open_index
from langit.release.nearest.clips import SECONDS, Similar, told
from langit.release.nearest.gate import Watch
from langit.release.nearest.index import Match, best
from langit.release.nearest.table import NearestTable
from langit.release.nearest.windows import fitted, windows

CANDIDATES: Final = 64


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found, what the gate would say, and the two seconds of the video that are most similar, to be shown."""

    found: list[Similar]
    findings: tuple[Finding, ...]
    frames: UInt8[np.ndarray, "T H W 3"]
    fps: float


def ask(path: Path, model: str, count: int, home: Path) -> Answer:
    """The training clips that a video is most similar to.

    Args:
        path: a video file.
        model: whose clips; a name or a folder.
        count: how many.
        home: holds the ledger, whose index is made if it is not there.

    Raises:
        ValueError: no video, no such model, or one that carries no index.
    """
    info = video.probe(path)
    bundle = load_bundle(model)
    calm_threads(Model.of(bundle))
    index = open_index(bundle)
    if index is None:
        raise ValueError(
            f"model {bundle.provenance.model} carries no index of its training clips:"
            f" make one with langit bundle index {model}, where its films are"
        )
    table = NearestTable(Folder(home / "ledger"), bundle.provenance.files[FILE])
    table.enter(index)
    watch = Watch(index, bundle.autoencoder, info.fps)
    found: list[Match] = []
    shown, top = 0.0, -np.inf
    for window in windows(video.stream(path), info.fps):
        vectors = index.embed(bundle.autoencoder, window)
        rows = table.search(vectors, min(len(index.vectors), max(CANDIDATES, 4 * count))) if window.whole else None
        matches = index.search(window, vectors, count, rows)
        watch.note(matches)
        nearest = max(matches, key=lambda match: match.score)
        if nearest.score > top:
            shown, top = window.start, nearest.score
        found = best([*found, *matches], count)
    frames = np.stack(list(_part(path, shown, info.fps)))
    return Answer(told(found, index, bundle, home), watch.findings(), frames, bundle.fps)


def _part(path: Path, start: float, fps: float) -> Iterator[np.ndarray]:
    """Two seconds of a video, small, at the rate of films."""
    for number, frame in enumerate(video.stream(path, round(start * fps))):
        if number > SECONDS * fps:
            break
        if number % max(1, round(fps / 8)) == 0:
            yield fitted(frame)
