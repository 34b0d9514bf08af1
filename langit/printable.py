"""Make text from strangers safe to print: one line, without anything that a terminal or a reader's eye obeys.

Every string that comes from a file, a certificate, a ledger or the network passes through here where it is printed.
Knows nothing of what the text means.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

MAX_LENGTH: Final = 1000
"""Characters of a line; a prompt fits, a flood does not."""
UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are escaped: control (ESC, newlines), format (also every bidirectional control and zero-width
character), surrogates, private use, unassigned, and the line and paragraph separators."""


BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing: invisible text, and space that wraps a line where its writer likes."""
MAX_MARKS: Final = 4
MAX_SPACES: Final = 40


def one_line(text: object, most: int = MAX_LENGTH) -> str:
    """Return text as one line: unsafe characters are escaped as in Python, what is longer than ``most`` is cut off.

    Marks are kept, but no more than ``MAX_MARKS`` after another, since a stack of them covers the lines above; and so
    are spaces up to ``MAX_SPACES``, since more would let a terminal begin a line with whatever follows.
    """
    parts: list[str] = []
    length = marks = spaces = 0
    for character in str(text):
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        spaces = spaces + 1 if category == "Zs" else 0
        safe = category not in UNSAFE and character not in BLANK and marks <= MAX_MARKS and spaces <= MAX_SPACES
        part = character if safe else _escape(character)
        length += len(part)
        if length > most:  # of what is printed: an escape is up to ten characters long
            return "".join(parts) + "…"
        parts.append(part)
    return "".join(parts)


def _escape(character: str) -> str:
    return "\\x20" if character == " " else character.encode("unicode_escape").decode("ascii")


def quote(text: object, most: int = MAX_LENGTH) -> str:
    """Return text as one line in double quotes that it cannot close by itself."""
    return '"' + one_line(text, most).replace('"', "'") + '"'


def to_json(value: Any, indent: int | None = 1) -> str:
    """Return a value as JSON in which unsafe characters are escaped; letters of every script stay readable."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    parts: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        # Line breaks are JSON's own here: inside strings it escapes them, like all characters below U+0020.
        safe = character == "\n" or (category not in UNSAFE and character not in BLANK and marks <= MAX_MARKS)
        parts.append(character if safe else _json_escape(character))
    return "".join(parts)


def _json_escape(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]  # DEL is ASCII, which JSON leaves alone
