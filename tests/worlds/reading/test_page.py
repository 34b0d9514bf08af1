"""The examples of docs/prompts.md are what the reader says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from langit.worlds.reading.expand import expand

PAGE = Path(__file__).parents[3] / "docs" / "prompts.md"
EXAMPLE = re.compile(r'^    \$ langit generate "(.+)" --seed (\d+)\n((?:    .+\n)+)', re.MULTILINE)
EXAMPLES = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize(("prompt", "seed", "shown"), EXAMPLES)
def test_an_example_of_the_page_is_what_the_reader_says(prompt: str, seed: str, shown: str) -> None:
    said = " ".join(expand(prompt, seed=int(seed)).lines())
    assert " ".join(shown.split()) == said
