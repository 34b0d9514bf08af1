"""Who signs: the verbs `keys new` and `keys show`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.printable import one_line, to_json

if TYPE_CHECKING:
    from langit.release.credentials.identity import Identity

keys = typer.Typer(help="The key that signs released files; docs/verify.md explains how to use your own.")
app.add_typer(keys, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@keys.command()
def show(
    as_json: AsJson = False,
    pem: Annotated[bool, typer.Option("--pem", help="Print the root's certificate, for others to trust.")] = False,
) -> None:
    """Show who signs; creates an identity if there is none. The private key is never shown."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from langit import config
    from langit.release.credentials.identity import FOLDER, identity, signing

    home = config.home()
    signer = identity(home / FOLDER, signing(home))
    if pem:
        typer.echo(signer.chain[-1].public_bytes(Encoding.PEM).decode().rstrip("\n"))
    else:
        _print(signer, as_json)


@keys.command()
def new(as_json: AsJson = False) -> None:
    """Create a new root and key. The old ones are kept, and what they signed is still known as signed here."""
    from langit import config
    from langit.release.credentials.identity import FOLDER, renew, signing

    home = config.home()
    settings = signing(home)
    if settings.chain:
        raise ValueError(
            f"release.toml says that {settings.chain} signs: remove it from there, to sign with this machine's key"
        )
    _print(renew(home / FOLDER, settings), as_json)


def _print(signer: Identity, as_json: bool) -> None:
    leaf = signer.leaf
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    values = {
        "name": signer.name,
        "fingerprint": signer.fingerprint,
        "valid from": f"{leaf.not_valid_before_utc:%Y-%m-%d}",
        "valid to": f"{leaf.not_valid_after_utc:%Y-%m-%d} ({left.days} days left)",
        "root": signer.root,
        "vouched for": "by this machine only: the root is private"
        if signer.private
        else "by the root, for those who trust it",
        "signs with": "a callback" if signer.callback else f"{signer.settings.algorithm.upper()}, a key file",
        "timestamps": signer.settings.timestamps or "none: signatures are valid as long as the certificate",
        "where": signer.where,
    }
    if as_json:
        typer.echo(to_json(values))
    else:
        for name, value in values.items():
            typer.echo(one_line(f"{name:<12} {value}"))
