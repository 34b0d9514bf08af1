"""A video and the training clips that it is similar to, side by side: as a picture, or as a self-contained page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import UInt8

from langit import sheet
from langit.files import atomic_write
from langit.generate import show
from langit.release.nearest.clips import SimilarClip

DISCLAIMER: Final = "Similarity is what was measured. It does not show what caused it."
QUERY: Final = "the video that was compared"
GREY: Final = 225
"""Level of the picture that stands for a clip whose frames are not available."""


def save_sheet(path: Path, frames: UInt8[np.ndarray, "T H W 3"], name: str, found: Sequence[SimilarClip]) -> None:
    """Save a contact sheet as PNG: the video first, then the clips, the nearest first."""
    empty = np.full((1, *frames.shape[1:]), GREY, np.uint8)
    films = [frames, *(empty if clip.frames is None else clip.frames for clip in found)]
    texts = [f"{name}: {QUERY}", *(_line(clip) for clip in found)]
    sheet.save(path, films, texts, columns=1)


def save_page(
    path: Path, frames: UInt8[np.ndarray, "T H W 3"], fps: float, name: str, found: Sequence[SimilarClip]
) -> None:
    """Save a page with moving pictures inside, which opens in any browser."""
    cells = [_cell(frames, fps, name, QUERY)]
    cells += [_cell(clip.frames, fps, clip.name, _about(clip)) for clip in found]
    title = f"Training clips similar to {name}"
    text = (
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:15px sans-serif;margin:2em;max-width:70em}"
        "div{display:flex;gap:1.5em;flex-wrap:wrap}figure{margin:0 0 1em;width:256px}"
        "figcaption{padding-top:.4em}</style>"
        f"<h1>{html.escape(title)}</h1><p>{DISCLAIMER}</p><div>{''.join(cells)}</div>\n"
    )
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _cell(frames: UInt8[np.ndarray, "T H W 3"] | None, fps: float, name: str, about: str) -> str:
    picture = "" if frames is None else show.html(torch.from_numpy(np.ascontiguousarray(frames)), fps, name)
    return f"<figure>{picture}<figcaption><b>{html.escape(name)}</b><br>{html.escape(about)}</figcaption></figure>"


def _about(clip: SimilarClip) -> str:
    return f"{clip.words}. {clip.owner}, {clip.licence}. {clip.missing}".strip()


def _line(clip: SimilarClip) -> str:
    return f"{clip.name} by {clip.owner} ({clip.licence}), {clip.words} {clip.missing}".strip()
