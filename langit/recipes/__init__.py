"""Whole runs of training, as functions that return a full config, and what runs them."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from langit.recipes.own import b2, m300, small, small_trial
from langit.recipes.pocket import pocket
from langit.recipes.pocket64 import pocket64
from langit.recipes.recipe import FilmGroup, Recipe
from langit.recipes.run import run
from langit.recipes.tiny import tiny, tiny_gpu

RECIPES: dict[str, Callable[[], Recipe]] = {
    "pocket": pocket,
    "pocket64": pocket64,
    "tiny": tiny,
    "tiny-gpu": tiny_gpu,
    "small": small,
    "300m": m300,
    "2b": b2,
}
TRIALS: dict[str, Callable[[], Recipe]] = {"small": small_trial}
"""What a recipe is on a machine without a GPU, where it would take weeks: the same in minutes, much smaller."""


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


__all__ = ["RECIPES", "TRIALS", "FilmGroup", "Recipe", "find", "run"]
