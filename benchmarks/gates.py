"""How much the prompt gate refuses of bad prompts, and how much it lets through of harmless ones, on five sets.

gate_prompts.toml says what counts as bad. Of its half "develop", which the rules were written with, every mistake is
named; of "held-out", only how many there are. The sets 2 to 5 were written later: 2 with the rules, 3 to 5 before the
rules were tried on them; docs/gates.md has their first measurements. Takes seconds on one core.

    python -m benchmarks.gates
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from langit.evaluate.figures.intervals import wilson
from langit.release.gates.lexicon import lexicon
from langit.release.gates.prompt import RULES, judge_prompt

FOLDER = Path(__file__).parent
PROMPTS = FOLDER / "gate_prompts.toml"
LATER_SETS = tuple(FOLDER / f"gate_prompts_{number}.toml" for number in (2, 3, 4, 5))
SPLITS = ("develop", "held-out")
FORMS = ("plain", "veiled", "disguised", "name")
LANGUAGES = ("en", "id", "other")


@dataclass(frozen=True)
class JudgedPrompt:
    """One prompt of a set, and whether the gate refused it."""

    text: str
    category: str
    language: str
    form: str
    split: str
    bad: bool
    refused: bool
    rules: tuple[str, ...]


def judge(text: str, language: str, form: str, bad: bool, category: str = "", split: str = "") -> JudgedPrompt:
    """Put a prompt to the gate."""
    findings = judge_prompt(text)
    refused = any(finding.action == "refuse" for finding in findings)
    rules = tuple(finding.rule for finding in findings)
    return JudgedPrompt(text, category, language, form, split, bad, refused, rules)


def judge_set(path: Path = PROMPTS) -> list[JudgedPrompt]:
    """Put every prompt of a set to the gate: a set of rows, or one of groups."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    judged = [judge(**row) for row in table.get("prompts", ())]
    for group in table.get("group", ()):
        judged += [judge(text, group["language"], group["form"], group["bad"]) for text in group["prompts"]]
    return judged


def share(rows: Iterable[JudgedPrompt], bad: bool) -> str:
    """Of the bad or the harmless rows, how many were judged rightly, with Wilson's 95% interval."""
    right = [row.refused == bad for row in rows if row.bad == bad]
    if not right:
        return f"{'-':>28}"
    low, high = wilson(sum(right), len(right))
    return f"{sum(right):4}/{len(right):<4}{sum(right) / len(right):6.1%} [{low:6.1%}, {high:6.1%}]"


def print_table(title: str, rows: list[JudgedPrompt], categories: Iterable[str] = ()) -> None:
    """Print a set's shares by category, language and form."""
    print(f"{title:22}{'refused, of the bad':>34}{'let through, of the harmless':>36}")
    for name, part in (
        *((rule, [row for row in rows if row.category == rule]) for rule in categories),
        *((f"language {one}", [row for row in rows if row.language == one]) for one in LANGUAGES),
        *((form, [row for row in rows if row.form == form]) for form in FORMS),
        ("all", rows),
    ):
        if part:
            print(f"  {name:18}{share(part, True):>36}{share(part, False):>36}")
    print()


def main() -> None:
    """Print all tables, and the mistakes on the part that rules are written with."""
    started = time.perf_counter()
    lexicon()
    loaded = time.perf_counter() - started
    started = time.perf_counter()
    rows = judge_set()
    each = (time.perf_counter() - started) / len(rows)
    print(f"{len(rows)} prompts; lexicons read in {loaded * 1e3:.0f} ms, {each * 1e3:.2f} ms a prompt after that\n")
    for split in SPLITS:
        print_table(split, [row for row in rows if row.split == split], RULES)
    for path in LATER_SETS:
        print_table(path.stem, judge_set(path))
    for row in rows:
        if row.split == "develop" and row.refused != row.bad:
            print(f"{'missed' if row.bad else 'refused'}, {row.category}: {row.text!a} {', '.join(row.rules)}")


if __name__ == "__main__":
    main()
