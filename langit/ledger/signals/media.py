"""What a media file's own metadata say: reservations in XMP (PLUS, TDMRep, RSL), and that a model made the pixels.

Looks for the words of these vocabularies among the file's bytes, in UTF-8 and UTF-16, wherever a container keeps its
metadata. Words that are compressed (zTXt in PNG, brotli in C2PA) are not found. Knows nothing of C2PA: see ``cawg``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from langit.ledger.record import Says
from langit.ledger.signals.reading import SignalReading

PIECE = 1 << 20
LONGEST = 512
"""Bytes that a match may have: pieces overlap by as many."""
MINED = re.compile(
    rb"DMI-([A-Z0-9-]{4,60})"  # PLUS DataMining, of IPTC Photo Metadata 2023.1
    rb"|tdm[-_:]{0,2}reservation[\"']?\s{0,9}(?:=|>|:)\s{0,9}[\"']?\s{0,9}([\w.-]{1,20})"
    rb"|(https?://rslstandard\.org/rsl)",
    re.IGNORECASE,
)
MADE = re.compile(
    rb"digitalsourcetype/(trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia|compositeSynthetic"
    rb"|trainedAlgorithmicData)",
    re.IGNORECASE,
)
"""IPTC digital source types of what a model made, in whole or in part."""
TRACES = (b"dmi-", b"reservation", b"rslstandard", b"digitalsourcetype")
WIDE = (b"D\0M\0I", b"t\0d\0m", b"o\0u\0r\0c\0e", b"r\0s\0l")
"""Traces of these words in UTF-16."""
PLUS_ALLOWS = ("ALLOWED", "UNSPECIFIED")
PLUS_OTHER_USES = ("PROHIBITED-SEARCHENGINEINDEXING", "PROHIBITED-EXCEPTSEARCHENGINEINDEXING")


def read(path: Path) -> tuple[SignalReading, ...]:
    """What a file's metadata say of training; nothing where they say nothing.

    Raises:
        OSError: the file cannot be read.
    """
    found = dict.fromkeys(map(_signal, _matches(MINED, path)))
    return tuple(SignalReading(scheme, says, path.name, text) for scheme, says, text in filter(None, found))


def made_by_model(path: Path) -> str | None:
    """The digital source type by which a file's metadata say that a model made its pixels, or ``None``.

    Raises:
        OSError: the file cannot be read.
    """
    return next((match[1].decode("ascii") for match in _matches(MADE, path)), None)


def _signal(match: re.Match[bytes]) -> tuple[str, Says, str] | None:
    plus, tdm, rsl = (None if group is None else group.decode("ascii", "replace") for group in match.groups())
    if plus is not None:
        name = plus.upper()
        if name in PLUS_ALLOWS or name == PLUS_OTHER_USES[0]:
            return None
        return "noai", "reserved" if name.startswith("PROHIBITED") else "unreadable", f"plus:DataMining DMI-{plus}"
    if tdm is not None:
        return None if tdm == "0" else ("tdmrep", "reserved" if tdm == "1" else "unreadable", f"tdm-reservation {tdm}")
    return "rsl", "unreadable", f"the file names {rsl}, whose terms are not read from media"


def _matches(pattern: re.Pattern[bytes], path: Path) -> Iterator[re.Match[bytes]]:
    for piece, more in _pieces(path):
        lower = piece.lower()
        if not any(trace in lower for trace in TRACES):  # ten times as fast as the patterns
            continue
        # A word at the end of a piece may go on: it is read with the next one, which overlaps.
        yield from (match for match in pattern.finditer(piece) if not (more and match.end() == len(piece)))


def _pieces(path: Path) -> Iterator[tuple[bytes, bool]]:
    """The file's bytes with an overlap, and whether more follow; where zeros are as in UTF-16, also without them."""
    tail = b""
    with path.open("rb") as file:
        piece = file.read(PIECE)
        while piece:
            window, piece = tail + piece, file.read(PIECE)
            yield window, bool(piece)
            if any(trace in window for trace in WIDE):
                yield window.replace(b"\0", b""), bool(piece)
            tail = window[-LONGEST:]
