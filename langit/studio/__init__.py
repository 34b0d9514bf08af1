"""From a request to a released file: the calls that the command line, a server and a notebook share.

A request is a value; :class:`Studio` holds a model and prepares requests as jobs; a job generates and releases a file.
Nothing here prints, and nothing is kept in globals. Names are imported on first use, so that a server's web process,
which only tells what a model will make of a prompt, does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langit.studio.job import StudioJob
    from langit.studio.naming import claim_paths, free_path
    from langit.studio.options import StudioOptions
    from langit.studio.progress import StudioProgress
    from langit.studio.result import ReleasedVideo
    from langit.studio.studio import Studio

__all__ = [
    "ReleasedVideo",
    "Studio",
    "StudioJob",
    "StudioOptions",
    "StudioProgress",
    "claim_paths",
    "free_path",
]

_LAZY = {
    "ReleasedVideo": "langit.studio.result",
    "Studio": "langit.studio.studio",
    "StudioJob": "langit.studio.job",
    "StudioOptions": "langit.studio.options",
    "StudioProgress": "langit.studio.progress",
    "claim_paths": "langit.studio.naming",
    "free_path": "langit.studio.naming",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
