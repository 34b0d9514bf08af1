"""`langit ledger`: requests to take footage down, which people make on the server's page, and their answers."""

from __future__ import annotations

from typing import Annotated

import typer

from langit.cli.ledger import ledger
from langit.cli.ledger_lookup import lineage_over, open_ledger
from langit.cli.ledger_output import AllOption, LedgerOption, show
from langit.cli.printing import JsonOption

Name = Annotated[str, typer.Argument(metavar="REQUEST", help="A request's digest, or its beginning.")]
Why = Annotated[str, typer.Option("--why", help="Kept in the ledger for good: do not name a person.")]


@ledger.command()
def requests(where: LedgerOption = None, every: AllOption = False, as_json: JsonOption = False) -> None:
    """List requests to take footage down: the open ones, or all."""
    from langit.inquiry.takedown import list_requests

    found = [one for one in list_requests(open_ledger(where, empty=True)) if every or one.answer is None]
    listed = [
        {
            "request": one.request.digest,
            "standing": one.standing,
            "asked at": one.request.asked_at,
            "reason": one.request.reason,
            "content": one.request.content_sha256,
            "looks": "kept" if one.request.looks else "not shown",
            "by": f"{one.name}, {one.contact}" if one.name else "erased",
            "statement": one.statement,
            "answered": None if one.answer is None else f"{one.answer.answered_at}: {one.answer.why}",
        }
        for one in found
    ]
    show({"requests": listed or f"none {'at all' if every else 'open'}"}, as_json)


@ledger.command()
def grant(
    request: Name,
    why: Why = "asked for by its owner",
    erase: Annotated[bool, typer.Option("--erase", help="Also erase who asked, and in which words.")] = False,
    where: LedgerOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """Grant a request: its content, and what looks like it, is revoked. Lists what was made from it."""
    from langit.cli.ledger_takedown import TakeDown, describe_take_down
    from langit.inquiry.takedown import erase_person, find_request, grant_request
    from langit.ledger.lineage import trace_descendants

    found = open_ledger(where)
    standing = find_request(found, request)
    lineage = lineage_over(found)
    content = standing.request.content_sha256
    records = tuple(source for source in lineage.sources.values() if source.content_sha256 == content)
    traced = trace_descendants(lineage, records)
    answer = grant_request(found, standing, why)
    shown = {"granted": standing.request.digest, "answer": answer.digest, "revocations": list(answer.revocations)}
    if erase:
        erase_person(found, standing)
    meant = TakeDown(records, (("content", content),))
    show(shown | describe_take_down(lineage_over(found), meant, traced, every, purge=False), as_json)


@ledger.command()
def decline(
    request: Name,
    why: Why,
    erase: Annotated[bool, typer.Option("--erase", help="Also erase who asked, and in which words.")] = False,
    where: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decline a request, with the reason."""
    from langit.inquiry.takedown import decline_request, erase_person, find_request

    found = open_ledger(where)
    standing = find_request(found, request)
    answer = decline_request(found, standing, why)
    if erase:
        erase_person(found, standing)
    show({"declined": standing.request.digest, "answer": answer.digest}, as_json)
