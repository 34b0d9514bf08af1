"""Which training clips a video is similar to: fingerprints, calibrated scores, an index, a gate. Not what caused it."""

from langit.release.nearest.bundled import open_index
from langit.release.nearest.gate import NearestConfig, NearestGate, check, nearest_clips
from langit.release.nearest.index import ClipIndex, ClipMatch, FilmName

__all__ = ["ClipIndex", "ClipMatch", "FilmName", "NearestConfig", "NearestGate", "check", "nearest_clips", "open_index"]
