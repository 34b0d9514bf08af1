"""Whole runs of training, as functions that return a full config, and what runs them."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from langit.recipes.pocket import pocket, tiny
from langit.recipes.recipe import FilmGroup, Recipe
from langit.recipes.run import run

RECIPES: dict[str, Callable[[], Recipe]] = {"pocket": pocket, "tiny": tiny}


def find(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "there are: " + ", ".join(RECIPES)
        raise ValueError(f"no recipe is named {name!r}: {hint}")
    return RECIPES[name]()


__all__ = ["RECIPES", "FilmGroup", "Recipe", "find", "run"]
