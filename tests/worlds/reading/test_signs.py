"""Prompts as people write them: what does not stop, and emoji."""

from __future__ import annotations

import pytest

from langit.text.tokenizer import train_tokenizer
from langit.worlds.reading.expand import expand
from langit.worlds.reading.lexicon import caption_words
from langit.worlds.reading.parse import read_prompt

TOKENIZER = train_tokenizer([" ".join(sorted(caption_words()))])


@pytest.mark.parametrize(
    ("prompt", "action"),
    [
        ("a red ball never stops rolling on sand", "moves"),
        ("a red ball doesn't stop bouncing on snow", "falls"),
        ("bola merah tak henti memantul di pasir", "falls"),
        ("bola merah tidak berhenti berputar", "spins"),
    ],
)
def test_what_does_not_stop_goes_on(prompt: str, action: str) -> None:
    reading = read_prompt(prompt)
    assert reading.asks["action"] == action and not reading.ignored and not reading.unknown


@pytest.mark.parametrize(
    ("prompt", "symbols"),
    [
        ("a red ball 🎈 bounces on snow ❄️", ["🎈", "❄️"]),
        ("🔴⚽ on 🏜️", ["🔴⚽", "🏜️"]),
        ("a red ball 👨‍👩‍👧 rolls →", ["👨‍👩‍👧", "→"]),
        ("a red ball bounces on snow at sunset, the camera zooms in 🎥", ["🎥"]),
    ],
)
def test_emoji_are_named_as_unknown_and_not_passed_on(prompt: str, symbols: list[str]) -> None:
    made = expand(prompt, 3, TOKENIZER)
    assert [word for word, _ in made.unknown] == symbols == list(made.lost)
    assert not any(symbol in made.text for symbol in symbols) and made.original == prompt
    assert any(f"unknown words: '{symbols[0]}'" in line for line in made.lines())
