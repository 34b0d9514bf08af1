"""How much the prompt gate refuses of bad prompts, and how much it lets through of harmless ones, on eleven sets.

gate_prompts.toml says what counts as bad. Of its half "develop", which the rules were written with, every mistake is
named; of "held-out", only how many there are. The sets 2 to 11 were written later: 2 with the rules, the others before
the gate was tried on them; docs/gates.md has their first measurements. Sets 2 to 8 are among what the classifier learns
from, 9 to 11 are not. Takes some seconds on one core.

    python -m benchmarks.gates
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from langit.evaluate.figures.intervals import wilson
from langit.recipes.judges.gate_sentences import EARLIER
from langit.release.gates.lexicon import lexicon
from langit.release.gates.prompt import CLASSIFIER, RULES, judge_prompt

FOLDER = Path(__file__).parent
PROMPTS = FOLDER / "gate_prompts.toml"
_LEARNT = FOLDER.parent / "langit" / "recipes" / "judges" / "sentences"  # the classifier learns from sets 2 to 8
LATER_SETS = (
    *(_LEARNT / f"prompts_{number}.toml" for number in EARLIER),
    *(FOLDER / f"gate_prompts_{number}.toml" for number in (9, 10, 11)),
)
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
    by_rules: bool
    rules: tuple[str, ...]


def judge(text: str, language: str, form: str, bad: bool, category: str = "", split: str = "") -> JudgedPrompt:
    """Put a prompt to the gate."""
    findings = judge_prompt(text)
    refusing = {finding.rule for finding in findings if finding.action == "refuse"}
    rules = tuple(finding.rule for finding in findings)
    return JudgedPrompt(
        text, category, language, form, split, bad, bool(refusing), bool(refusing - {CLASSIFIER}), rules
    )


def judge_set(path: Path = PROMPTS) -> list[JudgedPrompt]:
    """Put every prompt of a set to the gate: a set of rows, or one of groups."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    judged = [judge(**row) for row in table.get("prompts", ())]
    for group in table.get("group", ()):
        facts = {key: value for key, value in group.items() if key != "prompts"}
        judged += [judge(text, **facts) for text in group["prompts"]]
    return judged


def share(rows: Iterable[JudgedPrompt], bad: bool) -> str:
    """Of the bad or the harmless rows, how many were judged rightly, with Wilson's 95% interval; by the rules alone."""
    some = [row for row in rows if row.bad == bad]
    if not some:
        return f"{'-':>36}"
    right = sum(row.refused == bad for row in some)
    low, high = wilson(right, len(some))
    alone = sum(row.by_rules == bad for row in some) / len(some)
    return f"{right:4}/{len(some):<4}{right / len(some):6.1%} [{low:6.1%}, {high:6.1%}] {alone:7.1%}"


def print_table(title: str, rows: list[JudgedPrompt], categories: Iterable[str] = ()) -> None:
    """Print a set's shares by category, language and form."""
    print(f"{title:22}{'refused, of the bad; by rules alone':>40}{'let through, of the harmless; by rules':>42}")
    for name, part in (
        *((rule, [row for row in rows if row.category == rule]) for rule in categories),
        *((f"language {one}", [row for row in rows if row.language == one]) for one in LANGUAGES),
        *((form, [row for row in rows if row.form == form]) for form in FORMS),
        ("all", rows),
    ):
        if part:
            print(f"  {name:18}{share(part, True):>44}{share(part, False):>44}")
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
        print_table(path.stem, judge_set(path), RULES)
    for row in rows:
        if row.split == "develop" and row.refused != row.bad:
            print(f"{'missed' if row.bad else 'refused'}, {row.category}: {row.text!a} {', '.join(row.rules)}")


if __name__ == "__main__":
    main()
