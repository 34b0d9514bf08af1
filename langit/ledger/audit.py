"""One file from which a third party re-verifies ledger -> manifest -> model, with no ledger and no network.

A ZIP of plain parts, each of which can be checked by hand:

    checkpoint          the log's state, signed (C2SP tlog-checkpoint)
    records.jsonl       every record, a line of canonical JSON each, in order of entry; a line's SHA-256 is its digest
    policy.json         the policy that was in force, as JSON
    manifests/HASH      the clips of each manifest, a digest a line
    model/provenance.json
    model/films.json    the entries of the model's own table of films
    model/STAGE.log     the exposure log of each stage of training: which clip at which step

Nothing is extracted; parts are read by name and have a size that is bounded. What cannot be shown from these parts is
said to be the word of whoever trained the model.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from langit import config
from langit.files import atomic_write
from langit.ledger import lines
from langit.ledger.artifacts import TrainedModel
from langit.ledger.checkpoint import LogCheckpoint, Signer, Verifier
from langit.ledger.derived import Manifest, RunExposure
from langit.ledger.exposures import count_exposures, rows_root
from langit.ledger.lineage import Lineage
from langit.ledger.log import Hash, leaf_hash, root
from langit.ledger.policy import Policy
from langit.ledger.receipt import UnprovedError, check_signed
from langit.ledger.record import Clip, Consent, Revocation, Rights, Signal, Source
from langit.ledger.rights import Revocations
from langit.ledger.selection import judge, select

SUFFIX = ".audit.zip"
LARGEST = 2**32
"""Bytes of a part, unpacked: a file that claims more is not read."""
CHECKPOINT, RECORDS, POLICY = "checkpoint", "records.jsonl", "policy.json"
PROVENANCE, FILMS = "model/provenance.json", "model/films.json"
LINES_SHOWN = 3


@dataclass(frozen=True)
class AuditFinding:
    """One thing that was looked at: it holds, it fails, or it rests on somebody's word."""

    what: str
    state: Literal["holds", "fails", "word"]
    text: str


