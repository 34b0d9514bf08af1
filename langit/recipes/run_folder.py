"""The folder of a run: which recipe is trained in it, so that runs can be compared when the recipe has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from langit import config
from langit.bundle.provenance import FILE as PROVENANCE
from langit.bundle.provenance import Provenance
from langit.files import atomic_write
from langit.recipes.films import RunPaths
from langit.recipes.identity import identity
from langit.recipes.recipe import Recipe
from langit.train import checkpoint

FILE: Final = "recipe.json"


def write_run_recipe(recipe: Recipe, paths: RunPaths) -> None:
    """Note the recipe in its run's folder."""
    paths.run.mkdir(parents=True, exist_ok=True)
    with atomic_write(paths.run / FILE) as unfinished:
        unfinished.write_text(json.dumps(config.dump(recipe), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def run_names(home: Path) -> tuple[str, ...]:
    """The runs under a home of which the recipe is known, by name."""
    folders = (home / "runs").glob("*/")
    return tuple(sorted(folder.name for folder in folders if _recipe_file(home, folder.name) is not None))


def read_run_recipe(name: str, home: Path) -> Recipe:
    """The recipe of a run, from its folder or, for runs older than that file, from its model's provenance.

    Raises:
        ValueError: there is no such run, or what it was trained by cannot be read.
    """
    file = _recipe_file(home, name)
    if file is None:
        known = ", ".join(run_names(home))
        there = f"there is {known}" if known else "there is none yet: langit train makes them"
        raise ValueError(f"there is no run {name!r} in {home / 'runs'}: {there}")
    if file.name == FILE:
        return config.load(Recipe, file)
    return config.load(Recipe, dict(Provenance.parse(file.read_text(encoding="utf-8")).recipe))


def _recipe_file(home: Path, name: str) -> Path | None:
    if not name or Path(name).name != name or not (home / "runs" / name).is_dir():
        return None
    files = (home / "runs" / name / FILE, home / "models" / name / PROVENANCE)
    return next((file for file in files if file.is_file()), None)


def check_names(recipe: Recipe, paths: RunPaths, resume: bool) -> None:
    """Check that a recipe does not begin where it is to go on, nor in the folder of another one.

    Recipes may get other names while runs are under way: pocket became pocket64, and pocket is another recipe now.

    Raises:
        ValueError: there is nothing to resume under this name, but a run of this recipe under another; or the folder
            holds only stages that the recipe does not have.
    """
    if any(checkpoint.latest(paths.stage(name)) is not None for name in recipe.stage_names):
        return
    if resume:
        for other in sorted((paths.home / "runs").glob("*/")):
            stage = _own_stage(recipe, other) if other != paths.run else None
            if stage is not None:
                raise ValueError(
                    f"{paths.run} has no checkpoint to go on from, but {other} has some of this recipe (stage {stage}),"
                    f" under another name: use name={other.name} --resume"
                )
    foreign = [each.name for each in sorted(paths.run.glob("*/")) if checkpoint.latest(each) is not None]
    if foreign:
        raise ValueError(
            f"{paths.run} holds a run of another recipe (stages {', '.join(foreign)}): train under another name"
            f" (name=OTHER), or move it away. A run of the 64x64 model goes on with pocket64 name={paths.name} --resume"
        )


def _own_stage(recipe: Recipe, folder: Path) -> str | None:
    """The last stage of the recipe that has checkpoints of its own in a run's folder."""
    for name in reversed(recipe.stage_names):
        newest = checkpoint.latest(folder / name)
        if newest is not None and checkpoint.facts(newest)[1].get("identity") == identity(recipe, name):
            return name
    return None
