"""From a request to a released file: the calls that the command line, a server and a notebook share.

A request is a value; :class:`Studio` holds a model and prepares requests as jobs; a job generates and releases a file.
Nothing here prints, and nothing is kept in globals.
"""

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
