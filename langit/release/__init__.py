"""The only way out for generated media: every video or image leaves by :func:`release` or :func:`release_image`.

Names that need a model's rooms are imported on first use, so that verifying a file does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from langit.release.gates.finding import Finding, Refused
from langit.release.release import (
    IMAGE,
    SUFFIX,
    VIDEO_SUFFIXES,
    Released,
    check_path,
    release,
    release_image,
    release_preview,
)
from langit.release.stage import ReleaseStage, StagedRelease

if TYPE_CHECKING:
    from langit.release.door import Door
    from langit.release.facts import Facts

__all__ = [
    "IMAGE",
    "SUFFIX",
    "VIDEO_SUFFIXES",
    "Door",
    "Facts",
    "Finding",
    "Refused",
    "ReleaseStage",
    "Released",
    "StagedRelease",
    "check_path",
    "release",
    "release_image",
    "release_preview",
]

_LAZY = {"Door": "langit.release.door", "Facts": "langit.release.facts"}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
