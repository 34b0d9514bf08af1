"""`langit ledger`: what can be proven to others, and whether the ledger is as it was signed.

An answer that was found and is no (a receipt that does not verify) is exit code 1; a question that could not be asked
(no such file, no key) is exit code 2.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langit.cli.ledger import ledger
from langit.cli.ledger_lookup import (
    find_model,
    find_records,
    lineage_over,
    open_ledger,
    trusted_key,
    with_its_own_record,
)
from langit.cli.ledger_output import FAILED, KeyName, LedgerOption, OverwriteOption, refuse_overwrite, show, write_files
from langit.cli.printing import JsonOption, answer, say

if TYPE_CHECKING:
    from langit.ledger.audit_check import Audit
    from langit.ledger.checkpoint import LogCheckpoint, Verifier
    from langit.ledger.record import Record


@ledger.command()
def prove(
    record: Annotated[str, typer.Argument(help="A clip, a source or another record: its hash, or a video file.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The receipt; default: named for it.")] = None,
    where: LedgerOption = None,
    name: KeyName = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a receipt that a record is in the ledger: anyone can check it with the public key alone."""
    from langit.ledger import keys, lines, receipt
    from langit.ledger.artifacts import TrainedModel

    found = open_ledger(where)
    lineage = lineage_over(found)
    first = find_records(lineage, record)[0]
    if isinstance(first, TrainedModel):
        raise ValueError(f"{record!r} is a model, not a record of the ledger: `langit ledger audit {record}` proves it")
    named: list[Record] = []
    waiting = [*lines.references(first)]
    while waiting:
        other = lineage.get(waiting.pop(0))
        if other not in named:
            named.append(other)
            waiting += lines.references(other)
    path = output or Path(f"{first.record}-{first.digest[:16]}{receipt.SUFFIX}")
    refuse_overwrite(path, overwrite)
    signer = keys.signer(found.path, name)
    write_files({path: receipt.prove(found, first, named, signer).encode()}, overwrite, as_json)
    say(f"to check it, others need the public key: {signer.verifier}", err=True)


@ledger.command()
def key(where: LedgerOption = None, name: KeyName = None, as_json: JsonOption = False) -> None:
    """Show the ledger's public key, which others check receipts with. It is created when first asked for."""
    from langit.ledger import keys

    verifier = str(keys.signer(open_ledger(where).path, name).verifier)
    answer({"key": verifier}, as_json, [verifier])


