"""The verbs ``bundle check``, ``bundle sign``, ``bundle seal``, ``bundle convert`` and ``bundle index``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer
from langit.cli.progress import progress

bundle = typer.Typer(help="Models on disk.")
app.add_typer(bundle, name="bundle")

Name = Annotated[str, typer.Argument(help="A model's name, or a bundle's folder.")]


@bundle.command("check")
def check(
    name: Name,
    render: Annotated[str, typer.Option(help="How many of its training films to render again, or all.")] = "20",
    signer: Annotated[str | None, typer.Option(help="The verifier key that must have signed it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a model's files, its signer, and whether its training films are the ones on record."""
    from langit.bundle.check import check_bundle
    from langit.ledger.checkpoint import Verifier

    if render != "all" and not render.isdecimal():
        raise ValueError(f"--render {render} is not a number of films: use 0 or more, or all")
    verifier = None if signer is None else Verifier.parse(signer)
    with progress() as report:
        found = check_bundle(
            name,
            "all" if render == "all" else int(render),
            lambda done, of: report("films rendered again", done, of, ""),
            verifier,
        )
    findings = [{"what": each.what, "state": each.state, "text": each.text} for each in found.findings]
    values = {"path": str(found.path), "model": found.digest or None, "holds": found.holds, "findings": findings}
    lines = [f"{'model':8}{found.digest}"] if found.digest else []
    lines += [f"{finding.state:8}{finding.what}: {finding.text}" for finding in found.findings]
    answer(values, as_json, lines)
    if not found.holds:
        broken = ", ".join(finding.what for finding in found.findings if finding.state == "broken")
        raise ValueError(f"{found.path} failed the check ({broken}): get the bundle again")


@bundle.command("sign")
def sign(name: Name, as_json: JsonOption = False) -> None:
    """Sign a model's digest with the ledger key of this machine."""
    from langit import config
    from langit.bundle.files import check_files
    from langit.bundle.folder import read_provenance, resolve
    from langit.bundle.signature import sign_bundle
    from langit.ledger.keys import signer

    folder = resolve(name)
    provenance = read_provenance(folder)
    check_files(folder, provenance.files)  # never vouch for files that were changed
    signature = sign_bundle(folder, provenance, signer(config.home() / "ledger"))
    values = {"model": provenance.digest, "verifier": str(signature.verifier)}
    answer(values, as_json, [f"{provenance.digest} is signed by {signature.verifier}"])


@bundle.command("seal")
def seal(name: Name, as_json: JsonOption = False) -> None:
    """Take a model's files as they are, after you have changed them: writes their digests into its provenance.

    The model has another digest afterwards, and no signature.
    """
    from langit.bundle.folder import resolve, seal_bundle

    folder = resolve(name)
    sealed, changed = seal_bundle(folder)
    values = {"path": str(folder), "model": sealed.digest, "changed": [str(file) for file in changed]}
    answer(values, as_json, [*(f"changed {file}" for file in changed), f"{folder} is now {sealed.digest}"])


@bundle.command("convert")
def convert(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="The folder to write.")],
    dtype: Annotated[str, typer.Option(help="int8, fp16 or bf16.")] = "fp16",
    as_json: JsonOption = False,
) -> None:
    """Write a copy of a model with its weights stored in another precision.

    diffusers and transformers open fp16 and bf16. The copy has a digest of its own and no signature.
    """
    from langit.bundle.convert import convert_bundle

    sealed = convert_bundle(name, folder, dtype)
    answer({"path": str(folder), "model": sealed.digest}, as_json, [f"{folder} is {sealed.digest}"])


@bundle.command("index")
def index(name: Name, as_json: JsonOption = False) -> None:
    """Build the index of a model's training clips, for langit nearest and the gate, from the films on this machine.

    It becomes part of the bundle, so the model has another digest afterwards, and no signature.
    """
    from langit import config
    from langit.bundle import resolve
    from langit.release.nearest.training import index_bundle

    with progress() as report:
        sealed = index_bundle(resolve(name), config.home(), report)
    folder = resolve(name)
    answer({"path": str(folder), "model": sealed.digest}, as_json, [f"{folder} is now {sealed.digest}"])
