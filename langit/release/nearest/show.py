"""A video and the training clips that it is similar to, side by side: a picture, or a page without other files."""

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
from langit.release.nearest.clips import Similar

SAYS: Final = "Similar is what was measured. Nobody can tell from it what the cause was."
_EMPTY: Final = 225


def picture(path: Path, frames: UInt8[np.ndarray, "T H W 3"], name: str, found: Sequence[Similar]) -> None:
    """A contact sheet as PNG: the video first, then the clips, the nearest first."""
    grey = np.full((1, *frames.shape[1:]), _EMPTY, np.uint8)
    films = [frames, *(grey if one.frames is None else one.frames for one in found)]
    texts = [f"{name}: what was asked about", *(_line(one) for one in found)]
    sheet.save(path, films, texts, columns=1)


def page(path: Path, frames: UInt8[np.ndarray, "T H W 3"], fps: float, name: str, found: Sequence[Similar]) -> None:
    """A page that opens in any browser, with moving pictures inside."""
    cells = [_cell(frames, fps, name, "what was asked about")]
    cells += [_cell(one.frames, fps, one.name, _about(one)) for one in found]
    title = f"Training clips similar to {name}"
    text = (
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:15px sans-serif;margin:2em;max-width:70em}"
        "div{display:flex;gap:1.5em;flex-wrap:wrap}figure{margin:0 0 1em;width:256px}"
        "figcaption{padding-top:.4em}</style>"
        f"<h1>{html.escape(title)}</h1><p>{SAYS}</p><div>{''.join(cells)}</div>\n"
    )
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _cell(frames: UInt8[np.ndarray, "T H W 3"] | None, fps: float, name: str, about: str) -> str:
    seen = "" if frames is None else show.html(torch.from_numpy(np.ascontiguousarray(frames)), fps, name)
    return f"<figure>{seen}<figcaption><b>{html.escape(name)}</b><br>{html.escape(about)}</figcaption></figure>"


def _about(one: Similar) -> str:
    return f"{one.words}. {one.owner}, {one.licence}. {one.missing}".strip()


def _line(one: Similar) -> str:
    return f"{one.name} by {one.owner} ({one.licence}), {one.words} {one.missing}".strip()
