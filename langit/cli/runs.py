"""The verb `runs`: what a run took and reached so far, all runs, or several beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer, answer_report

if TYPE_CHECKING:
    from langit.recipes import Recipe

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]... [KEY=VALUE]...",
        help="One run or recipe: its stages; changes may follow. Several runs: a comparison. None: a list of runs.",
    ),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="The folder for the report.")]


@app.command()
def runs(names: Names = None, output: Output = None, as_json: JsonOption = False) -> None:
    """Report what the stages of a run took and reached so far, or compare several runs."""
    runs_named = [word for word in names or [] if "=" not in word]
    changes = [word for word in names or [] if "=" in word]
    if changes and len(runs_named) != 1:
        raise ValueError(f"{changes[0]!r} changes a recipe: name the one recipe that it is of")

    from langit.recipes.runs import compare_runs, known_runs, report_runs

    if not runs_named:
        if output is not None:
            raise ValueError(f"--output {output}: a list of runs writes no report; name a run, or several")
        found = known_runs()
        lines = [f"{report.recipe}: " + ", ".join(report.stage_lines()) for report in found]
        values = {"runs": {report.recipe: list(report.stage_lines()) for report in found}}
        answer(values, as_json, lines or ["there are no runs yet: langit train makes them"])
        return
    if len(runs_named) > 1:
        folder = output or Path("runs-" + "-".join(runs_named))
        answer_report(compare_runs(runs_named, folder), folder, as_json)
        return
    folder = output or Path(f"runs-{runs_named[0]}")
    answer_report(report_runs(_recipe(runs_named[0], changes), folder), folder, as_json)


def _recipe(name: str, changes: list[str]) -> Recipe:
    """The recipe that a run of this name was made by; without such a run the recipe of that name."""
    from langit.config import home, override
    from langit.recipes import RECIPES, find
    from langit.recipes.run_folder import read_run_recipe, run_names

    # Of a name that is both, changes speak of the recipe as it is now.
    is_run = name in run_names(home())
    if is_run and not (changes and name in RECIPES):
        return override(read_run_recipe(name, home()), changes)
    return override(find(name), changes)
