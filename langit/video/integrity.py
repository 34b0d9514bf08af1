"""Is a file complete? FFmpeg plays a file that was cut short up to the cut, without an error.

Containers consist of parts that begin with their length, or they end with a mark. This module walks the parts of a
file and compares them with its real length; it decodes nothing. Elementary streams (raw H.264) have neither: there the
decoder notices the last picture. Checksums are compared where the container has them (Ogg pages, Matroska elements).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

from langit.video.damage import ChecksumError
from langit.video.matroska import EBML, is_complete_matroska
from langit.video.ogg import OGG, is_complete_ogg

Bytes = mmap.mmap
BOXES: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
ASF: Final = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
MXF: Final = bytes.fromhex("060E2B34")
NUT: Final = b"nut/multimedia container\0"
NUT_INDEX: Final = bytes.fromhex("4E58DD672F23E64E")
PS_PACK, PS_END = b"\0\0\1\xba", b"\0\0\1\xb9"


def check_complete(path: Path) -> None:
    """Refuse a file that is cut short or whose checksums do not match.

    Raises:
        ValueError: the file is incomplete or damaged.
    """
    stat = path.stat()
    message = _problem(path, stat.st_size, stat.st_mtime_ns)
    if message is not None:
        raise ValueError(f"{path} {message}: download or copy it again")


@lru_cache(maxsize=256)  # a file is opened several times: to probe it, to index it, to read it
def _problem(path: Path, size: int, modified: int) -> str | None:
    del modified  # part of the cache's key
    if not size:
        return None  # FFmpeg's own message says it better
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        check = _checker(data)
        try:
            if check is None or check(data):
                return None
        except (IndexError, ValueError):  # a length or number that ends beyond the file
            pass
        except ChecksumError as error:
            return str(error)
    return f"is cut short, at {size} bytes"


def _checker(data: Bytes) -> Callable[[Bytes], bool] | None:
    """The check for a file's container, by its first bytes; None for those without lengths."""
    magics: tuple[tuple[bytes, Callable[[Bytes], bool]], ...] = (
        (EBML, is_complete_matroska),
        (OGG, is_complete_ogg),
        (b"FLV", _is_complete_flv),
        (ASF, _is_complete_asf),
        (MXF, _is_complete_mxf),
        (b"GIF8", _is_complete_gif),
        (b"YUV4MPEG2", _is_complete_y4m),
        (NUT, _is_complete_nut),
        (PS_PACK, _is_complete_ps),
    )
    for magic, check in magics:
        if data[: len(magic)] == magic:
            return check
    if data[4:8] in BOXES:
        return _is_complete_mp4
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return _is_complete_avi
    return _is_complete_ts if _ts_packet(data) else None


def _is_complete_mp4(data: Bytes) -> bool:
    """mp4 and QuickTime (ISO/IEC 14496-12): boxes of a 4-byte length, or 1 and an 8-byte length, or 0: to the end."""
    place = 0
    while place < len(data):
        length = int.from_bytes(_take(data, place, 4), "big")
        if length == 0:
            return True
        if length == 1:
            length = int.from_bytes(_take(data, place + 8, 8), "big")
        place = _step(place, length, len(data), least=8)
    return True


def _is_complete_avi(data: Bytes) -> bool:
    """AVI: RIFF chunks, of which OpenDML files have one per gigabyte. A recorder that died leaves a length of 0."""
    place = 0
    while data[place : place + 4] == b"RIFF":
        length = int.from_bytes(_take(data, place + 4, 4), "little")
        if length in (0, 0xFFFFFFFF):
            return True
        place = _step(place, 8 + length, len(data), least=8)
        place += place % 2 and place < len(data)  # chunks are padded to even lengths
    return True


def _is_complete_flv(data: Bytes) -> bool:
    """FLV: tags of an 11-byte header with a 3-byte length, each followed by its size again in 4 bytes."""
    place = int.from_bytes(_take(data, 5, 4), "big") + 4
    while place < len(data):
        length = 11 + int.from_bytes(_take(data, place + 1, 3), "big")
        trailer = int.from_bytes(_take(data, place + length, 4), "big")
        if trailer not in (length, 0):  # some writers leave it 0
            return False
        place += length + 4
    return True


def _is_complete_asf(data: Bytes) -> bool:
    """ASF (wmv): objects of a 16-byte identifier and an 8-byte length; live streams have a data object of length 0."""
    place = 0
    while place < len(data):
        length = int.from_bytes(_take(data, place + 16, 8), "little")
        if length == 0:
            return True
        place = _step(place, length, len(data), least=24)
    return True


