"""The one door out: every video or image of a model leaves by :func:`release` or :func:`release_image`."""

from langit.release.release import IMAGE, SUFFIX, Facts, check_path, release, release_image

__all__ = ["IMAGE", "SUFFIX", "Facts", "check_path", "release", "release_image"]
