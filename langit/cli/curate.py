"""Footage to clips that may be learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress


@app.command()
def curate(
    config: Annotated[Path, typer.Argument(help="A TOML file: which footage, which limits, who writes captions.")],
    engine: Annotated[str, typer.Option(help="What runs the plan: native, or ray.")] = "native",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder for the funnel.")] = None,
) -> None:
    """Make captioned, licensed, deduplicated clips of footage; show what was kept, what not, and why."""
    from langit.config import home
    from langit.curate.settings import load

    curation = load(config)

    from langit.curate.funnel import drop_counts, save
    from langit.curate.run import curate as walk
    from langit.ledger.store import Ledger

    with progress() as report:
        found = walk(curation, Ledger(home() / "ledger"), home() / "curation", engine, report)
    folder = output or Path(f"curation-{curation.name}")
    paths = save(found, curation.name, folder)
    typer.echo(f"{found.files} files, {len(found.outcomes)} clips or files that gave none, {len(found.kept)} kept")
    for name, count in drop_counts(found):
        typer.echo(f"{count:8} dropped by {name}")
    if found.manifest is not None:
        typer.echo(f"manifest {found.manifest.name} {found.manifest.digest}")
    for path in paths:
        typer.echo(path.absolute())
