"""What is known of a file: the verb `verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app

if TYPE_CHECKING:
    from langit.release.credentials.read import Credentials, Origin
    from langit.release.verdict import Known, Verdict

RELATIONS = {"parentOf": "goes on from", "componentOf": "holds", "inputTo": "was shown to the model"}


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A video or a picture.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what is known of a file: is it intact, who signed it, what made it, from what? See docs/verify.md."""
    from langit import config
    from langit.release.credentials.identity import signing
    from langit.release.verify import verify as judge

    verdict = judge(file, signing=signing(config.home()))
    if as_json:
        typer.echo(json.dumps(verdict.plain(), indent=1, ensure_ascii=False))
    else:
        typer.echo(f"{file.name}: {verdict.sentence}")
        for question, answer in _lines(verdict):
            typer.echo(f"  {question:<12} {answer}")
    if verdict.finding:
        raise typer.Exit(int(verdict.finding))


def _lines(verdict: Verdict) -> Iterator[tuple[str, str]]:
    said = verdict.credentials
    if said is not None:
        yield from _signed(said)
        if said.state != "unreadable":
            yield from _says(verdict, said)
    for place, count in verdict.uncovered:
        yield "not covered", f"{count} bytes in {place}"
    if verdict.mark:
        yield "watermark", verdict.mark
    for known in verdict.known:
        yield "ledger", _entry(known)
        if known.prompt and (said is None or said.prompt != known.prompt):
            yield "prompt", f'"{known.prompt}"'
    if verdict.training:
        yield "trained on", verdict.training
    yield "SHA-256", verdict.sha256


def _signed(said: Credentials) -> Iterator[tuple[str, str]]:
    signer = said.signature
    if signer is not None:
        until = f"certificate valid to {signer.valid_until[:10]}" if signer.valid_until else "no certificate"
        yield "signed by", f"{signer.name} ({signer.organisation}), {until}"
        if signer.stamped:
            word = "" if signer.stamp_trusted else ", which nobody vouches for here"
            yield "timestamp", f"{signer.stamped[:19]} by {signer.stamp_by}{word}"
        else:
            yield "timestamp", "none: the signature ends with its certificate"
    for each in said.problems:
        yield "problem", f"{each.words} ({each.code})"
    if said.why:
        yield "problem", f"the credentials cannot be read ({said.why})"


def _says(verdict: Verdict, said: Credentials) -> Iterator[tuple[str, str]]:
    """What the credentials say; the signer's word, and no more than that."""
    if verdict.intact is False:
        yield "its word", "what follows was said of the file that was signed, which is not this one"
    wholly = {
        "trainedAlgorithmicMedia": "generated",
        "compositeWithTrainedAlgorithmicMedia": "generated, with parts of what it was made from",
    }
    yield (
        "made by",
        f"{said.generator or 'a program without a name'}: {wholly.get(said.source, said.source or 'of unknown kind')}",
    )
    if said.model:
        yield "model", f"{said.model} ({(said.weights or '')[:16]}…), {said.ability}, seed {said.seed}"
    if said.prompt:
        yield (
            "prompt",
            f'"{said.prompt}"' + (f' (asked: "{said.asked}")' if said.asked and said.asked != said.prompt else ""),
        )
    if said.ledger:
        ledger = said.ledger
        yield (
            "trained on",
            f"what the first {ledger.size:,} entries of ledger {ledger.origin} allow (root {ledger.root[:16]}…)",
        )
    yield from _origins(said.origins)


def _origins(origins: tuple[Origin, ...], depth: int = 0, before: str = "") -> Iterator[tuple[str, str]]:
    for each in origins:
        words = [each.done] if each.done else []
        words += [f"made by {each.model}"] if each.model else []
        words += [f'from "{each.prompt}"'] if each.prompt else []
        words += [] if each.signed else ["without credentials of its own"]
        words += [f"its credentials: {problem}" for problem in each.problems]
        link = RELATIONS.get(each.relation, each.relation)
        whose = f"{'  ' * depth}{before} " if before else ""
        yield "made from", f"{whose}{link} {each.name}" + (f" ({', '.join(words)})" if words else "")
        yield from _origins(each.origins, depth + 1, each.name)


def _entry(known: Known) -> str:
    how = {
        "file": "this very file left this machine",
        "watermark": "the watermark is that of what left this machine",
        "looks": "looks like what left this machine",
    }[known.how]
    return (
        f"{how} at {known.made_at} (entry {known.entry[:16]}…, {known.ability or 'made'} by model {known.model[:16]}…)"
    )
