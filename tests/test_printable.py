"""Text from strangers becomes one line of harmless characters."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.printable import MAX_LENGTH, one_line, quote, to_json


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a red ball", "a red ball"),
        ("bola merah é 赤い ☀", "bola merah é 赤い ☀"),
        ("\x1b[2J\x1b[Hintact", r"\x1b[2J\x1b[Hintact"),
        ("a\nb\r\nc\td", r"a\nb\r\nc\td"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066a\u2069\u200b\ufeff", r"\u2066a\u2069\u200b\ufeff"),
        ("\x9b2J\x9d0;title\x07", r"\x9b2J\x9d0;title\x07"),
        ("\udc9b", r"\udc9b"),
        ("\U000e0041", r"\U000e0041"),
        ("z" + "\u0300" * 6, "z" + "\u0300" * 4 + r"\u0300\u0300"),
        ("z" + "\u20dd" * 5, "z" + "\u20dd" * 4 + r"\u20dd"),  # marks that combine with all before them
        ("\u0e01" + "\u0e47" * 5, "\u0e01" + "\u0e47" * 4 + r"\u0e47"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("a\ufe00\ufe01\ufe02\ufe03\U000e0100", "a\ufe00\ufe01\ufe02\ufe03" + r"\U000e0100"),  # hidden bytes
        ("a\u3164\u2800\uffa0\u034f", r"a\u3164\u2800\uffa0\u034f"),  # blank, and no spaces
        ("a" + " " * 42, "a" + " " * 40 + r"\x20\x20"),
        ("a" + "\u3000" * 41, "a" + "\u3000" * 40 + r"\u3000"),
    ],
)
def test_unsafe_characters_are_escaped(text: str, printed: str) -> None:
    assert one_line(text) == printed


def test_long_text_is_cut() -> None:
    assert one_line("a" * 5000) == "a" * MAX_LENGTH + "…"
    assert one_line("abcdef", 3) == "abc…"


def test_quotes_cannot_be_closed_from_inside() -> None:
    assert quote('a" by "Langit') == "\"a' by 'Langit\""


@given(st.text(max_size=200))
def test_nothing_unsafe_is_left(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert one_line(line, 10**6) == line
    line.encode("utf-8")


@given(st.recursive(st.text(max_size=50), lambda values: st.lists(values) | st.dictionaries(st.text(), values)))
def test_json_holds_the_same_values_without_unsafe_characters(value: object) -> None:
    text = to_json(value)
    assert json.loads(text) == value
    assert not {unicodedata.category(character) for character in text.replace("\n", "")} & {"Cc", "Cf", "Zl", "Zp"}


def test_json_keeps_letters_readable() -> None:
    assert to_json({"prompt": "bola é 赤い"}, None) == '{"prompt": "bola é 赤い"}'
    assert to_json("\x7f\x9b\u202e", None) == r'"\u007f\u009b\u202e"'


def test_json_covers_no_lines_with_marks() -> None:
    text = to_json(["z" + "\u0301" * 30 + "\u3164"])
    assert text.count("\u0301") == 4 and "\u3164" not in text and json.loads(text) == ["z" + "\u0301" * 30 + "\u3164"]
