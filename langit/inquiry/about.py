"""What is shown under a video beside its own facts: what its model was trained on, and the nearest training clips.

Values for JSON. Knows no server.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from langit.bundle.provenance import Undisclosed
from langit.printable import one_line

if TYPE_CHECKING:
    from langit.bundle import Bundle
    from langit.bundle.provenance import Provenance
    from langit.release.nearest.clips import SimilarClip

MAX_TEXT: Final = 1000
HINT: Final = "`langit"
"""Lines that begin so name a command, which is of no use on a page."""
QUALITY: Final = 85
"""Of pictures of clips, as WebP."""


def describe_training_data(provenance: Provenance, home: Path) -> dict[str, Any]:
    """What a model was trained on: lines for people, and the state of the ledger that its provenance names.

    Args:
        provenance: of the model.
        home: whose ledger and models are asked.
    """
    ledger, digest = provenance.ledger, provenance.digest.removeprefix("sha256:")
    undisclosed = isinstance(ledger, Undisclosed)
    return {
        "object": "training",
        "model": provenance.model,
        "digest": digest,
        "trained_on": [] if undisclosed else list(training_lines(digest, home)),
        "ledger": None
        if isinstance(ledger, Undisclosed)
        else {"origin": ledger.origin, "entries": ledger.size, "root": ledger.root},
        "undisclosed_by": ledger.makers if isinstance(ledger, Undisclosed) else None,
    }


def training_lines(digest: str, home: Path) -> tuple[str, ...]:
    """What this machine knows of a model's training, a line for each owner."""
    from langit.ledger.store import Ledger
    from langit.release.training import describe_training

    ledger = Ledger(home / "ledger") if (home / "ledger").is_dir() else None
    return without_commands(describe_training(digest, home, ledger))


def without_commands(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines for people who have no command line, each safe to show."""
    return tuple(one_line(line, MAX_TEXT) for line in lines if not line.startswith(HINT))


def describe_nearest(path: Path, bundle: Bundle, count: int, home: Path, pictures: bool = False) -> dict[str, Any]:
    """``x_nearest``: the training clips that a video is most similar to; none of a picture, which has no motion.

    Args:
        path: the video.
        bundle: the model that made it.
        count: how many clips.
        home: holds the ledger and, if they were kept, films.
        pictures: whether to show them; films that were not kept are rendered again, which takes a second each.

    Raises:
        ValueError: no video.
    """
    from langit.release.nearest.bundled import open_index
    from langit.release.nearest.clips import describe_matches
    from langit.release.nearest.query import compare_clips
    from langit.release.nearest.show import DISCLAIMER

    index = open_index(bundle)
    if count == 0 or index is None or path.suffix.lower() == ".png":
        why = "" if index is not None else f"model {bundle.provenance.model} has no index of its training clips"
        return {"clips": [], "note": why or DISCLAIMER}
    matches = compare_clips(path, bundle, count, home).matches
    found = describe_matches(list(matches), index, bundle, home, pictures)
    return {"clips": [_describe_clip(clip, pictures) for clip in found], "note": DISCLAIMER, "fps": bundle.fps}


def _describe_clip(clip: SimilarClip, pictures: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": one_line(clip.name, MAX_TEXT),
        "owner": one_line(clip.owner, 200),
        "licence": one_line(clip.licence, 200),
        "share": round(clip.match.share, 4),  # of held-out clips that are less near
        "mirrored": clip.match.mirrored,
        "words": one_line(clip.words, MAX_TEXT),
    }
    if not pictures:
        return described
    if clip.frames is None:
        return described | {"frames": 0, "strip": None, "missing": one_line(clip.missing, 200)}
    frames = clip.frames[::2]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(file, "WEBP", quality=QUALITY)
    strip = "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
    return described | {"frames": len(frames), "strip": strip, "missing": ""}
