"""The one door out: every video file of a model leaves through :func:`release`."""

from langit.release.release import Facts, check_path, release

__all__ = ["Facts", "check_path", "release"]
