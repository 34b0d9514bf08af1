"""Check an audit file (see ``audit``): what its parts show of the way from a ledger to a model, and what they do not.

Each finding holds, fails, or rests on somebody's word. What cannot be shown from the parts is said, not assumed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from langit import config
from langit.ledger import lines
from langit.ledger.archive import Archive, UnprovedError
from langit.ledger.audit import CHECKPOINT, FILMS, POLICY, PROVENANCE, RECORDS
from langit.ledger.checkpoint import LogCheckpoint, Verifier
from langit.ledger.derived import Manifest, RunExposure
from langit.ledger.exposures import count_exposures, rows_root
from langit.ledger.films import films_root
from langit.ledger.lineage import model_exposures
from langit.ledger.log import Hash, leaf_hash, root
from langit.ledger.policy import Policy
from langit.ledger.receipt import check_signed
from langit.ledger.record import Clip, Consent, Record, Rights, Signal, Source
from langit.ledger.selection import judge, select
from langit.ledger.shipped import read_snapshot
from langit.ledger.snapshot import Snapshot, revoked_clips

Kind = TypeVar("Kind", bound=Record)
FEW = 3
"""Hashes that a finding lists."""
DAMAGE = (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError)
"""What a part raises that is not laid out as it should be."""


@dataclass(frozen=True)
class AuditFinding:
    """One thing that was checked: it holds, it fails, or it rests on somebody's word."""

    what: str
    state: Literal["holds", "fails", "word"]
    text: str


