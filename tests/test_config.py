"""Fields that a config got later leave alone what was identified before they were there."""

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
    edges: float = config.added(0.0)


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
