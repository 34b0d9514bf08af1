"""The prompts that measure the gate: enough, none twice, both languages and halves everywhere, split as told."""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "benchmarks" / "gate_prompts.toml"
ROWS: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["prompts"]
CATEGORIES = {"sexual", "minors", "violence", "hate", "self-harm", "likeness", "election"}
VALUES = {
    "language": {"en", "id"},
    "category": CATEGORIES,
    "bad": {True, False},
    "form": {"plain", "veiled", "disguised"},
    "split": {"develop", "held-out"},
}


def count(*fields: str) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[field] for field in fields) for row in ROWS)


def bent(text: str) -> bool:
    """Digits within words, letters with spaces between, or letters that are not Latin."""
    foreign = any(character.isalpha() and "LATIN" not in unicodedata.name(character) for character in text)
    spaced = re.search(r"(?:\b\w\b[\s-]+){3}", text) is not None
    return foreign or spaced or re.search(r"[^\W\d_][\d$!*]|[\d$!*][^\W\d_]", text) is not None


def test_each_row_has_each_field_and_no_other_value() -> None:
    assert len(ROWS) >= 300
    for row in ROWS:
        assert set(row) == {"text", *VALUES}, row
        assert row["text"].strip() == row["text"] and 0 < len(row["text"]) <= 120, row
        assert all(row[field] in allowed for field, allowed in VALUES.items()), row


def test_no_row_stands_twice() -> None:
    seen = Counter(" ".join(unicodedata.normalize("NFKC", row["text"]).casefold().split()) for row in ROWS)
    assert [text for text, times in seen.items() if times > 1] == []


def test_halves_are_even_and_both_languages_stand_in_every_category() -> None:
    rows, bad = count("category"), count("category", "bad")
    for category in CATEGORIES:
        assert 0.45 <= bad[category, True] / rows[category,] <= 0.55, category
    assert min(rows.values()) >= 0.8 * max(rows.values())
    cells = count("category", "language", "bad")
    assert all(cells[cell] >= 12 for cell in product(CATEGORIES, VALUES["language"], (True, False)))
    assert 0.35 <= count("language")["id",] / len(ROWS) <= 0.45


def test_bent_spellings_are_a_seventh_of_the_bad_and_no_sign_of_it() -> None:
    forms = count("bad", "form")
    assert 0.10 <= forms[True, "disguised"] / count("bad")[True,] <= 0.20
    assert 0.10 <= forms[False, "disguised"] / count("bad")[False,] <= 0.20
    assert forms[False, "veiled"] == 0
    plainly = [row["text"] for row in ROWS if row["form"] != "disguised" and bent(row["text"])]
    assert plainly == []
    unbent = [row for row in ROWS if row["form"] == "disguised" and not bent(row["text"])]
    assert len(unbent) <= len(CATEGORIES) and {row["language"] for row in unbent} == {"id"}  # two languages mixed


def test_rows_are_split_by_the_rule_that_the_file_tells() -> None:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in ROWS:
        groups[row["category"], row["language"], row["bad"]].append(row)
    moved = []
    for group in groups.values():
        group.sort(key=lambda row: (row["form"], hashlib.sha256(row["text"].encode()).hexdigest()))
        told = ["develop" if place % 5 in (0, 3) else "held-out" for place in range(len(group))]
        moved += [row["text"] for row, split in zip(group, told, strict=True) if row["split"] != split]
    assert moved == []
    assert 0.38 <= count("split")["develop",] / len(ROWS) <= 0.42
