"""The mark in the pictures: an id of 64 bits that is still there when everything around the pictures is gone.

`lattice` says what the mark is, `payload` how an id becomes signs, `mark` puts it in; `residual`, `search` and
`reading` find it again.
"""

from langit.release.watermark.mark import Watermark, WatermarkConfig
from langit.release.watermark.payload import IDENT
from langit.release.watermark.reading import CHANCE, Match, Reading, read

__all__ = ["CHANCE", "IDENT", "Match", "Reading", "Watermark", "WatermarkConfig", "read"]
