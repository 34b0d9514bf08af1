"""Who signs: the verbs `keys new` and `keys show`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app

if TYPE_CHECKING:
    from langit.release.credentials.identity import Identity

keys = typer.Typer(help="Who signs what leaves; docs/verify.md says how to bring a key of your own.")
app.add_typer(keys, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@keys.command()
def show(
    as_json: AsJson = False,
    pem: Annotated[bool, typer.Option("--pem", help="The root's certificate, for others to trust.")] = False,
) -> None:
    """Show who signs; an identity is made if there is none. The private key is never shown."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from langit import config
    from langit.release.credentials.identity import FOLDER, identity, signing

    home = config.home()
    found = identity(home / FOLDER, signing(home))
    if pem:
        typer.echo(found.chain[-1].public_bytes(Encoding.PEM).decode().rstrip("\n"))
    else:
        _say(found, as_json)


@keys.command()
def new(as_json: AsJson = False) -> None:
    """Make a new root and key; the old ones are kept aside, and what they signed stays known as signed here."""
    from langit import config
    from langit.release.credentials.identity import FOLDER, renew, signing

    home = config.home()
    settings = signing(home)
    if settings.chain:
        raise ValueError(f"release.toml says that {settings.chain} signs: take it out, to sign with this machine's key")
    _say(renew(home / FOLDER, settings), as_json)


def _say(found: Identity, as_json: bool) -> None:
    leaf = found.leaf
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    said = {
        "name": found.name,
        "fingerprint": found.fingerprint,
        "valid from": f"{leaf.not_valid_before_utc:%Y-%m-%d}",
        "valid to": f"{leaf.not_valid_after_utc:%Y-%m-%d} ({left.days} days left)",
        "root": found.root,
        "vouched for": "by nobody but this machine: the root is private"
        if found.private
        else "by the root, if it is trusted",
        "signs with": "a callback" if found.callback else f"{found.settings.algorithm.upper()}, a key file",
        "timestamps": found.settings.timestamps or "none: what is signed lasts as long as the certificate",
        "where": found.where,
    }
    if as_json:
        typer.echo(json.dumps(said, indent=1, ensure_ascii=False))
    else:
        for name, value in said.items():
            typer.echo(f"{name:<12} {value}")
