"""Each group of films is of one world: films of the same size and seed are not mixed up between worlds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from recipes.corpora import allowed_films

from langit import config, recipes
from langit.recipes.films import RunPaths, enter_films, render_films
from langit.recipes.identity import identity
from langit.recipes.recipe import FilmGroup
from langit.worlds.world import find_world


def _silent(name: str, done: int, of: int, facts: str) -> None:
    assert name and 0 <= done <= of, facts


@pytest.mark.draws
def test_a_group_has_only_the_films_of_its_world(tmp_path: Path) -> None:
    things, story = FilmGroup("32x32x5", 8, 10), FilmGroup("32x32x5", 8, 10, "story-1")
    recipe, places = recipes.find("tiny"), RunPaths(tmp_path, "tiny")
    recipe = replace(recipe, stages=(replace(recipe.stages[0], films=(things, story)), *recipe.stages[1:]))
    render_films((things, story), places, 1, _silent)
    enter_films(recipe, (things, story), places, _silent)
    for group in (things, story):
        entries = allowed_films(recipe, (group,), places)
        assert {(entry.world, entry.seed) for entry in entries} == {(group.world, 8)}
        said = find_world(group.world).captions(find_world(group.world).sample(8), recipe.captions)
        assert entries[0].captions == said
    assert [entry.world for entry in allowed_films(recipe, (things, story), places)] == ["worlds-1"] * 2 + [
        "story-1"
    ] * 2


def test_films_of_another_world_change_the_identity() -> None:
    recipe = recipes.find("tiny")
    moved = config.override(recipe, ["stages.scenes.films=" + _films("story-1")])
    assert moved.stages[0].films[0].world == "story-1"
    assert identity(moved, "scenes") != identity(recipe, "scenes")
    with pytest.raises(ValueError, match="world 'worlds-9' does not exist"):
        config.override(recipe, ["stages.scenes.films=" + _films("worlds-9")])


def _films(world: str) -> str:
    return f'[{{"size": "32x32x5", "first": 0, "last": 20, "world": "{world}"}}]'