class Audit:
    """An opened audit file: its records lead to a root that was signed, or else that the model names."""

    def __init__(self, path: Path, verifier: Verifier | None) -> None:
        """Open a file, and check its log: the signature, every record, and the root over all of them.

        Args:
            path: the file.
            verifier: whose signature to trust; not needed for a file that :func:`needs_key` says has none.

        Raises:
            UnprovedError: cut or changed, or signed by another key.
        """
        self.archive = Archive(path)
        self.state: LogCheckpoint | None = None
        try:
            if CHECKPOINT in self.archive:
                if verifier is None:
                    raise ValueError(f"{path} is signed: give the public key of the ledger's owner")
                note = self.archive.part(CHECKPOINT).decode()
                check_signed(note, verifier)
                self.state = LogCheckpoint.parse(note, verifier)
                records = [lines.parse_line(line) for line in self.archive.part(RECORDS).splitlines()]
                self.leaves: list[Hash] = [leaf_hash(bytes.fromhex(record.digest)) for record in records]
                if len(self.leaves) != self.state.size or root(self.leaves) != self.state.root:
                    raise ValueError(
                        f"the {len(self.leaves)} records in {path} are not the {self.state.size} entries that were"
                        " signed: a record was changed, left out or added; get the file again"
                    )
                self.records = Snapshot(dict(enumerate(records)), len(records), (), str(path))
            else:
                self.leaves = []
                self.records = read_snapshot(self.archive)
        except (UnicodeDecodeError, ValueError) as error:
            raise UnprovedError(str(error)) from error

    def findings(self) -> tuple[AuditFinding, ...]:
        """What the parts show of the way from the ledger to the model.

        Raises:
            UnprovedError: a part is missing or is not what it should be.
        """
        try:
            provenance = json.loads(self.archive.part(PROVENANCE))
            plain = {key: value for key, value in provenance.items() if key != "recipe_hash"}
            self.model = config.digest_of(plain).removeprefix("sha256:")
            self.name, size = str(provenance["model"]), int(provenance["ledger"]["size"])
            ledger = self._check_ledger(provenance["ledger"])
            if ledger.state == "fails":
                return (ledger,)
            stages: Mapping[str, Mapping[str, Any]] = dict(provenance["exposure"])
            logs = {name: self.archive.part(_log(name)) for name in stages if self.state or _log(name) in self.archive}
            seen = {clip for data in logs.values() for clip in count_exposures(data)}
            entered = self._entered(stages)
            manifests = [*self._all(Manifest)]
            if self.state is not None:  # a record that came with a model holds the manifests of this model alone
                manifests = [item for item in manifests if item.digest in {entry.manifest for entry in entered}]
            found = [
                ledger,
                self._check_entry(entered),
                *_check_base(provenance.get("base")),
                *self._check_films(provenance["films"]),
                *(self._check_stage(name, stages[name], logs.get(name)) for name in stages),
            ]
            if logs:
                found.append(self._check_known(seen, size))
                found += self._check_manifests(manifests, seen, named=bool(entered) or self.state is None)
            found.append(self._check_rights(seen, size, entered, manifests, complete=len(logs) == len(stages)))
            found.append(self._check_revoked(seen))
            return tuple(found)
        except UnprovedError:
            raise
        except DAMAGE as error:
            raise UnprovedError(f"the audit file does not hold together ({error}): get it again") from error

    def _all(self, kind: type[Kind]) -> tuple[Kind, ...]:
        return self.records.read(kind)

    def _entered(self, stages: Mapping[str, Mapping[str, Any]]) -> tuple[RunExposure, ...]:
        roots = {str(stage["root"]) for stage in stages.values()}
        return model_exposures(self._all(RunExposure), self.model, roots)

    def _check_ledger(self, named: Mapping[str, Any]) -> AuditFinding:
        """Whether the records are of the log that the model names."""
        size, expected = named["size"], named["root"]
        found = self.records.root_at(size)
        if found is None or found.hex() != expected:
            text = f"these records do not lead to the root that the model names, {expected[:16]}… at {size} entries"
            return AuditFinding("ledger", "fails", text)
        if self.state is not None:
            text = f"the model was trained from the first {size} of these {len(self.leaves)} entries"
            return AuditFinding("ledger", "holds", text)
        count = len(self.records.records)
        text = f"all {count} records in this file are among the {size} entries of the log that the model names"
        return AuditFinding("ledger", "holds", text)

    def _check_entry(self, entered: tuple[RunExposure, ...]) -> AuditFinding:
        name = f"model {self.name}, provenance {self.model[:16]}…"
        if self.state is None:
            text = (
                f"{name}: this file was made from what came with the model, and no ledger signed it; that the model"
                " was trained from this log alone is its maker's word"
            )
            return AuditFinding("model", "word", text)
        if not entered:
            text = f"{name}: no entry of the log names it; that it was trained on this alone is its maker's word"
            return AuditFinding("model", "word", text)
        return AuditFinding(
            "model", "holds", f"{name}: its training is in the log, recorded at {entered[0].recorded_at}"
        )

    def _check_films(self, named: Mapping[str, Any] | None) -> list[AuditFinding]:
        if named is None:
            return []
        entries = json.loads(self.archive.part(FILMS))
        records = [self.records.records.get(entry) for entry in entries]
        films = [record for record in records if isinstance(record, Source)]
        if len(films) != len(records) or films_root(films) != named["root"]:
            text = "the films that the model lists are not the records at these entries"
            return [AuditFinding("films", "fails", text)]
        return [AuditFinding("films", "holds", f"all {len(films)} films in the model's own table are in the log")]

    def _check_stage(self, name: str, named: Mapping[str, Any], data: bytes | None) -> AuditFinding:
        expected = str(named["root"])
        if data is None:
            text = (
                f"its exposure log ({named['rows']} rows in {named['steps']} steps, root {expected[:16]}…) did not come"
                " with the model: which clips it saw cannot be checked from this file"
            )
            return AuditFinding(name, "word", text)
        if rows_root(data) != expected:
            return AuditFinding(
                name, "fails", f"its exposure log is not the one that the model names ({expected[:16]}…)"
            )
        seen = count_exposures(data)
        text = f"{sum(item.times for item in seen.values())} rows in {named['steps']} steps, {len(seen)} clips"
        return AuditFinding(name, "holds", f"the exposure log is the one that the model names: {text}")

    def _check_known(self, seen: set[str], size: int) -> AuditFinding:
        known = {
            record.digest for entry, record in self.records.records.items() if entry < size and type(record) is Clip
        }
        good, bad = f"were entered before entry {size}", "were not in the log when the training began"
        return _check_all_in("clips", seen, known, good, bad)

    def _check_manifests(self, manifests: list[Manifest], seen: set[str], named: bool) -> list[AuditFinding]:
        """Whether all footage that was seen is on a list of the model. Rendered films need no manifest."""
        rendered = {source.digest for source in self._all(Source) if source.kind == "rendered"}
        footage = {clip.digest for clip in self._all(Clip) if clip.source not in rendered} & seen
        found, listed = [], set[str]()
        for manifest in manifests:
            what = f"manifest {manifest.name}"
            data = self.archive.part(f"manifests/{manifest.listing}")
            clips = data.decode().split()
            listed |= {*clips}
            top = root(leaf_hash(bytes.fromhex(digest)) for digest in clips).hex()
            before = self.records.root_at(manifest.ledger_size)
            if hashlib.sha256(data).hexdigest() != manifest.listing or top != manifest.clip_root:
                found.append(AuditFinding(what, "fails", "its list of clips is not the one that was entered"))
            elif before is None and self.state is None:
                found.append(AuditFinding(what, "word", "it is of an earlier state of the log, which is not here"))
            elif before is None or before.hex() != manifest.ledger_root:
                text = f"it was made from another ledger of {manifest.ledger_size} entries"
                found.append(AuditFinding(what, "fails", text))
            else:
                good = f"are on its list of {len(clips)}"
                found.append(_check_all_in(what, footage & {*clips}, {*clips}, good, ""))
        if footage and not named:
            found.append(AuditFinding("footage", "word", "no entry of the log says from which manifests it was taken"))
        elif manifests or footage:
            good, bad = "are on the model's manifests", "are on none of the model's manifests"
            found.append(_check_all_in("footage", footage, listed, good, bad))
        return found

    def _check_rights(
        self, seen: set[str], size: int, entered: tuple[RunExposure, ...], manifests: list[Manifest], complete: bool
    ) -> AuditFinding:
        """Judge every clip again, as the ledger was when the run read it."""
        policy = config.load(Policy, json.loads(self.archive.part(POLICY)))
        strange = [item.name for item in manifests if item.policy != policy.digest.removeprefix("sha256:")]
        if strange:
            text = f"manifest {strange[0]} was made under another policy than {policy.name}, which is in this file"
            return AuditFinding("rights", "word", text)
        then = Snapshot({k: v for k, v in self.records.records.items() if k < size}, size, (), self.records.name)
        sources, revocations = then.sources(), then.revocations()
        decisions = judge(policy, sources, then.read(Rights), then.read(Signal), revocations)
        bound = {entry.policy for entry in entered} - {None}
        if bound - {policy.digest.removeprefix("sha256:")}:
            return AuditFinding(
                "rights", "fails", f"the log names another policy than {policy.name}, which is in this file"
            )
        trust = "" if manifests or bound else "; that this was the policy in force is its maker's word"
        if not complete:
            refused = [digest for digest, decision in decisions.items() if not decision.allowed]
            if refused:
                rule = decisions[refused[0]].rule
                text = f"{len(refused)} of {len(sources)} sources were not allowed, such as {refused[0][:16]}…: {rule}"
                return AuditFinding("rights", "fails", text)
            text = f"all {len(sources)} sources in this file were allowed by policy {policy.name}, judged again here"
            return AuditFinding("rights", "word", f"{text}; which of their clips were seen is not shown{trust}")
        clips = [clip for clip in then.clips() if clip.digest in seen]
        day = min((item.made_at[:10] for item in manifests), default=None)
        selection = select(policy, sources, clips, decisions, then.read(Consent), revocations, day)
        if selection.refused:
            first = selection.refused[0]
            text = f"{len(selection.refused)} of {len(seen)} clips were not allowed, such as {first.clip.digest[:16]}…:"
            return AuditFinding("rights", "fails", f"{text} {first.decision.rule}")
        text = f"all {len(clips)} clips were allowed by policy {policy.name} at entry {size}, judged again here{trust}"
        return AuditFinding("rights", "holds", text)

    def _check_revoked(self, seen: set[str]) -> AuditFinding:
        clips = [clip for clip in self._all(Clip) if clip.digest in seen]
        since = revoked_clips(self.records, clips)
        if since:
            shown = ", ".join(f"{clip.digest[:16]}…" for clip in since[:FEW])
            return AuditFinding(
                "revoked", "word", f"{len(since)} clips that the model saw were revoked since ({shown})"
            )
        if self.state is None:
            hidden = self.records.size - len(self.records.records)
            text = (
                f"{hidden} entries of the log are not in this file, and nothing that came later: "
                if hidden
                else ("this file ends where the training began: ")
            )
            return AuditFinding("revoked", "word", text + "that nothing was revoked is for the ledger's owner to say")
        return AuditFinding("revoked", "holds", "nothing that the model saw has been revoked since")


def needs_key(path: Path) -> bool:
    """Whether an audit file is signed, so that somebody's key has to be trusted.

    Raises:
        UnprovedError: not a whole file.
        OSError: it cannot be read.
    """
    return CHECKPOINT in Archive(path)


def _log(stage: str) -> str:
    return f"model/{stage}.log"


def _check_all_in(what: str, seen: set[str], known: set[str], good: str, bad: str) -> AuditFinding:
    missing = sorted(seen - known)
    if missing:
        return AuditFinding(what, "fails", f"{len(missing)} of {len(seen)} clips that were seen {bad}: {missing[0]} …")
    return AuditFinding(what, "holds", f"all {len(seen)} clips that were seen {good}")


def _check_base(base: str | None) -> list[AuditFinding]:
    """A model that began from another has learnt what that one had: an audit of that one says what."""
    if base is None:
        return []
    digest = base.removeprefix("sha256:")
    text = f"its training began with weights of model {digest[:16]}…, whose data are not in this file"
    return [AuditFinding("base", "word", text)]
