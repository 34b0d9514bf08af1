"""What a recipe may learn from, read anew: for tests that look at clips."""

from __future__ import annotations

from collections.abc import Sequence

from langit.feed.catalogue import FilmClip
from langit.recipes.films import RunPaths, chosen_films, read_corpus
from langit.recipes.recipe import FilmGroup, Recipe
from langit.worlds.scene import Split


def allowed_films(
    recipe: Recipe, groups: Sequence[FilmGroup], paths: RunPaths, which: Split = "train"
) -> tuple[FilmClip, ...]:
    return chosen_films(recipe, groups, read_corpus(recipe, paths), which)
