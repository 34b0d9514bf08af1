"""Models on disk."""

from __future__ import annotations

from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress

bundle = typer.Typer(help="Models on disk.")
app.add_typer(bundle, name="bundle")


@bundle.command("check")
def check(
    name: Annotated[str, typer.Argument(help="A model's name, or a bundle's folder.")],
    render: Annotated[str, typer.Option(help="How many of its training films to render again, or all.")] = "20",
) -> None:
    """Check a model's files against its provenance, and films that it was trained on against their hashes."""
    from langit.bundle.check import check_bundle

    if render != "all" and not render.isdecimal():
        raise ValueError(f"--render {render} is no number of films: give 0 or more, or all")
    with progress() as report:
        found = check_bundle(
            name,
            "all" if render == "all" else int(render),
            lambda done, of: report("films rendered again", done, of, ""),
        )
    for finding in found.findings:
        typer.echo(f"{finding.state:8}{finding.what}: {finding.text}")
    if not found.holds:
        broken = ", ".join(finding.what for finding in found.findings if finding.state == "broken")
        raise ValueError(f"{found.path} does not keep its word ({broken}): get the bundle again")


@bundle.command("index")
def index(name: Annotated[str, typer.Argument(help="A model's name, or a bundle's folder.")]) -> None:
    """Make the index of a model's training clips, which langit nearest and the gate need, from the films of this home.

    It goes into the bundle, whose provenance names it: the model has another digest after this.
    """
    from langit import config
    from langit.bundle import resolve
    from langit.release.nearest.training import index_bundle

    with progress() as report:
        sealed = index_bundle(resolve(name), config.home(), report)
    typer.echo(f"{resolve(name)} is {sealed.digest} now")
