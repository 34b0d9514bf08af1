"""Make text from strangers safe to print: one line, without anything that a terminal or a reader's eye obeys.

Every string that comes from a file, a certificate, a ledger or the network passes through here where it is printed.
Knows nothing of what the text means.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_LENGTH: Final = 1000
"""Characters of a line; a prompt fits, a flood does not."""
UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are escaped: control (ESC, newlines), format (also every bidirectional control and zero-width
character), surrogates, private use, unassigned, and the line and paragraph separators."""


def one_line(text: object, most: int = MAX_LENGTH) -> str:
    """Return text as one line: unsafe characters are escaped as in Python, what is longer than ``most`` is cut off.

    Combining marks are kept, but no more than four after another: a stack of them covers the lines above.
    """
    parts: list[str] = []
    length = marks = 0
    for character in str(text):
        marks = marks + 1 if unicodedata.combining(character) else 0
        safe = unicodedata.category(character) not in UNSAFE and marks <= 4
        part = character if safe else character.encode("unicode_escape").decode("ascii")
        length += len(part)
        if length > most:  # of what is printed: an escape is up to ten characters long
            return "".join(parts) + "…"
        parts.append(part)
    return "".join(parts)


def quoted(text: object, most: int = MAX_LENGTH) -> str:
    """Return text as one line in double quotes that it cannot close by itself."""
    return '"' + one_line(text, most).replace('"', "'") + '"'
