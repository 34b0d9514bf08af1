"""Write one file from which others verify the way from a ledger to a model, without the ledger and without a network.

A ZIP of plain parts, each of which can be checked by hand:

    checkpoint          the log's state, signed (C2SP tlog-checkpoint)
    records.jsonl       every record, a line of canonical JSON each, in order of entry; a line's SHA-256 is its digest
    policy.json         the policy that was in force, as JSON
    manifests/HASH      the clips of each manifest, a digest a line
    model/provenance.json
    model/films.json    the entries of the model's own table of films
    model/STAGE.log     the exposure log of each stage of training: which clip at which step

Where the ledger is elsewhere and only what came with the model is at hand (``shipped``), there is no ``checkpoint``;
``log.json`` says which entries the records are and proves that they are in the log that the model names, and exposure
logs that did not come with the model are left out. ``audit_check`` says what follows from the parts that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from langit import config
from langit.ledger import lines
from langit.ledger.archive import write_parts
from langit.ledger.artifacts import TrainedModel
from langit.ledger.checkpoint import Signer
from langit.ledger.lineage import Lineage, model_exposures
from langit.ledger.shipped import LOG, POLICY, RECORDS, snapshot_parts
from langit.ledger.snapshot import Snapshot
from langit.ledger.store import Ledger

SUFFIX = ".audit.zip"
CHECKPOINT, PROVENANCE, FILMS = "checkpoint", "model/provenance.json", "model/films.json"
__all__ = ["CHECKPOINT", "FILMS", "LOG", "POLICY", "PROVENANCE", "RECORDS", "SUFFIX", "write", "write_shipped"]


def write(lineage: Lineage, ledger: Ledger, model: TrainedModel, signer: Signer, path: Path) -> None:
    """Write the audit file of a model that was trained from a ledger, under a checkpoint that is signed now.

    Raises:
        ValueError: the model was trained from another ledger, an exposure log of its training is not at hand, the
            ledger was changed, or it is no model of its own but tuned from open weights.
        OSError: the file cannot be written.
    """
    if model.tuned:
        raise ValueError(
            f"{model.name} was tuned from open weights and has no provenance, on which audit files are built:"
            " `langit ledger prove` shows that the entry of its run is in the ledger, and"
            f" `langit ledger whose {model.name} --all` what it saw"
        )
    if not lineage.continues(model):
        raise ValueError(
            f"model {model.name} was trained from {model.origin} at {model.ledger_size} entries, root"
            f" {model.ledger_root[:16]}…, which {ledger.name} does not continue: audit it with its own ledger"
        )
    missing = next((stage for stage in model.stages if stage.log is None), None)
    if missing is not None:
        raise ValueError(
            f"the exposure log of stage {missing.name} of {model.name} (root {missing.root[:16]}…) is not here:"
            " audit the model where it was trained"
        )
    ledger.check()
    note = ledger.checkpoint(signer.name, signer)
    parts = {
        CHECKPOINT: note.encode(),
        RECORDS: lines.write_lines(lineage.get(digest) for digest in ledger.digests()),
        POLICY: config.canonical(config.dump(lineage.policy)),
    }
    named = {entry.manifest for entry in model_exposures(ledger.exposures(), model.digest, _roots(model))}
    for manifest in lineage.manifests:
        if manifest.digest in named:  # other manifests are no part of this model
            parts[f"manifests/{manifest.listing}"] = ledger.evidence_bytes(manifest.listing)
    write_parts(path, parts | _model_parts(model))


def write_shipped(snapshot: Snapshot, model: TrainedModel, policy: bytes, path: Path) -> None:
    """Write the audit file of a model from what came with it; exposure logs that did not come are left out.

    Args:
        snapshot: the records that came with the model.
        model: with the exposure logs that came with it.
        policy: canonical JSON of the policy.
        path: the file.

    Raises:
        ValueError: the records are not of the ledger that the model names.
        OSError: the file cannot be written.
    """
    top = snapshot.root_at(model.ledger_size)
    if top is None or top.hex() != model.ledger_root:
        raise ValueError(f"the records in {snapshot.name} are not of the ledger that model {model.name} names")
    write_parts(path, snapshot_parts(snapshot) | {POLICY: policy} | _model_parts(model))


def _model_parts(model: TrainedModel) -> dict[str, bytes]:
    """The parts about the model, the same in both kinds of file."""
    parts = {
        PROVENANCE: model.provenance.encode(),
        FILMS: config.canonical(sorted(model.films)),
    }
    for stage in model.stages:
        if stage.log is not None:
            parts[f"model/{stage.name}.log"] = stage.log.data
    return parts


def _roots(model: TrainedModel) -> set[str]:
    return {stage.root for stage in model.stages}


def stages_without_logs(model: TrainedModel) -> Sequence[str]:
    """The stages whose exposure logs are not at hand."""
    return [stage.name for stage in model.stages if stage.log is None]
