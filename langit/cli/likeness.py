"""`langit likeness`: grant, revoke and list consents to be shown in videos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer

likeness = typer.Typer(help="Who agreed to be shown in videos, for what and until when.")
app.add_typer(likeness, name="likeness")

Where = Annotated[str | None, typer.Option("--ledger", help="Folder of the ledger; default: LANGIT_HOME/ledger.")]
Name = Annotated[str, typer.Argument(help="A person's name, as in a prompt.")]


@likeness.command()
def grant(
    name: Name,
    scope: Annotated[
        list[str], typer.Option(help="model:NAME, ability:NAME or purpose:WORDS, each as often as needed; or all.")
    ],
    evidence: Annotated[Path, typer.Option(help="A file that shows the consent; kept beside the log.")],
    until: Annotated[str | None, typer.Option(help="Last day, such as 2027-01-31; default: until withdrawn.")] = None,
    where: Where = None,
    as_json: JsonOption = False,
) -> None:
    """Enter that a person agreed to be shown; the log holds salted commitments, and no name."""
    from langit.cli.ledger_lookup import open_ledger
    from langit.release.gates import likeness as registry

    entered = registry.grant(open_ledger(where, empty=True), name, scope, evidence, until)
    ends = f"until {entered.ends}" if entered.ends else "until it is withdrawn"
    values = {"name": name, "scopes": list(entered.scopes), "ends": entered.ends or None, "entry": entered.digest}
    answer(values, as_json, [f"{name} may be shown ({', '.join(entered.scopes)}) {ends}: entry {entered.digest}"])


@likeness.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The name, or the beginning of the entry's digest.")],
    reason: Annotated[str, typer.Option(help="Kept in the ledger for good: do not name a person.")] = "withdrawn",
    erase: Annotated[bool, typer.Option("--erase", help="Also erase the name and the consent form.")] = False,
    where: Where = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a person's consent; what was made before stays made."""
    from langit.cli.ledger_lookup import open_ledger
    from langit.release.gates import likeness as registry

    entries = list(registry.revoke(open_ledger(where), name, reason, erase))
    lines = [f"withdrawn{' and erased' if erase else ''}: entry {digest}" for digest in entries]
    answer({"withdrawn": entries, "erased": erase}, as_json, lines)


@likeness.command("list")
def list_(where: Where = None, as_json: JsonOption = False) -> None:
    """List consents and whether they are in force today."""
    from langit.cli.ledger_lookup import open_ledger
    from langit.release.gates import likeness as registry

    found = registry.grants(open_ledger(where, empty=True))
    rows = [
        {
            "standing": one.standing,
            "name": one.name or None,
            "scopes": list(one.scopes),
            "starts": one.starts,
            "ends": one.ends or None,
            "entry": one.digest,
        }
        for one in found
    ]
    lines = []
    for one in found:
        days = f"{one.starts} to {one.ends or 'withdrawal'}"
        lines.append(f"{one.standing:9} {one.name or '(erased)'}: {', '.join(one.scopes)}; {days}; {one.digest[:16]}")
    answer({"consents": rows}, as_json, lines or ["nobody has agreed to be shown"])
