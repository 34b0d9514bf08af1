"""``langit curate``: turn footage into clips for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer
from langit.cli.progress import progress

if TYPE_CHECKING:
    from langit.curate.run import CurationResult


@app.command()
def curate(
    config: Annotated[
        Path,
        typer.Argument(help="A folder of footage, or a TOML file: which footage, which limits, who writes captions."),
    ],
    engine: Annotated[str, typer.Option(help="What runs the plan: native, or ray.")] = "native",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the report.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn footage into captioned, licensed, deduplicated clips; report what was dropped and why."""
    from langit.config import home
    from langit.curate.settings import Curation, load

    # A folder is curated with the default settings, under its own name.
    folder_of = Curation(config.absolute().name, str(config)) if config.is_dir() else None
    curation = folder_of or load(config)

    from langit.curate import places
    from langit.curate.funnel import drop_counts, save
    from langit.curate.run import curate as run_curation
    from langit.ledger.store import Ledger

    with progress() as report:
        result = run_curation(curation, Ledger(home() / "ledger"), home() / places.FOLDER, engine, report)
    folder = output or Path(f"curation-{curation.name}")
    paths = save(result, curation.name, folder)
    lines: list[object] = [
        f"{result.files} files, {len(result.outcomes)} clips and files without clips, {len(result.kept)} kept"
    ]
    lines += [f"{count:8} dropped by {name}" for name, count in drop_counts(result)]
    named = result.manifest
    lines += [f"manifest {named.name} {named.digest}"] if named is not None else []
    values = {
        "files": result.files,
        "outcomes": len(result.outcomes),
        "kept": len(result.kept),
        "dropped": dict(drop_counts(result)),
        "manifest": {"name": named.name, "digest": named.digest} if named is not None else None,
        "report": [str(path.absolute()) for path in paths],
    }
    answer(values, as_json, [*lines, *(path.absolute() for path in paths)])
    if result.manifest is None:
        raise ValueError(_nothing_kept(result))


def _nothing_kept(result: CurationResult) -> str:
    """Why clips were dropped, as an error: there is nothing to train on. Most is said of what came nearest to be kept.

    Reasons are in the order of the steps: a clip without a caption has passed all others.
    """
    from langit.curate.funnel import drop_counts

    counts = drop_counts(result)
    last = counts[-1][0]
    detail = next(
        o.reason.detail for o in result.outcomes if o.reason and last == f"{o.reason.stage}: {o.reason.reason}"
    )
    dropped = ", ".join(f"{count} by {name}" for name, count in counts)
    return f"nothing was kept of {len(result.outcomes)}: dropped {dropped} ({detail})"
