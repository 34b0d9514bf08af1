"""Names are the field's: unique classes, functions that are verbs or nouns, no words that need a glossary."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "langit").rglob("*.py"))

# Each was the name of something that diffusers or the literature calls otherwise.
RETIRED = {
    "careful": "full_quality",
    "draft": "atomic_write",
    "glimpse": "preview",
    "holdings": "artifacts",
    "lanes": "micro_batches",
    "made": "a name that says what is made",
    "onwards": "rollout",
    "thought": "feed-forward output",
    "tick": "step stats",
    "told": "velocity, or a verb",
    "told_twice": "guided_velocity",
    "walk": "sample",
    "walked": "sampled",
    "way": "preset",
    "ways": "presets",
}
IRREGULAR = {
    *("been", "begun", "bent", "bought", "brought", "built", "caught", "chosen", "dealt", "done", "drawn", "driven"),
    *("fallen", "felt", "flown", "forgotten", "found", "frozen", "given", "gone", "grown", "heard", "held", "hidden"),
    *("kept", "known", "laid", "left", "lent", "lost", "made", "meant", "met", "paid", "said", "seen", "sent", "shown"),
    *("sold", "sought", "spent", "spoken", "stolen", "stood", "sworn", "taken", "taught", "thought", "thrown", "told"),
    *("torn", "understood", "woken", "won", "worn", "written"),
}
# Words that end like participles and are none.
NOT_PARTICIPLES = {"bed", "embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"}
# After these words the participle is the whole name: `read_from` is a verb with its object, `taken_from` is not.
LINKS = {"again", "as", "at", "by", "for", "from", "in", "of", "on", "to", "with"}


def is_bare_participle(name: str) -> bool:
    """Whether a function's name is a participle alone (`counted`), or one with a preposition (`taken_from`)."""
    first, *rest = name.strip("_").split("_")
    participle = first in IRREGULAR or (first.endswith("ed") and len(first) > 4 and first not in NOT_PARTICIPLES)
    return participle and (not rest or (len(rest) == 1 and rest[0] in LINKS))


def definitions(source: str) -> Iterator[tuple[str, str]]:
    """Kind ("class", "function", "property") and name of every public definition of a module, methods included."""
    yield from _definitions(ast.parse(source).body)


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Of a module's or a class's body; functions within functions are nobody else's concern."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body)
            if not node.name.startswith("_"):
                yield "class", node.name
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            decorators = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
            yield "property" if decorators & {"property", "cached_property"} else "function", node.name


def retired(names: Iterable[str]) -> list[str]:
    return sorted(f"{name}: use {RETIRED[name.lower()]}" for name in names if name.lower() in RETIRED)


def _names(path: Path) -> list[tuple[str, str]]:
    return list(definitions(path.read_text(encoding="utf-8")))


def test_public_classes_have_names_of_their_own() -> None:
    places = defaultdict(list)
    for path in MODULES:
        for kind, name in _names(path):
            if kind == "class":
                places[name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_public_name_needs_a_glossary() -> None:
    found = {str(path.relative_to(ROOT)): retired(name for _, name in _names(path)) for path in MODULES}
    assert {path: names for path, names in found.items() if names} == {}
    assert retired(path.stem for path in MODULES) == []


def test_functions_are_verbs_or_nouns() -> None:
    found = {
        str(path.relative_to(ROOT)): [
            name for kind, name in _names(path) if kind == "function" and is_bare_participle(name)
        ]
        for path in MODULES
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("name", ["counted", "held", "taken_from", "laid", "faded"])
def test_the_rule_sees_a_bare_participle(name: str) -> None:
    assert is_bare_participle(name)


@pytest.mark.parametrize("name", ["count", "read_from", "held_out", "shared_keys", "feed", "guided_velocity", "embed"])
def test_the_rule_lets_verbs_and_nouns_pass(name: str) -> None:
    assert not is_bare_participle(name)


def test_the_rule_sees_a_retired_name() -> None:
    assert retired(["Tick", "walk", "velocity"]) == ["Tick: use step stats", "walk: use sample"]
