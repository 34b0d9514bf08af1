"""How much the prompt gate refuses of what it should, and lets through of what it should, on the project's prompts.

The set is gate_prompts.toml, which says what is bad and how it was made. Of its half "develop", which the rules were
written with, every miss is named; of "held-out" only how many there are. Seconds on one core.

    python -m benchmarks.gates
"""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from langit.evaluate.figures.intervals import wilson
from langit.release.gates.lexicon import lexicon
from langit.release.gates.prompt import RULES, judge_prompt

PROMPTS = Path(__file__).with_name("gate_prompts.toml")
SPLITS = ("develop", "held-out")


@dataclass(frozen=True)
class Asked:
    """One prompt of the set, and whether the gate refused it."""

    text: str
    category: str
    language: str
    form: str
    split: str
    bad: bool
    refused: bool
    rules: tuple[str, ...]


def ask(path: Path = PROMPTS) -> list[Asked]:
    """Put every prompt of a set to the gate."""
    found = []
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["prompts"]:
        findings = judge_prompt(row["text"])
        refused = any(finding.action == "refuse" for finding in findings)
        named = tuple(finding.rule for finding in findings)
        found.append(
            Asked(row["text"], row["category"], row["language"], row["form"], row["split"], row["bad"], refused, named)
        )
    return found


def share(rows: list[Asked], bad: bool) -> str:
    """Of the bad or the harmless among ``rows``, how many were judged rightly, with Wilson's 95 % interval."""
    judged = [row.refused == bad for row in rows if row.bad == bad]
    if not judged:
        return f"{'-':>28}"
    low, high = wilson(sum(judged), len(judged))
    return f"{sum(judged):4}/{len(judged):<4}{sum(judged) / len(judged):6.1%} [{low:6.1%}, {high:6.1%}]"


def main() -> None:
    """Print the table."""
    started = time.perf_counter()
    lexicon()
    loaded = time.perf_counter() - started
    started = time.perf_counter()
    asked = ask()
    each = (time.perf_counter() - started) / len(asked)
    print(f"{len(asked)} prompts; lexicons read in {loaded * 1e3:.0f} ms, {each * 1e3:.2f} ms a prompt after that\n")
    for split in SPLITS:
        rows = [row for row in asked if row.split == split]
        print(f"{split:22}{'refused, of the bad':>34}{'let through, of the harmless':>36}")
        for name, of in (
            *((rule, [row for row in rows if row.category == rule]) for rule in RULES),
            *((f"language {one}", [row for row in rows if row.language == one]) for one in ("en", "id")),
            *((form, [row for row in rows if row.form == form]) for form in ("plain", "veiled", "disguised")),
            ("all", rows),
        ):
            print(f"  {name:18}{share(of, True):>36}{share(of, False):>36}")
        print()
    for row in asked:
        if row.split == "develop" and row.refused != row.bad:
            print(f"{'missed' if row.bad else 'refused'}, {row.category}: {row.text!a} {', '.join(row.rules)}")


if __name__ == "__main__":
    main()
