"""The one door out: every video or image of a model leaves by :func:`release` or :func:`release_image`.

What needs a model's rooms is imported when it is first asked for: whoever only verifies a file does not load them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from langit.release.gates.finding import Finding, Refused
from langit.release.release import IMAGE, SUFFIX, Released, check_path, release, release_image, release_preview

if TYPE_CHECKING:
    from langit.release.door import Door
    from langit.release.facts import Facts

__all__ = [
    "IMAGE",
    "SUFFIX",
    "Door",
    "Facts",
    "Finding",
    "Refused",
    "Released",
    "check_path",
    "release",
    "release_image",
    "release_preview",
]

_LATER = {"Door": "langit.release.door", "Facts": "langit.release.facts"}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
