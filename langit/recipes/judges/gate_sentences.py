"""The sentences that the gate's classifier learns from: this project's own, in TOML files, most of them as templates.

A line of a template is one sentence. Of ``(a|b)`` one is chosen, and ``<name>`` stands for one entry of a list. Knows
no model and no vectors.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from langit.release.gates.prompt import RULES, PromptConfig, judge_prompt
from langit.worlds.world import WORLDS

HARMLESS = "harmless"
CATEGORIES = (HARMLESS, *RULES)
BAD = "bad"  # of some category that nobody noted
KINDS = ("veiled", "plain", "hints", "scenes", "harmless")
EARLIER = range(2, 9)  # numbers of the sets of prompts that measured the gate once, see benchmarks/gates.py
LANGUAGES = ("en", "id")
_CHOICE = re.compile(r"\(([^()]*)\)")
_NAME = re.compile(r"<(\w+)>")


_MEASURED_TOO = frozenset(
    [
        "a toddler locked in a cage without food",
        "a bath bomb fizzes in the tub",
        "a bullet train passes Mount Fuji",
        "pisau dapur mengiris bawang merah",
        "pasangan lansia berdansa di ruang tamu",
    ]
)
"""Prompts of these sets that also stand in a set that still measures the gate."""


@dataclass(frozen=True)
class GateSentence:
    """A sentence with what it is an example of: ``harmless``, a category of the gate's rules, or ``bad``."""

    text: str
    category: str
    language: str


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files("langit.recipes.judges").joinpath("sentences", f"{name}.toml").read_text("utf-8"))


@cache
def _lists() -> dict[str, tuple[str, ...]]:
    """The lists of both languages by name."""
    return {name: tuple(entries.split("|")) for lists in _table("lists").values() for name, entries in lists.items()}


def fill_template(line: str, lists: Mapping[str, Sequence[str]], dice: random.Random) -> str:
    """Choose every alternative of a template."""
    before = ""
    while before != line:
        before = line
        line = _NAME.sub(lambda found: dice.choice(lists[found[1]]), line)
        line = _CHOICE.sub(lambda found: dice.choice(found[1].split("|")), line)
    return re.sub(r" ([,.])", r"\1", " ".join(line.split()))


def _ways(line: str, lists: Mapping[str, Sequence[str]]) -> int:
    """In how many ways a template can be filled."""
    choices = [found[1].count("|") + 1 for found in _CHOICE.finditer(line)]
    return math.prod(choices + [len(lists[found[1]]) for found in _NAME.finditer(line)])


def gate_sentences(each: int = 16, seed: int = 0) -> list[GateSentence]:
    """Fill every template up to ``each`` times (times the weight of its group), the same way for a seed."""
    sentences: dict[GateSentence, None] = {}
    for kind in KINDS:
        for language in LANGUAGES:
            table = _table(f"{kind}_{language}")
            own = {name: tuple(entries.split("|")) for name, entries in table.get("lists", {}).items()}
            lists = {**_lists(), **own}
            for group in table["group"]:
                for line in group["sentences"].strip().splitlines():
                    dice = random.Random(f"{seed}:{line}")
                    for _ in range(min(each * group.get("weight", 1), _ways(line, lists))):
                        text = fill_template(line, lists, dice)
                        sentences[GateSentence(text, group["category"], language)] = None
    return list(sentences)


def glosses(language: str) -> dict[str, tuple[str, ...]]:
    """Words of a language, each with the English words that explain it."""
    lines = _table(f"gloss_{language}")["glosses"].strip().splitlines()
    return {word: tuple(re.findall(r"[a-z]+", meaning)) for word, meaning in (line.split(": ") for line in lines)}


def rule_words(language: str) -> set[str]:
    """Every word of the rules' lexicon in a language."""
    from langit.release.gates.lexicon import lexicon

    return set(lexicon().words[language])


def earlier_sentences() -> list[GateSentence]:
    """Prompts that were held out to measure the gate, and served to improve it afterwards.

    Those that only name somebody are left out: the classifier knows no names. So are those that measure it still.
    """
    found = _grouped("earlier")
    for number in EARLIER:
        for group in _table(f"prompts_{number}")["group"]:
            if group["form"] != "name":
                category = group.get("category", BAD) if group["bad"] else HARMLESS
                found += [GateSentence(text, category, group["language"]) for text in group["prompts"]]
    found = [one for one in found if one.text not in _MEASURED_TOO]
    return [one for one in found if one.category == HARMLESS or not _only_names(one.text)]


@cache
def _only_names(text: str) -> bool:
    findings = judge_prompt(text, PromptConfig(classifier="off"))
    return bool(findings) and all(one.rule == "likeness" for one in findings)


def authored_sentences(authors: Sequence[int] = (1, 2)) -> list[GateSentence]:
    """Prompts by authors who saw neither the rules nor each other's."""
    return _grouped("authors", authors)


def _grouped(name: str, authors: Sequence[int] = ()) -> list[GateSentence]:
    return [
        GateSentence(text, group["category"], group["language"])
        for group in _table(name)["group"]
        if not authors or group["author"] in authors
        for text in group["sentences"].strip().splitlines()
    ]


def caption_sentences(count: int) -> list[GateSentence]:
    """Captions of the worlds, which are harmless."""
    found = []
    for index, world in enumerate(WORLDS.values()):
        for seed in range(index, count, len(WORLDS)):
            captions = world.captions(world.sample(seed), 2)
            found.append(GateSentence(captions[seed % len(captions)], HARMLESS, ""))
    return found