def write(lineage: Lineage, model: TrainedModel, signer: Signer, path: Path) -> None:
    """Write the audit file of a model, under a checkpoint that is signed now. It appears whole or not at all.

    Raises:
        ValueError: the model was trained from another ledger, or an exposure log of its training is not at hand.
    """
    if not lineage.continues(model):
        raise ValueError(
            f"model {model.name} was trained from {model.origin} at {model.ledger_size} entries, root"
            f" {model.ledger_root[:16]}…, which {lineage.ledger.place} does not continue: audit it with its own ledger"
        )
    for stage in model.stages:
        if stage.log is None:
            raise ValueError(
                f"the exposure log of stage {stage.name} of {model.name} (root {stage.root[:16]}…) is not here:"
                " audit the model where it was trained"
            )
    ledger = lineage.ledger
    note = ledger.checkpoint(signer.name, signer)
    records = [lineage.get(digest) for digest in ledger.digests()]
    parts: dict[str, bytes] = {
        CHECKPOINT: note.encode(),
        RECORDS: b"".join(record.canonical + b"\n" for record in records),
        POLICY: config.canonical(config.dump(lineage.policy)),
        PROVENANCE: model.provenance.encode(),
        FILMS: config.canonical(sorted(model.films)),
    }
    for manifest in lineage.manifests:
        parts[f"manifests/{manifest.listing}"] = ledger.evidence.get(manifest.listing)
    for stage in model.stages:
        assert stage.log is not None
        parts[f"model/{stage.name}.log"] = stage.log.data
    with atomic_write(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def is_audit(path: Path) -> bool:
    """Whether a file sets out to be an audit file, whole or not."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


class Audit:
    """An audit file that was opened: its parts are those that were signed, or it is not opened."""

    def __init__(self, path: Path, verifier: Verifier) -> None:
        """Open and check the log: signature, every record, the root over all of them.

        Raises:
            UnprovedError: cut or changed, or signed by another key.
        """
        self.parts = _parts(path)
        try:
            note = self._part(CHECKPOINT).decode()
            check_signed(note, verifier)
            self.state = LogCheckpoint.parse(note, verifier)
            self.records = tuple(lines.parse_line(line) for line in self._part(RECORDS).splitlines())
            self.leaves: list[Hash] = [leaf_hash(bytes.fromhex(record.digest)) for record in self.records]
            if len(self.leaves) != self.state.size or root(self.leaves) != self.state.root:
                raise ValueError(
                    f"the {len(self.leaves)} records in {path} are not the {self.state.size} entries that were signed:"
                    " a record was changed, left out or added; get the file again"
                )
        except (UnicodeDecodeError, ValueError) as error:
            raise UnprovedError(str(error)) from error

    def _part(self, name: str) -> bytes:
        if name not in self.parts:
            raise ValueError(f"the audit file has no part {name}: get it again")
        return self.parts[name]

    def findings(self) -> tuple[AuditFinding, ...]:
        """What the parts show of the way from the ledger to the model.

        Raises:
            UnprovedError: a part is missing or is not what it should be.
        """
        try:
            said = json.loads(self._part(PROVENANCE))
            plain = {key: said[key] for key in said if key != "recipe_hash"}
            self.model = config.digest_of(plain).removeprefix("sha256:")
            self.name, size = str(said["model"]), int(said["ledger"]["size"])
            ledger = self._ledger(said["ledger"])
            if ledger.state == "fails":
                return (ledger,)
            stages = dict(said["exposure"])
            exposed = self._exposed(stages)
            entered = [item for item in self._all(RunExposure) if item.model == self.model]
            entered += [i for i in self._all(RunExposure) if i.root in {s["root"] for s in stages.values()} - {None}]
            manifests = [item for item in self._all(Manifest) if item.digest in {e.manifest for e in entered}]
            return (
                ledger,
                self._entry(entered),
                *self._films(said["films"]),
                *(self._stage(name, stages[name]) for name in stages),
                self._known(exposed, size),
                *(self._manifest(manifest, exposed) for manifest in manifests),
                self._rights(exposed, size, manifests),
                self._revoked(exposed),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UnprovedError(f"the audit file does not hold together ({error}): get it again") from error

    def _all(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    def _ledger(self, said: dict[str, Any]) -> AuditFinding:
        size, top = said["size"], said["root"]
        if size > len(self.leaves) or root(self.leaves[:size]).hex() != top:
            text = f"the model names a ledger of {size} entries, root {top[:16]}…, which this one does not continue"
            return AuditFinding("ledger", "fails", text)
        return AuditFinding(
            "ledger", "holds", f"the model was trained from the first {size} of these {len(self.leaves)}"
        )

    def _entry(self, entered: list[RunExposure]) -> AuditFinding:
        name = f"model {self.name}, provenance {self.model[:16]}…"
        if not entered:
            text = f"{name}: no entry of the log names it; that it was trained on this alone is its maker's word"
            return AuditFinding("model", "word", text)
        when = entered[0].recorded_at
        return AuditFinding("model", "holds", f"{name}: the log has its training, recorded at {when}")

    def _films(self, said: dict[str, Any] | None) -> list[AuditFinding]:
        if said is None:
            return []
        entries = json.loads(self._part(FILMS))
        films = [self.records[entry] for entry in entries if 0 <= entry < len(self.records)]
        rows = (
            f"{film.seed} {film.size} {film.motion_sha256} {film.content_sha256}".encode()
            for film in films
            if isinstance(film, Source)
        )
        if root(map(leaf_hash, rows)).hex() != said["root"]:
            return [AuditFinding("films", "fails", "the films that the model lists are not those at these entries")]
        return [AuditFinding("films", "holds", f"all {len(films)} films in the model's own table are in the log")]

    def _exposed(self, stages: Iterable[str]) -> set[str]:
        return {clip for name in stages for clip in count_exposures(self._part(f"model/{name}.log"))}

    def _stage(self, name: str, said: dict[str, Any]) -> AuditFinding:
        data = self._part(f"model/{name}.log")
        seen = count_exposures(data)
        if rows_root(data) != said["root"]:
            return AuditFinding(
                name, "fails", f"its exposure log is not the one that the model names ({said['root'][:16]}…)"
            )
        text = f"{sum(item.times for item in seen.values())} rows in {said['steps']} steps, {len(seen)} clips"
        return AuditFinding(name, "holds", f"the exposure log is the one that the model names: {text}")

    def _known(self, exposed: set[str], size: int) -> AuditFinding:
        known = {record.digest for record in self.records[:size] if isinstance(record, Clip)}
        return _all_in("clips", exposed, known, f"were entered before entry {size}", "the log had not, when it began")

    def _manifest(self, manifest: Manifest, exposed: set[str]) -> AuditFinding:
        what = f"manifest {manifest.name}"
        data = self._part(f"manifests/{manifest.listing}")
        listed = data.decode().split()
        top = root(leaf_hash(bytes.fromhex(digest)) for digest in listed).hex()
        if hashlib.sha256(data).hexdigest() != manifest.listing or top != manifest.clip_root:
            return AuditFinding(what, "fails", "its list of clips is not the one that was entered")
        if root(self.leaves[: manifest.ledger_size]).hex() != manifest.ledger_root:
            return AuditFinding(what, "fails", f"it was made of another ledger of {manifest.ledger_size} entries")
        return _all_in(what, exposed, {*listed}, f"are on its list of {len(listed)}", "it does not list")

    def _rights(self, exposed: set[str], size: int, manifests: list[Manifest]) -> AuditFinding:
        """Judge every clip again, as the ledger stood when the run read it."""
        policy = config.load(Policy, json.loads(self._part(POLICY)))
        strange = [item.name for item in manifests if item.policy != policy.digest.removeprefix("sha256:")]
        if strange:
            text = f"manifest {strange[0]} was made under another policy than the {policy.name} that is in this file"
            return AuditFinding("rights", "word", text)
        then = self.records[:size]

        def of(kind: type[Any]) -> list[Any]:
            return [record for record in then if isinstance(record, kind)]

        sources, revocations = of(Source), of(Revocation)
        decisions = judge(policy, sources, of(Rights), of(Signal), revocations)
        clips = [clip for clip in of(Clip) if clip.digest in exposed]
        day = min((item.made_at[:10] for item in manifests), default=None)
        selection = select(policy, sources, clips, decisions, of(Consent), revocations, day)
        if selection.refused:
            first = selection.refused[0]
            text = f"{len(selection.refused)} of {len(exposed)} clips were not, such as {first.clip.digest[:16]}…:"
            return AuditFinding("rights", "fails", f"{text} {first.decision.rule}")
        text = f"all {len(clips)} clips were allowed by policy {policy.name} at entry {size}, judged again here"
        word = "" if manifests else "; that this was the policy in force is its maker's word"
        return AuditFinding("rights", "holds", text + word)

    def _revoked(self, exposed: set[str]) -> AuditFinding:
        revoked = Revocations.of(self._all(Revocation))
        gone = {source.digest for source in self._all(Source) if revoked.find(source)}
        clips: list[Clip] = [clip for clip in self._all(Clip) if clip.digest in exposed]
        since = [clip for clip in clips if clip.source in gone or revoked.find(clip)]
        if not since:
            return AuditFinding("revoked", "holds", "nothing that the model saw has been revoked since")
        shown = ", ".join(f"{clip.digest[:16]}…" for clip in since[:LINES_SHOWN])
        return AuditFinding("revoked", "word", f"{len(since)} clips that the model saw were revoked since ({shown})")


def _all_in(what: str, exposed: set[str], known: set[str], good: str, bad: str) -> AuditFinding:
    missing = sorted(exposed - known)
    if missing:
        return AuditFinding(what, "fails", f"{len(missing)} of {len(exposed)} seen clips {bad}, such as {missing[0]}")
    return AuditFinding(what, "holds", f"all {len(exposed)} clips that were seen {good}")


def _parts(path: Path) -> dict[str, bytes]:
    """The parts by name.

    Raises:
        UnprovedError: no ZIP, a part is cut or changed, is there twice, or claims to be huge.
    """
    try:
        with zipfile.ZipFile(path) as file:
            found = file.infolist()
            names = [item.filename for item in found]
            if len({*names}) < len(names):
                raise UnprovedError(f"{path} has a part twice: get it again")
            if sum(item.file_size for item in found) > LARGEST:
                raise UnprovedError(f"{path} claims to hold more than {LARGEST} bytes: get it again")
            return {item.filename: file.read(item) for item in found}
    except UnprovedError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnprovedError(f"{path} is no whole audit file ({error}): get it again") from error
    except OSError as error:
        if error.filename is not None:
            raise
        raise UnprovedError(f"{path} is no whole audit file ({error}): get it again") from error
