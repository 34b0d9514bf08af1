"""Whose footage it is: ask, prove, check, revoke, state, audit.

An answer that was asked for and found wanting (a receipt that does not verify) is exit code 1; whatever could not be
asked (no such file, no key) is a mistake, exit code 2.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langit.cli.entry import app
from langit.cli.ledger_lookup import (
    check_audit_file,
    compare_histories,
    describe_file,
    find_records,
    open_ledger,
    open_lineage,
    rendered_fps,
    resolve_revocation,
    trusted_key,
)

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.record import Record

ledger = typer.Typer(help="Whose footage it is, and what came of it.")
app.add_typer(ledger, name="ledger")

Where = Annotated[str | None, typer.Option("--ledger", help="A folder or s3://…; LANGIT_HOME's if left out.")]
Every = Annotated[bool, typer.Option("--all", help="Name everything, not the first few.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
FAILS = 1


@ledger.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Footage, in it and in the folders under it.")],
    sources: Annotated[Path | None, typer.Option(help="SOURCES.toml: what is known of each file.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression, of the files that SOURCES.toml omits.")] = None,
    creator: Annotated[str | None, typer.Option(help="Who made them.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="A file that shows it, kept by its hash.")] = None,
    where: Where = None,
) -> None:
    """Enter a folder of footage, with what is known of its rights; what is not known is refused, and can be added."""
    from langit.ledger.add import add_folder

    found = open_ledger(where, empty=True)
    done = add_folder(found, folder, sources, licence, creator, evidence, report=typer.echo)
    typer.echo(f"{done.new} new, {done.known} known, {done.updated} with new rights; {found.size} entries")
    if done.unknown_rights:
        typer.echo(f"whose these are is not on record, so nothing will use them: {', '.join(done.unknown_rights)}")
    if done.skipped:
        typer.echo(f"not footage by their names: {', '.join(done.skipped)}")
    if done.problems:
        raise ValueError(f"{len(done.problems)} files were not entered: {'; '.join(done.problems)}")


@ledger.command()
def fetch(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Files of footage, not pages.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder; LANGIT_HOME's footage.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression that you vouch for.")] = None,
    creator: Annotated[str | None, typer.Option(help="Who made them.")] = None,
    title: Annotated[str | None, typer.Option(help="What the footage is called.")] = None,
    found_on: Annotated[str | None, typer.Option(help="The page that offers it: its own signals count, too.")] = None,
    where: Where = None,
) -> None:
    """Download footage, with its site's headers, robots.txt, tdmrep.json and RSL as they stand now, as evidence."""
    from langit import config
    from langit.ledger.fetch import fetch as download

    folder = config.home() / "footage" if output is None else output
    done = download(open_ledger(where, empty=True), urls, folder, typer.echo, licence, creator, title, found_on)
    for item in done:
        for signal in item.signals:
            typer.echo(f"  {signal.scheme}: {signal.says}{f' ({signal.text})' if signal.text else ''}, {signal.where}")
    failed = [item.url for item in done if item.problem]
    if failed:
        raise ValueError(f"{len(failed)} of {len(done)} were not fetched: {', '.join(failed)}")


