"""`langit ledger`: enter footage, ask whose it is, correct what was stated, take it down, write statements.

What can be proven to others is in ``ledger_proofs``.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langit.cli.entry import app
from langit.cli.ledger_lookup import (
    describe_file,
    find_model,
    find_records,
    lineage_over,
    open_ledger,
    open_lineage,
    rendered_fps,
    with_its_own_record,
)
from langit.cli.ledger_output import FAILED, AllOption, LedgerOption, OverwriteOption, show, to_json, write_files
from langit.cli.printing import JsonOption, answer, say

if TYPE_CHECKING:
    from langit.ledger.synthetic import ModelOutput

ledger = typer.Typer(help="Where footage came from, who may use it, and what was made from it.")
app.add_typer(ledger, name="ledger")


@ledger.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Folder of footage; subfolders are included.")],
    sources: Annotated[Path | None, typer.Option(help="SOURCES.toml: what is known of each file.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression for files that SOURCES.toml omits.")] = None,
    creator: Annotated[str | None, typer.Option(help="Creator of those files.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="File that shows it (terms, a letter), kept by hash.")] = None,
    where: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a folder of footage with what is known of its rights. Footage of unknown rights is not used."""
    from langit.curate.takedown import RevokedLooks
    from langit.ledger.add import add_folder
    from langit.release.marked import MarkedOutputs

    found = open_ledger(where, empty=True)
    barred, marked = RevokedLooks.of(found).why_barred, MarkedOutputs.of(found).find
    note = partial(say, err=as_json)

    def mark(path: Path) -> ModelOutput | None:
        say(f"{path.name}: looking for a watermark of ours, which takes a while", err=True)
        return marked(path)

    done = add_folder(found, folder, sources, licence, creator, evidence, note, why_barred=barred, find_mark=mark)
    lines = [f"{done.new} new, {done.known} known, {done.updated} with new rights; {found.size} entries"]
    if done.unknown_rights:
        lines.append(f"not used, because no licence is on record: {', '.join(done.unknown_rights)}")
    if done.synthetic:
        lines.append(f"made by a model, and entered as that: {', '.join(done.synthetic)}")
    if done.skipped:
        lines.append(f"not footage by their names: {', '.join(done.skipped)}")
    values = {
        "new": done.new,
        "known": done.known,
        "updated": done.updated,
        "entries": found.size,
        "unknown rights": list(done.unknown_rights),
        "made by a model": list(done.synthetic),
        "not footage": list(done.skipped),
        "problems": list(done.problems),
    }
    answer(values, as_json, lines)
    if done.problems:
        raise ValueError(f"{len(done.problems)} files were not entered: {'; '.join(done.problems)}")


@ledger.command()
def fetch(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses of video files, not of pages.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder; default: LANGIT_HOME/footage.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX expression that you vouch for.")] = None,
    creator: Annotated[str | None, typer.Option(help="Creator of the footage.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the footage.")] = None,
    found_on: Annotated[str | None, typer.Option(help="Page that offers it; its opt-out signals count too.")] = None,
    allow_network: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Private network to fetch from, such as 10.1.0.0/16.")
    ] = None,
    where: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download footage, and keep its site's headers, robots.txt, tdmrep.json and RSL as evidence of that moment."""
    from langit import config
    from langit.curate.takedown import RevokedLooks
    from langit.ledger.download import FetchLimits
    from langit.ledger.fetch import fetch as fetch_urls
    from langit.ledger.licence import check_stated
    from langit.release.marked import MarkedOutputs

    if licence is not None:
        check_stated(licence)
    folder = config.home() / "footage" if output is None else output
    limits = FetchLimits(networks=tuple(allow_network or ()))
    found = open_ledger(where, empty=True)
    barred, mark = RevokedLooks.of(found).why_barred, MarkedOutputs.of(found).find
    note = partial(say, err=as_json)
    done = fetch_urls(found, urls, folder, note, licence, creator, title, found_on, limits, barred, mark)
    signals = [signal for item in done for signal in item.signals]
    values = {
        "fetched": [
            {"url": item.url, "problem": item.problem or None, "signals": [asdict(signal) for signal in item.signals]}
            for item in done
        ]
    }
    answer(
        values,
        as_json,
        (f"  {one.scheme}: {one.says}{f' ({one.text})' if one.text else ''}, {one.where}" for one in signals),
    )
    failed = [item.url for item in done if item.problem]
    if failed:
        raise ValueError(f"{len(failed)} of {len(done)} were not fetched: {', '.join(failed)}")


