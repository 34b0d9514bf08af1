"""What is known of a file: the verb `verify`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.printable import one_line, quote, to_json

if TYPE_CHECKING:
    from langit.release.credentials.read import Credentials, Origin
    from langit.release.verdict import FileVerdict, KnownOutput, KnownSource

RELATIONS = {"parentOf": "continues", "componentOf": "contains", "inputTo": "was shown to the model"}
SOURCE_TYPES = {
    "trainedAlgorithmicMedia": "generated",
    "compositeWithTrainedAlgorithmicMedia": "generated, with parts of given files",
}
MAX_ORIGINS = 20
"""Files that a chain of origins lists: a stranger's may have thousands."""

Line = tuple[str, str]


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A video or a picture.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Report what is known of a file: is it intact, who signed it, what made it, from what? See docs/verify.md."""
    from langit import config
    from langit.release.credentials.identity import signing
    from langit.release.verify import verify as judge

    verdict = judge(file, signing=signing(config.home()))
    if as_json:
        typer.echo(to_json(verdict.plain()))
    else:
        typer.echo(one_line(f"{file.name}: {verdict.sentence}"))
        for heading, lines in _sections(verdict):
            typer.echo(one_line(f"  {heading}:"))
            for label, value in lines:
                typer.echo(one_line(f"    {label:<12} {value}"))
        typer.echo(one_line(f"  SHA-256        {verdict.sha256}"))
    if verdict.finding:
        raise typer.Exit(int(verdict.finding))


def _sections(verdict: FileVerdict) -> Iterator[tuple[str, list[Line]]]:
    """Headings that say whose word follows, and the lines under them."""
    credentials = verdict.credentials
    if credentials is not None:
        yield "the signature", [*_signature(verdict, credentials)]
        if credentials.state != "unreadable":
            who = "this machine signed that" if verdict.signed_here else "its signer's word, which is not checked here"
            if verdict.intact is False:
                who = "about the file that was signed, which is not this one"
            yield f"the file says ({who})", [*_claims(credentials)]
    pictures = [("watermark", verdict.mark)] if verdict.mark else []
    if pictures:
        yield "its pictures show", pictures
    ledger = [line for known in verdict.known for line in _output(known, credentials)]
    if verdict.source is not None:
        ledger += _source(verdict.source)
    if ledger:
        yield "this machine's ledger says", ledger
    if verdict.training:
        named = "the model that the file names" if credentials is not None else "that model"
        lines = [("trained on" if not number else "", line) for number, line in enumerate(verdict.training)]
        yield f"this machine has a model with the digest of {named}", lines


def _signature(verdict: FileVerdict, credentials: Credentials) -> Iterator[Line]:
    signature = credentials.signature
    if signature is not None:
        until = f"valid to {signature.valid_until[:10]}" if signature.valid_until else "no certificate"
        organisation = f", {quote(signature.organisation, 200)}" if signature.organisation else ""
        yield "signed by", f"{quote(signature.name, 200)}{organisation}, as the certificate says; {until}"
        if signature.stamped:
            trusted = "" if signature.stamp_trusted else ", whom nobody trusted here vouches for"
            yield "timestamp", f"{signature.stamped[:19]} by {quote(signature.stamp_by or '', 200)}{trusted}"
        else:
            yield "timestamp", "none: the signature is valid as long as the certificate"
    for problem in credentials.problems:
        yield "problem", f"{problem.words} ({problem.code})"
    if credentials.why:
        yield "problem", f"the credentials cannot be read ({credentials.why})"
    for place, count in verdict.uncovered:
        yield "not covered", f"{count} bytes in {place}"


def _claims(credentials: Credentials) -> Iterator[Line]:
    kind = SOURCE_TYPES.get(credentials.source, quote(credentials.source) if credentials.source else "unknown kind")
    yield "made by", f"{quote(credentials.generator or 'a program without a name', 200)}: {kind}"
    if credentials.model:
        digest = (credentials.weights or "")[:16]
        ability = quote(credentials.ability or "", 50)
        yield "model", f"{quote(credentials.model, 200)} ({digest}…), {ability}, seed {credentials.seed}"
    if credentials.prompt:
        asked = credentials.asked if credentials.asked != credentials.prompt else ""
        yield "prompt", quote(credentials.prompt, 600) + (f" (asked: {quote(asked, 300)})" if asked else "")
    if credentials.ledger:
        ledger = credentials.ledger
        origin = quote(ledger.origin, 200)
        yield "trained on", f"what {ledger.size:,} entries of ledger {origin} allow (root {ledger.root[:16]}…)"
    elif credentials.undisclosed:
        yield "trained on", f"not disclosed by its makers, {quote(credentials.undisclosed, 200)}"
    if credentials.base:
        source, licence, files = (quote(str(credentials.base.get(key)), 200) for key in ("source", "licence", "files"))
        yield "base weights", f"{source}, {licence}, files {files[:23]}…"
    lines = list(_origins(credentials.origins))
    yield from lines[:MAX_ORIGINS]
    if len(lines) > MAX_ORIGINS:
        yield "", f"and {len(lines) - MAX_ORIGINS} more files"


def _origins(origins: tuple[Origin, ...], depth: int = 0, child: str = "") -> Iterator[Line]:
    for origin in origins:
        notes = [quote(origin.done, 200)] if origin.done else []
        notes += [f"made by {quote(origin.model, 200)}"] if origin.model else []
        notes += [f"from {quote(origin.prompt, 300)}"] if origin.prompt else []
        notes += [] if origin.signed else ["without credentials of its own"]
        notes += [f"its credentials: {problem}" for problem in origin.problems]
        relation = RELATIONS.get(origin.relation, quote(origin.relation, 50))
        before = f"{'  ' * depth}{quote(child, 100)} " if child else ""
        yield (
            "made from",
            f"{before}{relation} {quote(origin.name, 200)}" + (f" ({', '.join(notes)})" if notes else ""),
        )
        yield from _origins(origin.origins, depth + 1, origin.name)


def _output(known: KnownOutput, credentials: Credentials | None) -> Iterator[Line]:
    how = {
        "file": "exactly this file left this machine",
        "watermark": "the watermark is that of a file that left this machine",
        "looks": "it looks like a file that left this machine",
    }[known.how]
    made = f"{known.ability or 'made'} by model {known.model[:16]}…"
    yield "output", f"{how} at {known.made_at} (entry {known.entry[:16]}…, {made})"
    if known.prompt and (credentials is None or credentials.prompt != known.prompt):
        yield "prompt", quote(known.prompt, 600)


def _source(source: KnownSource) -> Iterator[Line]:
    if source.entry is not None:
        creator = quote(source.creator, 200) if source.creator else "nobody on record"
        licence = quote(source.licence, 100) if source.licence else "no licence on record"
        yield "source", f"this is {quote(source.title, 200)} by {creator}, {licence} (entry {source.entry[:16]}…)"
    for digest in source.given_to:
        yield "given to", f"output {digest[:16]}…: it, or parts of it, were used to make that file"