@ledger.command()
def whose(
    thing: Annotated[str, typer.Argument(help="A video, a hash or its beginning, a URL, a model's name or folder.")],
    where: Where = None,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Whose footage a thing is, or was made from: sources of a model or a video, models of a source or a clip."""
    from langit.feed.traces import read_model
    from langit.ledger.answers import describe, describe_model

    lineage = open_lineage(where)
    path = Path(thing)
    if path.is_dir() and not any(model.name == thing for model in lineage.artifacts.models):
        logs = [log for stages in lineage.artifacts.runs.values() for log in stages]
        show(describe_model(lineage, read_model(path, logs), every), as_json)
    elif path.is_file():
        show(describe_file(lineage, path, every), as_json)
    else:
        show(describe(lineage, lineage.find(thing), every), as_json)


@ledger.command()
def prove(
    clip: Annotated[str, typer.Argument(help="A clip, a source or another record: its hash, or a video file.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The receipt; named for its record.")] = None,
    where: Where = None,
    name: Annotated[str | None, typer.Option(help="Of the ledger and its key, if it has none yet.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a receipt that a record is in the ledger: a stranger can check it with the public key alone."""
    from langit.ledger import keys, lines, receipt
    from langit.ledger.artifacts import TrainedModel

    lineage = open_lineage(where)
    first = find_records(lineage, clip)[0]
    if isinstance(first, TrainedModel):
        raise ValueError(f"{clip!r} is a model, and no record of the ledger: `langit ledger audit {clip}` proves it")
    named: list[Record] = []
    waiting = [*lines.references(first)]
    while waiting:
        record = lineage.get(waiting.pop(0))
        if record not in named:
            named.append(record)
            waiting += lines.references(record)
    path = output or Path(f"{first.record}-{first.digest[:16]}{receipt.SUFFIX}")
    signer = keys.signer(lineage.ledger.path, name)
    refuse_overwrite(path, overwrite)
    write_files({path: receipt.prove(lineage.ledger, first, named, signer).encode()}, overwrite)
    typer.echo(f"whoever checks it needs the public key: {signer.verifier}", err=True)


@ledger.command()
def key(
    where: Where = None,
    name: Annotated[str | None, typer.Option(help="Of the ledger and its key, if it has none yet.")] = None,
) -> None:
    """Show the ledger's public key, which others check receipts with; it is made when first asked for."""
    from langit.ledger import keys

    typer.echo(keys.signer(open_ledger(where).path, name).verifier)


@ledger.command()
def check(
    file: Annotated[Path, typer.Argument(help="A receipt, or an audit file.")],
    key: Annotated[str | None, typer.Option(help="Whose word to take: a public key, or a file of it.")] = None,
    against: Annotated[Path | None, typer.Option(help="A receipt, an audit file or a ledger, to compare with.")] = None,
    model: Annotated[Path | None, typer.Option(help="A model's folder, to compare with an audit file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt or an audit file, with no ledger and no network; exit code 1 if it does not verify."""
    from langit.ledger import audit as audits
    from langit.ledger import receipt
    from langit.ledger.answers import describe_receipt

    verifier, whose_key = trusted_key(key)
    if not file.is_file():
        raise FileNotFoundError(f"{file} is no file: name a receipt, or an audit file")
    try:
        if audits.is_audit(file):
            found = audits.Audit(file, verifier)
            said, state, holds = check_audit_file(found, model)
        else:
            if model is not None:
                raise ValueError(f"--model compares with an audit file, and {file} is none: leave it out")
            text = file.read_bytes().decode("utf-8", "replace")
            if not receipt.is_receipt(text):
                raise ValueError(
                    f"{file} is neither a receipt nor an audit file: `langit ledger prove` writes receipts"
                )
            shown = receipt.check(text, verifier)
            said, state, holds = describe_receipt(shown), shown.state, True
        if against is not None:
            said["compared"] = compare_histories(state, against, verifier)
    except receipt.UnprovedError as error:
        typer.echo(f"does not verify: {file}: {error}", err=True)
        raise typer.Exit(FAILS) from error
    verdict = f"signed by {verifier.name}, by {whose_key}" if holds else "does not verify"
    show({"checked": verdict, **said}, as_json)
    if not holds:
        raise typer.Exit(FAILS)


@ledger.command()
def revoke(
    hash: Annotated[str | None, typer.Option("--hash", help="Of a source, a clip, a consent or its content.")] = None,
    url: Annotated[str | None, typer.Option(help="Where footage came from.")] = None,
    like: Annotated[Path | None, typer.Option(help="A video: the same content, and clips that look like it.")] = None,
    reason: Annotated[
        str, typer.Option(help="Kept in the ledger for ever: name no person.")
    ] = "asked for by its owner",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what came of it.")] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Remove cached latents that hold it, too.")] = False,
    where: Where = None,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Bar footage from now on, and name everything that came of it: clips, captions, latents, runs, models, videos."""
    from langit.ledger.answers import describe_descendants
    from langit.ledger.lineage import trace_descendants

    lineage = open_lineage(where)
    records, targets = resolve_revocation(lineage, hash, url, like)
    came = trace_descendants(lineage, records)
    said: dict[str, Any] = {}
    if dry_run:
        said["nothing was entered"] = f"it would be revoked by {', '.join(f'{by} {target}' for by, target in targets)}"
    else:
        entered = [lineage.ledger.revoke(target, reason, by=by) for by, target in targets]
        said["revoked"] = [f"{item.by} {item.target}: {item.reason} (record {item.digest})" for item in entered]
    said |= describe_descendants(came, every)
    if purge and not dry_run:
        for item in came.latents:
            item.path.unlink(missing_ok=True)
        said["removed"] = f"{len(came.latents)} files of latents; what else was in them is made again when needed"
    elif came.latents:
        said["kept"] = f"{len(came.latents)} files of latents, which no run will read: --purge removes them"
    if came.models:
        said["models that saw it"] = (
            "stay as they are: what was learnt cannot be taken out. Train anew from the ledger as it stands now"
        )
    show(said, as_json)


@ledger.command()
def state(
    what: Annotated[Literal["eu", "croissant", "credits"], typer.Argument(help="Which statement.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder, made if it is not there.")] = Path(),
    model: Annotated[str | None, typer.Option(help="Of the clips that a model saw.")] = None,
    manifest: Annotated[str | None, typer.Option(help="Of the clips that a manifest lists.")] = None,
    provider: Annotated[Path | None, typer.Option(help="TOML with what the ledger cannot know: name, url …")] = None,
    where: Where = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a statement from the ledger: the EU summary of training content, a Croissant, or credits."""
    from langit.ledger import statements_credits, statements_croissant, statements_eu
    from langit.ledger.statements import Provider, corpus

    told = Provider.load(provider) if provider else Provider()
    lineage = open_lineage(where)
    found = corpus(lineage, datetime.now(UTC).date().isoformat(), model, manifest, rendered_fps(lineage, model))
    files: dict[str, bytes]
    if what == "eu":
        said = statements_eu.summary(found, told)
        files = {
            "training-content.md": statements_eu.markdown(said).encode(),
            "training-content.json": to_json(said).encode(),
        }
    elif what == "credits":
        said = statements_credits.credits(found)
        files = {"CREDITS.md": statements_credits.markdown(said).encode(), "credits.json": to_json(said).encode()}
    else:
        rows = statements_croissant.table(found)
        said = statements_croissant.describe(found, told, rows)
        wrong = statements_croissant.problems(said)
        if wrong:
            raise ValueError(f"this Croissant would not be in order: {'; '.join(wrong)}")
        files = {
            statements_croissant.TABLE: rows,
            "croissant.json": statements_croissant.text(said).encode(),
        }
    output.mkdir(parents=True, exist_ok=True)
    write_files({output / name: data for name, data in files.items()}, overwrite)


@ledger.command()
def audit(
    bundle: Annotated[str, typer.Argument(help="A model's name, hash or folder.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The audit file; named for the model.")] = None,
    where: Where = None,
    name: Annotated[str | None, typer.Option(help="Of the ledger and its key, if it has none yet.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write one file from which others verify the way from the ledger to a model: `langit ledger check` takes it."""
    from langit.feed.traces import read_model
    from langit.ledger import audit as audits
    from langit.ledger import keys
    from langit.ledger.artifacts import TrainedModel

    lineage = open_lineage(where)
    logs = [log for stages in lineage.artifacts.runs.values() for log in stages]
    found: Record | TrainedModel = read_model(Path(bundle), logs) if Path(bundle).is_dir() else lineage.find(bundle)[0]
    if not isinstance(found, TrainedModel):
        raise ValueError(f"{bundle!r} is a {found.record}, not a model: `langit ledger prove` proves a record")
    path = output or Path(f"{found.name}-{found.digest[:16]}{audits.SUFFIX}")
    refuse_overwrite(path, overwrite)
    signer = keys.signer(lineage.ledger.path, name)
    audits.write(lineage, found, signer, path)
    typer.echo(path)
    typer.echo(f"whoever checks it needs the public key: {signer.verifier}", err=True)


def show(said: dict[str, Any], as_json: bool) -> None:
    """An answer, for people or for programs."""
    from langit.ledger.answers import format_text

    typer.echo(to_json(said).rstrip("\n") if as_json else "\n".join(format_text(said)))


def to_json(said: dict[str, Any]) -> str:
    """An answer as JSON."""
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def refuse_overwrite(path: Path, overwrite: bool) -> None:
    """Refuse to replace a file that nobody offered to replace."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already: choose another name, or --overwrite")


def write_files(files: dict[Path, bytes], overwrite: bool) -> None:
    """Write files, each whole or not at all, once none of them is in the way."""
    from langit.files import atomic_write

    for path in files:
        refuse_overwrite(path, overwrite)
    for path, data in files.items():
        with atomic_write(path) as unfinished:
            unfinished.write_bytes(data)
        typer.echo(path)
