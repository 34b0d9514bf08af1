"""Matroska and WebM elements (RFC 8794, RFC 9559): are they all there, and do their checksums match?"""

from __future__ import annotations

import mmap
import zlib
from typing import Final

from langit.video.damage import ChecksumError

EBML: Final = bytes.fromhex("1A45DFA3")  # what such files begin with
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
CRC32: Final = 0xBF
_CHILDREN_WITH_4_BYTES: Final = 0x10000000  # identifiers of level-1 elements are 4 bytes long
# RFC 9559, 5.1.3: timestamp, silent tracks, position, size before, blocks; anywhere: checksum, padding.
_IN_CLUSTER: Final = frozenset({0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, CRC32, 0xEC})


def is_complete_matroska(data: mmap.mmap) -> bool:
    """Whether elements reach to the end, also those of a segment whose length a live recorder left open.

    Raises:
        ChecksumError: an element's checksum does not match.
    """
    place = 0
    while place < len(data):
        identifier, start, length = _element(data, place)
        if length is None and identifier != SEGMENT:
            return True
        if length is not None and start + length > len(data):
            return False
        if identifier == SEGMENT:
            return _is_complete_segment(data, start, len(data) if length is None else start + length)
        place = start + (length or 0)
    return True


def _is_complete_segment(data: mmap.mmap, place: int, end: int) -> bool:
    """The segment's children. In a cluster of open length its own children follow, up to the next cluster."""
    while place < end:
        identifier, start, length = _element(data, place)
        if length is None:
            place = start
            continue
        if start + length > end:
            return False
        if identifier >= _CHILDREN_WITH_4_BYTES and length > 6 and data[start] == CRC32 and data[start + 1] == 0x84:
            expected = int.from_bytes(data[start + 2 : start + 6], "little")
            if zlib.crc32(memoryview(data)[start + 6 : start + length]) != expected:
                raise ChecksumError(f"is damaged between bytes {place} and {start + length}")
        if identifier == CLUSTER:
            _check_cluster(data, start, start + length)
        place = start + length
    return True


def _check_cluster(data: mmap.mmap, place: int, end: int) -> None:
    """Follow a cluster's blocks: damage that hits the header of one makes players skip pictures without a word.

    Raises:
        ChecksumError: something else lies where a block should begin.
    """
    while place < end:
        identifier, start, length = _element(data, place)
        if identifier not in _IN_CLUSTER or length is None or start + length > end:
            raise ChecksumError(f"is damaged at byte {place}")
        place = start + length


def _element(data: mmap.mmap, place: int) -> tuple[int, int, int | None]:
    """An element's identifier, where its content begins, and its length, None where it is left open."""
    width = 9 - data[place].bit_length()  # leading zero bits tell how many bytes a number has
    identifier = int.from_bytes(data[place : place + width], "big")
    place += width
    width = 9 - data[place].bit_length()
    digits = data[place : place + width]
    if width > 8 or len(digits) < width:
        raise IndexError(place)
    unknown = (1 << 7 * width) - 1
    length = int.from_bytes(digits, "big") & unknown
    return identifier, place + width, None if length == unknown else length
