"""`langit mcp`: the verbs as tools for programs that speak the Model Context Protocol, over stdin and stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app


@app.command()
def mcp(
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model that may be used; the first is the default.")
    ] = None,
    allow: Annotated[
        list[Path] | None,
        typer.Option("--allow", help="A folder whose files may be read, beside LANGIT_HOME/outputs."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
) -> None:
    """Offer the verbs as tools over stdin and stdout (Model Context Protocol), with the same gates and records."""
    from langit.bundle.places import check_models
    from langit.tools.server import create_server
    from langit.tools.workbench import Workbench

    for folder in allow or ():
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder: give one that may be read")
    check_models(model or ())  # they are opened when a tool first needs them
    create_server(Workbench(tuple(model or ("pocket",)), tuple(allow or ()), device, dtype)).run("stdio")
