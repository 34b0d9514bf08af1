"""Which training clips a video is similar to: fingerprints, calibrated scores, an index, a gate. Similar, no more."""

from langit.release.nearest.bundled import open_index
from langit.release.nearest.gate import NearestConfig, Watch, check, matches
from langit.release.nearest.index import ClipIndex, FilmName, Match

__all__ = ["ClipIndex", "FilmName", "Match", "NearestConfig", "Watch", "check", "matches", "open_index"]