@ledger.command()
def check(
    file: Annotated[Path, typer.Argument(help="A receipt, or an audit file.")],
    key: Annotated[str | None, typer.Option(help="Public key to trust, or a file of it.")] = None,
    against: Annotated[Path | None, typer.Option(help="A receipt, audit file or ledger to compare with.")] = None,
    model: Annotated[str | None, typer.Option(help="A model's name or folder to compare with an audit file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a receipt or an audit file without ledger or network. Exit code 1 if it does not verify."""
    from langit.inquiry.receipts import check_answer, is_answer
    from langit.ledger import receipt
    from langit.ledger.answers import describe_receipt
    from langit.ledger.archive import UnprovedError, is_archive
    from langit.ledger.audit_check import Audit, needs_key

    if not file.is_file():
        wrong = "is a folder" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"{file} {wrong}: name a receipt, or an audit file")
    try:
        signed = not is_archive(file) or needs_key(file)
        verifier, whose_key = trusted_key(key) if signed else (None, "")
        state: LogCheckpoint | None
        if is_archive(file):
            audit = Audit(file, verifier)
            answer, holds = check_audit_file(audit, None if model is None else model_folder(model))
            state = audit.state
        else:
            if model is not None:
                raise ValueError(f"--model compares with an audit file, and {file} is not one: leave it out")
            text = file.read_bytes().decode("utf-8", "replace")
            if is_answer(text):
                assert verifier is not None
                said = check_answer(text, verifier)
                show({"checked": f"signed by {verifier.name}, by {whose_key}", **said}, as_json)
                return
            if not receipt.is_receipt(text):
                raise ValueError(
                    f"{file} is neither a receipt nor an audit file: `langit ledger prove` writes receipts"
                )
            assert verifier is not None
            checked = receipt.check(text, verifier)
            answer, state, holds = describe_receipt(checked), checked.state, True
        if against is not None:
            if state is None or verifier is None:
                raise ValueError(f"{file} holds no signed state of a ledger to compare with {against}")
            answer["compared"] = compare_histories(state, against, verifier)
    except UnprovedError as error:
        say(f"does not verify: {file}: {error}", err=True)
        raise typer.Exit(FAILED) from error
    verdict = (
        f"signed by {verifier.name}, by {whose_key}" if verifier else "not signed: it rests on the model's own files"
    )
    show({"checked": verdict if holds else "does not verify", **answer}, as_json)
    if not holds:
        raise typer.Exit(FAILED)


@ledger.command()
def audit(
    model: Annotated[str, typer.Argument(help="A model's name, hash or folder.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Audit file.")] = None,
    where: LedgerOption = None,
    name: KeyName = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write one file from which others verify the way from the ledger to a model, with `langit ledger check`."""
    from langit import config
    from langit.ledger import audit as audits
    from langit.ledger import keys
    from langit.ledger.snapshot import Snapshot

    found = open_ledger(where, empty=True)
    lineage = lineage_over(found)
    trained = find_model(lineage, model)
    if trained is None:
        first = find_records(lineage, model)[0]
        raise ValueError(
            f"{model!r} is a {getattr(first, 'record', 'record')}, not a model: `langit ledger prove` proves a record"
        )
    path = output or Path(f"{trained.name}-{trained.digest[:16]}{audits.SUFFIX}")
    refuse_overwrite(path, overwrite)
    source, trained = with_its_own_record(lineage, trained)
    if isinstance(source.ledger, Snapshot):
        audits.write_shipped(source.ledger, trained, config.canonical(config.dump(source.policy)), path)
        answer({"files": [str(path)]}, as_json, [path])
        lacking = audits.stages_without_logs(trained)
        if lacking:
            say(f"not in it, because they did not come with the model: exposure logs of {', '.join(lacking)}", err=True)
        say("it is not signed: the ledger that the model was trained from is elsewhere", err=True)
        return
    if found.size == 0:
        open_ledger(where)  # says that there is none
    signer = keys.signer(found.path, name)
    audits.write(lineage, found, trained, signer, path)
    answer({"files": [str(path)]}, as_json, [path])
    say(f"to check it, others need the public key: {signer.verifier}", err=True)


@ledger.command()
def verify(where: LedgerOption = None, as_json: JsonOption = False) -> None:
    """Hash all records and evidence, and compare with the log and its signed states. Exit code 1 if they differ."""
    from langit.ledger.verification import verify_ledger

    if where is not None and "://" not in where and not Path(where).is_dir():
        raise FileNotFoundError(f"there is no ledger at {where}: check --ledger")  # not one in order without entries
    try:
        answer = verify_ledger(open_ledger(where, empty=True))
    except ValueError as error:
        say(f"does not verify: {error}", err=True)
        raise typer.Exit(FAILED) from error
    show(answer, as_json)


@ledger.command()
def consistent(
    old: Annotated[str, typer.Argument(metavar="SIZE|CHECKPOINT", help="Earlier size, or checkpoint file.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File for the proof, as JSON.")] = None,
    where: LedgerOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Prove that the log continues an earlier state of it (RFC 6962). Exit code 1 if it does not."""
    from langit.ledger import keys
    from langit.ledger.archive import UnprovedError
    from langit.ledger.verification import prove_consistency

    found = open_ledger(where)
    signer = keys.signer(found.path)
    note = Path(old).read_text(encoding="utf-8") if Path(old).is_file() else None
    if note is None and not old.isdecimal():
        raise FileNotFoundError(f"{old} is neither a number of entries nor a file with a checkpoint")
    try:
        answer = prove_consistency(found, signer, int(old) if note is None else note)
    except UnprovedError as error:
        say(f"does not continue it: {error}", err=True)
        raise typer.Exit(FAILED) from error
    if output is not None:
        write_files({output: (json.dumps(answer, indent=1) + "\n").encode()}, overwrite)
    else:
        show(answer, as_json)


def compare_histories(state: LogCheckpoint, against: Path, verifier: Verifier) -> str:
    """What a second witness says of the log: a receipt, an audit file or a ledger's folder."""
    from langit.ledger import receipt
    from langit.ledger.archive import is_archive
    from langit.ledger.audit_check import Audit
    from langit.ledger.store import Ledger

    if against.is_dir():
        return receipt.check_history(state, Ledger(against).leaves(), str(against), current=True)
    if is_archive(against):
        return receipt.check_history(state, Audit(against, verifier).leaves, str(against), current=False)
    other = receipt.check(against.read_bytes().decode("utf-8", "replace"), verifier).state
    return receipt.check_same(state, other, str(against))


def model_folder(model: str) -> Path:
    """The folder of a model that a person names; a model that ships or was trained here goes by its name."""
    from langit.bundle.folder import resolve

    return resolve(model)


def check_audit_file(audit: Audit, model: Path | None) -> tuple[dict[str, Any], bool]:
    """The findings of an audit file, and of a model's files beside it; whether they hold."""
    from langit.bundle.files import check_files
    from langit.feed.traces import read_model
    from langit.ledger.archive import UnprovedError

    findings = audit.findings()
    state = audit.state
    answer: dict[str, Any] = {
        "log": (
            f"{state.size} entries of {state.origin}, root {state.root.hex()}"
            if state is not None
            else f"{len(audit.records.records)} of {audit.records.size} entries, root {audit.records.root().hex()}"
        ),
        **{f"{finding.state:5}  {finding.what}": finding.text for finding in findings},
    }
    holds = all(finding.state != "fails" for finding in findings)
    if model is not None:
        other = read_model(model)
        if other.digest != audit.model:
            raise UnprovedError(
                f"{model} is another model ({other.name}, {other.digest[:16]}…) than {audit.name} in this file"
            )
        try:
            check_files(model, other.listed_files)
        except ValueError as error:
            raise UnprovedError(str(error)) from error
        answer["holds  files"] = f"all {len(other.listed_files)} files in {model} are those that the provenance names"
    return answer, holds
