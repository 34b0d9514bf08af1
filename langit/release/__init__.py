"""The one door out: every video or image of a model leaves by :func:`release` or :func:`release_image`."""

from langit.release.door import Door
from langit.release.facts import Facts
from langit.release.gates.finding import Finding, Refused
from langit.release.release import IMAGE, SUFFIX, Released, check_path, release, release_image, release_preview

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
