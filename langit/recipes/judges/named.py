"""The recipes of the shipped judges by name, and one function that trains any of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from langit import config
from langit.recipes.judges.films import Reconstruct
from langit.recipes.judges.gate import GateRecipe, train_gate
from langit.recipes.judges.probe import ProbeRecipe, Progress, long_recipe, story_recipe, train_probe
from langit.recipes.judges.tracker import TrackerRecipe, train_tracker

JUDGES = ("probe", "probe-story", "probe-long", "tracker", "gate")
_PROBES = {"probe": ProbeRecipe, "probe-story": story_recipe, "probe-long": long_recipe}
AnyJudgeRecipe = ProbeRecipe | TrackerRecipe | GateRecipe


def judge_recipe(name: str, changes: Sequence[str] = ()) -> AnyJudgeRecipe:
    """Return the recipe of a shipped judge with ``key=value`` changes.

    Raises:
        ValueError: there is no such judge, or a change is wrong.
    """
    if name not in JUDGES:
        raise ValueError(f"there is no judge {name!r}: use {', '.join(JUDGES)}")
    if name == "gate":
        return config.override(GateRecipe(), list(changes))
    if name == "tracker":
        return config.override(TrackerRecipe(), list(changes))
    return config.override(_PROBES[name](), list(changes))


def train_judge(
    name: str,
    changes: Sequence[str],
    home: Path,
    folder: Path,
    progress: Progress,
    *,
    reconstruct: Reconstruct | None = None,
    workers: int = 2,
) -> list[str]:
    """Train a judge and write its weights, settings and record to a folder.

    Args:
        name: one of JUDGES.
        changes: to its recipe, as ``training.steps=100``.
        home: LANGIT_HOME, which stores rendered films and the state of the run.
        folder: for the result; created if missing.
        progress: called as stages advance.
        reconstruct: an autoencoder's reconstruction, which a probe also learns from.
        workers: number of rendering processes.

    Returns:
        Its main figures on films that it was not trained on, one line each.

    Raises:
        ValueError: there is no such judge, a change is wrong, or one that is no probe is given reconstructions.
    """
    recipe = judge_recipe(name, changes)
    if isinstance(recipe, ProbeRecipe):
        accuracy = train_probe(home, progress, recipe, folder, reconstruct, workers)
        return [f"{attribute}: {rate}" for attribute, rate in accuracy.rates.items()]
    if reconstruct is not None:
        raise ValueError(f"the {name} does not learn from reconstructions: leave the autoencoder out")
    if isinstance(recipe, GateRecipe):
        return [f"{category}: {rate} judged rightly" for category, rate in train_gate(recipe, folder, progress).items()]
    folder.mkdir(parents=True, exist_ok=True)
    errors = train_tracker(home, progress, recipe, folder, workers)
    return [
        f"{world}: found {one.found}, shape {one.shape}, centre off by {one.x[0]:g} x {one.y[0]:g} pixels (median)"
        for world, one in errors.items()
    ]