def _is_complete_mxf(data: Bytes) -> bool:
    """MXF (SMPTE 377): triplets of a 16-byte key, a length, and a value."""
    place = 0
    while place < len(data):
        if _take(data, place, 4) != MXF:
            return False
        width = _take(data, place + 16, 1)[0]
        # A first byte from 0x80 on says how many bytes of length follow (BER, long form).
        count = width - 0x80 if width >= 0x80 else 0
        length = int.from_bytes(_take(data, place + 17, count), "big") if count else width
        place = _step(place, 17 + count + length, len(data), least=17)
    return True


def _is_complete_gif(data: Bytes) -> bool:
    """GIF: blocks up to the trailer 0x3B."""

    def color_table(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    place = 13 + color_table(data[10])
    while data[place] != 0x3B:
        if data[place] == 0x2C:  # an image: its descriptor, colours, code size, then sub-blocks
            place += 11 + color_table(data[place + 9])
        elif data[place] == 0x21:  # an extension: its label, then sub-blocks
            place += 2
        else:
            raise ChecksumError("is damaged")
        while data[place]:
            place += data[place] + 1
        place += 1
    return True


def _is_complete_y4m(data: Bytes) -> bool:
    """YUV4MPEG2: a line of text, then frames of one size, each after a line that begins with FRAME."""
    place = data.find(b"\n")
    header = data[: max(0, place)].decode("ascii", "replace")
    size = {key: re.search(rf" {key}(\S+)", header) for key in "WHC"}
    width, height = (int(found[1]) if (found := size[key]) else 0 for key in "WH")
    colour = found[1] if (found := size["C"]) else "420"
    half_width, half_height = -(-width // 2), -(-height // 2)
    chroma = {"420": 2 * half_width * half_height, "422": 2 * half_width * height, "444": 2 * width * height}
    chroma |= {"411": 2 * -(-width // 4) * height, "mono": 0}
    kind = next((name for name in chroma if colour.startswith(name)), None)
    if kind is None:
        return True
    planes = width * height * (2 if colour == "444alpha" else 1) + chroma[kind]
    frame = planes * (2 if re.search(r"p\d+$|mono1\d", colour) else 1)  # more than 8 bits are stored in 16
    place += 1
    while place < len(data):
        line = data.find(b"\n", place)
        if line < 0:
            return False
        place = _step(line + 1, frame, len(data), least=0)
    return True


def _is_complete_nut(data: Bytes) -> bool:
    """NUT: a file ends with its index; before the 4 bytes of checksum stands how far back the index begins."""
    back = int.from_bytes(data[-12:-4], "big")
    return 0 < back <= len(data) and data[len(data) - back : len(data) - back + 8] == NUT_INDEX


def _is_complete_ps(data: Bytes) -> bool:
    """MPEG program streams (mpg, vob): packs and packets of known length; an end code is optional."""
    place = 0
    while place + 4 <= len(data):
        code = data[place : place + 4]
        if code == PS_END:
            return True
        if code[:3] != b"\0\0\1":
            return True  # padding or a join: from here on lengths cannot be followed
        if code == PS_PACK:
            second = _take(data, place + 4, 10)
            is_mpeg2 = second[0] >> 6 == 1
            place += 14 + (second[9] & 7) if is_mpeg2 else 12
        else:
            place += 6 + int.from_bytes(_take(data, place + 4, 2), "big")
    return place == len(data)


def _ts_packet(data: Bytes) -> int:
    """The packet length of an MPEG transport stream: 188, 192 (Blu-ray), 204 (with error correction), or 0: none."""
    for length, first in ((188, 0), (192, 4), (204, 0)):
        places = range(first, min(len(data), first + 5 * length), length)
        if len(places) > 1 and all(data[place] == 0x47 for place in places):
            return length
    return 0


def _is_complete_ts(data: Bytes) -> bool:
    return len(data) % _ts_packet(data) == 0


def _take(data: Bytes, place: int, count: int) -> bytes:
    """Bytes at a place, all of them."""
    found = data[place : place + count]
    if len(found) < count:
        raise IndexError(place)
    return found


def _step(place: int, length: int, end: int, least: int) -> int:
    """Past a part. A length below its header's, or beyond the end, is not one that a writer left."""
    if length < least or place + length > end:
        raise IndexError(place)
    return place + length
