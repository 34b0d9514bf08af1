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


def quote(text: object, most: int = MAX_LENGTH) -> str:
    """Return text as one line in double quotes that it cannot close by itself."""
    return '"' + one_line(text, most).replace('"', "'") + '"'


def to_json(value: Any, indent: int | None = 1) -> str:
    """Return a value as JSON in which unsafe characters are escaped; letters of every script stay readable."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # Line breaks are JSON's own here: inside strings it escapes them, like all characters below U+0020.
    return "".join(_json_escape(character) if _is_unsafe(character) else character for character in text)


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in UNSAFE and character != "\n"


def _json_escape(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]  # DEL is ASCII, which JSON leaves alone
