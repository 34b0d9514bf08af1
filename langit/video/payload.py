"""Bytes that no encoder writes: damage that decoders take for a picture, seen in a packet before it is decoded.

H.264 and HEVC keep three zero bytes, and two with a 2, out of their slices, because they mark where the next unit
begins (ITU-T H.264, 7.4.1; H.265, 7.4.2). VP8 has no such rule, but arithmetic codes of 32 zero bytes in a row stand
for what is as likely as 2^-256; 13 were the most in any film that was looked at. Knows nothing of containers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# Zeros at a unit's end are padding, and three with a 1 are a start code, which some muxers leave in.
_FORBIDDEN: Final = re.compile(rb"\x00\x00(?:\x02|\x00+[^\x00\x01])", re.DOTALL)
_ZEROS: Final = re.compile(rb"\x00{32,}[^\x00]", re.DOTALL)
_H264_SLICES: Final = frozenset(range(1, 6))  # nal_unit_type, table 7-1
_HEVC_SLICES: Final = frozenset(range(22))  # nal_unit_type, table 7-1


class PayloadCheck:
    """Looks at the packets of one stream; codecs without such a rule pass."""

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self.codec = codec
        self._length_bytes = _length_bytes(codec, extradata or b"")

    def is_impossible(self, data: bytes) -> bool:
        """Whether a packet has bytes that an encoder cannot have written."""
        if self.codec == "vp8":
            return _ZEROS.search(data) is not None
        if self.codec not in ("h264", "hevc") or _FORBIDDEN.search(data) is None:  # most packets end here
            return False
        units = _units_with_lengths(data, self._length_bytes) if self._length_bytes else data.split(b"\0\0\1")
        return any(self._is_slice(unit) and _FORBIDDEN.search(unit) is not None for unit in units)

    def _is_slice(self, unit: bytes) -> bool:
        if not unit:
            return False
        if self.codec == "h264":
            return unit[0] & 0x1F in _H264_SLICES
        return unit[0] >> 1 & 0x3F in _HEVC_SLICES


def _length_bytes(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each unit, from avcC or hvcC (ISO/IEC 14496-15); 0 where start codes divide them."""
    place = {"h264": 4, "hevc": 21}.get(codec)
    if place is None or extradata[:1] != b"\1" or len(extradata) <= place:
        return 0
    return (extradata[place] & 3) + 1


def _units_with_lengths(data: bytes, length_bytes: int) -> Iterator[bytes]:
    place = 0
    while place + length_bytes < len(data):
        length = int.from_bytes(data[place : place + length_bytes], "big")
        place += length_bytes
        yield data[place : place + length]
        place += length
