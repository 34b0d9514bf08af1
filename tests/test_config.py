"""Configs: added fields keep older identities, and JSON from anywhere is read safely."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from langit import config


@dataclass(frozen=True)
class Before:
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class After(Before):
    edges: float = config.added_field(0.0)


@dataclass(frozen=True)
class Whole:
    name: str
    parts: tuple[Before, ...]
    by_name: dict[str, Before]


def whole(part: Before) -> Whole:
    return Whole("tiny", (part, part), {"one": part})


def test_a_field_that_was_added_counts_only_where_it_is_used() -> None:
    before, after = whole(Before()), whole(After())
    assert config.identifying(before) == config.dump(before) == config.identifying(after)
    assert config.dump(after)["parts"][0]["edges"] == 0.0
    used = config.identifying(whole(After(edges=0.1)))
    assert used["parts"][1]["edges"] == used["by_name"]["one"]["edges"] == 0.1


def test_a_field_that_was_added_is_read_and_changed_as_others_are() -> None:
    assert config.load(After, config.dump(Before())) == After()
    assert config.override(After(), ["edges=0.25"]).edges == 0.25
    with pytest.raises(ValueError, match="After.edges: 'many'"):
        config.override(After(), ["edges=many"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "x.json is nested too deeply: at most 64 levels are read"),
        ('{"a":' * 65 + "1" + "}" * 65, "x.json is nested too deeply"),
        ("{", "x.json is not JSON"),
        (b"\xff", "x.json is not JSON"),
        ("1" * 5000, "x.json is not JSON"),
    ],
)
def test_json_that_cannot_be_read_is_one_clear_error(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.parse_json(text, "x.json")


def test_json_of_a_usual_depth_is_read() -> None:
    assert config.parse_json("[" * 64 + "]" * 64, "x.json") is not None
    assert config.parse_json(b'{"a": [1, {"b": null}]}', "x.json") == {"a": [1, {"b": None}]}


def test_an_override_that_is_nested_too_deeply_is_a_text() -> None:
    with pytest.raises(ValueError, match="Before.rate"):
        config.override(Before(), ["rate=" + "[" * 100_000])
