"""Keyword arguments that every ability of a studio takes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Final, TypedDict

from langit.studio.options import Quality, StudioOptions
from langit.studio.progress import OnPreview, OnProgress

OPTIONS: Final = tuple(each.name for each in fields(StudioOptions))
"""Those of :class:`StudioOptions`."""


class Keywords(TypedDict, total=False):
    """Keyword arguments of every ability. The first eleven are those of :class:`StudioOptions`.

    seed: 0 to 2**63 - 1; 0 if left out.
    output: the file; by default one in the folder ``outputs`` of LANGIT_HOME, named for the prompt and the seed.
    overwrite: whether a file at ``output`` is replaced.
    on_progress: is called after every step; an exception that it raises cancels.
    on_preview: is called now and then with a few frames of what the video is becoming.
    preview: a .png that shows the same and is kept up to date.
    """

    steps: int | None
    guidance: float | None
    solver: str | None
    negative: str | None
    reuse: float | None
    shift: float | None
    preset: str | None
    quality: Quality | None
    expand: str | None
    strict: bool
    parent_names: bool
    seed: int | None
    output: Path | str | None
    overwrite: bool
    on_progress: OnProgress | None
    on_preview: OnPreview | None
    preview: Path | str | None
