"""Ogg pages (RFC 3533): are they all there, and do their checksums match?"""

from __future__ import annotations

import mmap
import zlib
from typing import Final

from langit.video.damage import ChecksumError

OGG: Final = b"OggS"
_END_OF_STREAM: Final = 4  # flag of a stream's last page
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def is_complete_ogg(data: mmap.mmap) -> bool:
    """Whether pages reach to the end and one of them ends its stream.

    Raises:
        ValueError: a page's checksum does not match, or a page does not begin where it should.
    """
    place, ended = 0, False
    while place < len(data):
        if data[place : place + 4] != OGG:
            return False
        lengths = data[place + 27 : place + 27 + data[place + 26]]  # of the page's segments
        end = place + 27 + len(lengths) + sum(lengths)
        if len(lengths) < data[place + 26] or end > len(data):
            return False
        page = bytearray(data[place:end])
        page[22:26] = bytes(4)  # the checksum is taken with its own field at zero
        if checksum(page) != int.from_bytes(data[place + 22 : place + 26], "little"):
            raise ChecksumError(f"is damaged at byte {place}")
        ended = ended or bool(data[place + 5] & _END_OF_STREAM)
        place = end
    return ended


def checksum(page: bytes | bytearray) -> int:
    """Ogg's CRC-32: zlib's polynomial, but the highest bit first, and no inversion before and after."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