@ledger.command()
def whose(
    thing: Annotated[str, typer.Argument(help="A video, a hash or its beginning, a URL, a model's name or folder.")],
    where: LedgerOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the sources of a model or a video, or the models that saw a source or a clip."""
    from langit.ledger.answers import describe, describe_model

    found = open_ledger(where, empty=True)
    lineage = lineage_over(found)
    model = find_model(lineage, thing)
    if model is not None:
        show(describe_model(*with_its_own_record(lineage, model), every), as_json)
        return
    open_ledger(where)  # everything but a model is known to the ledger alone
    if Path(thing).is_file():
        show(describe_file(lineage, found, Path(thing), every), as_json)
    else:
        show(describe(lineage, lineage.find(thing), every), as_json)


@ledger.command()
def correct(
    source: Annotated[str, typer.Argument(help="A source: its hash, or the video file.")],
    licence: Annotated[str, typer.Option(help="The right SPDX expression.")],
    reason: Annotated[str, typer.Option(help="Why the earlier statement was wrong; kept for good.")],
    creator: Annotated[str | None, typer.Option(help="The right creator; unchanged if left out.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="File that shows it, kept by hash.")] = None,
    where: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace what was stated of a source's licence. Both statements stay on record; the new one counts."""
    from langit.ledger.correct import correct_licence
    from langit.ledger.licence import check_stated
    from langit.ledger.record import Source

    check_stated(licence)
    lineage = open_lineage(where)
    record = find_records(lineage, source)[0]
    if not isinstance(record, Source):
        raise ValueError(f"{source!r} is not a source: give a source's hash, or its file")
    found = open_ledger(where)
    kept = () if evidence is None else (found.evidence.put(evidence.read_bytes()),)
    entered = correct_licence(found, record, licence, reason, creator, kept)
    decision = lineage_over(found).decisions[record.digest]
    values = {
        "superseded": [{"record": old.supersedes, "by": old.digest} for old in entered],
        "licence": licence,
        "verdict": decision.verdict.value,
        "rule": decision.rule,
    }
    lines = [f"superseded {old.supersedes}: {licence}, because {reason} (record {old.digest})" for old in entered]
    answer(values, as_json, [*lines, f"may be learnt from: {decision.verdict.value}: {decision.rule}"])


@ledger.command()
def revoke(
    hash: Annotated[str | None, typer.Option("--hash", help="A source, a clip, a consent, or its content.")] = None,
    url: Annotated[str | None, typer.Option(help="Address that footage came from.")] = None,
    like: Annotated[Path | None, typer.Option(help="A video: its content, and all footage that looks like it.")] = None,
    reason: Annotated[
        str, typer.Option(help="Kept in the ledger for good: do not name a person.")
    ] = "asked for by its owner",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what was made from it.")] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Remove cached latents that hold it.")] = False,
    where: LedgerOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bar footage from now on, and list what was made from it. Exit code 1 if nothing on record matches."""
    from langit.cli.ledger_takedown import describe_take_down, resolve_revocation
    from langit.ledger.lineage import trace_descendants

    found = open_ledger(where)
    lineage = lineage_over(found)
    request = resolve_revocation(lineage, found, hash, url, like)
    traced = trace_descendants(lineage, request.records)
    answer: dict[str, Any] = {}
    if dry_run:
        answer["nothing was entered"] = f"it would be revoked by {', '.join(map(' '.join, request.targets))}"
    else:
        entered = [found.revoke(target, reason, by=by) for by, target in request.entries(found)]
        answer["revoked"] = [f"{item.by} {item.target}: {item.reason} (record {item.digest})" for item in entered]
    answer |= describe_take_down(lineage_over(found), request, traced, every, purge=purge and not dry_run)
    show(answer, as_json)
    if not request.records:
        raise typer.Exit(FAILED)


@ledger.command()
def state(
    what: Annotated[Literal["eu", "croissant", "credits"], typer.Argument(help="Which statement.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder; created if it does not exist.")] = Path(),
    model: Annotated[str | None, typer.Option(help="Of the clips that a model saw.")] = None,
    manifest: Annotated[str | None, typer.Option(help="Of the clips that a manifest lists.")] = None,
    provider: Annotated[Path | None, typer.Option(help="TOML with what the ledger cannot know: name, url …")] = None,
    where: LedgerOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a statement from the ledger: the EU summary of training content, a Croissant description, or credits."""
    from langit.ledger import statements_credits, statements_croissant, statements_eu
    from langit.ledger.statements import Provider, corpus

    facts = Provider.load(provider) if provider else Provider()
    lineage = open_lineage(where, empty=model is not None)
    trained = None if model is None else find_model(lineage, model)
    if trained is not None:
        lineage, trained = with_its_own_record(lineage, trained)
    day = datetime.now(UTC).date().isoformat()
    name = trained.digest if trained is not None else model
    found = corpus(lineage, day, name, manifest, rendered_fps(lineage, name))
    files: dict[str, bytes]
    if what == "eu":
        summary = statements_eu.summary(found, facts)
        files = {
            "training-content.md": statements_eu.markdown(summary).encode(),
            "training-content.json": to_json(summary).encode(),
        }
    elif what == "credits":
        credits = statements_credits.credits(found)
        files = {"CREDITS.md": statements_credits.markdown(credits).encode(), "credits.json": to_json(credits).encode()}
    else:
        rows = statements_croissant.table(found)
        described = statements_croissant.describe(found, facts, rows)
        problems = statements_croissant.problems(described)
        if problems:
            raise ValueError(f"this Croissant description would not be valid: {'; '.join(problems)}")
        files = {
            statements_croissant.TABLE: rows,
            "croissant.json": statements_croissant.text(described).encode(),
        }
    output.mkdir(parents=True, exist_ok=True)
    write_files({output / name: data for name, data in files.items()}, overwrite, as_json)
