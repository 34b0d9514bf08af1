"""The watermark: an id of 64 bits in the pictures, which remains when everything around the pictures is gone.

`lattice` defines the pattern, `payload` codes an id as signs, `mark` adds it to frames; `residual`, `search` and
`reading` find it again.
"""

from langit.release.watermark.mark import Watermark, WatermarkConfig
from langit.release.watermark.payload import IDENT
from langit.release.watermark.reading import MAX_CHANCE, MarkMatch, MarkReading, read

__all__ = ["IDENT", "MAX_CHANCE", "MarkMatch", "MarkReading", "Watermark", "WatermarkConfig", "read"]
