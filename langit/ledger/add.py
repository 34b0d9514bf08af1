"""Enter a folder of footage: every file hashed, with what is known of its rights, which may be nothing.

What ``SOURCES.toml`` or the caller states is entered as stated; a file of which nothing is stated is entered with
unknown rights, so policies refuse it. Adding again adds nothing; a licence that is stated later becomes a statement of
rights on the source that is there. A file that a model made is entered as synthetic, whatever is stated. Knows
nothing of what is in the pictures: curation looks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from langit.config import canonical
from langit.files import readable_name, sha256
from langit.ledger.correction import superseded_digests
from langit.ledger.derived import Drop
from langit.ledger.fetch import READER
from langit.ledger.record import Record, Rights, Signal, Source
from langit.ledger.signals import cawg, media
from langit.ledger.sources_toml import StatedRights, read_sources
from langit.ledger.store import Ledger
from langit.ledger.synthetic import ModelOutput, find_model_output, why_not_footage

SUFFIXES = frozenset(
    ".3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv .y4m".split()  # noqa: SIM905
) | {".png", ".jpg", ".jpeg", ".webp"}
"""Endings of files that are taken for footage; a file that SOURCES.toml names is taken whatever its ending."""
BATCH = 16
"""Files that are entered together: what a killed run has to hash again at most."""
Report = Callable[[str], None]


@dataclass(frozen=True)
class AddSummary:
    """How many sources were new, were there already, and got a new statement of rights; and which files need care."""

    new: int = 0
    known: int = 0
    updated: int = 0
    unknown_rights: tuple[str, ...] = ()
    synthetic: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def add_folder(
    ledger: Ledger,
    folder: Path,
    sources_toml: Path | None = None,
    licence: str | None = None,
    creator: str | None = None,
    evidence: Path | None = None,
    report: Report | None = None,
    why_barred: Callable[[Path], str | None] | None = None,
    find_mark: Callable[[Path], ModelOutput | None] | None = None,
) -> AddSummary:
    """Enter the footage in a folder and its subfolders.

    Args:
        ledger: where to enter it.
        folder: of footage; links that lead out of it are not followed.
        sources_toml: what is known of the files; takes precedence over ``licence`` and ``creator``.
        licence: an SPDX expression for the files that ``sources_toml`` does not describe.
        creator: their creator.
        evidence: a file that shows it (terms, a letter), kept by hash.
        report: called with a line about each file, after it is on record.
        why_barred: called with each file: why it may not be entered, or ``None``; for take-downs by looks.
        find_mark: called with each file of which nothing else says that a model made it: what its watermark says.

    Raises:
        ValueError: no such folder, ``sources_toml`` is malformed, or a licence is not an SPDX expression.
        OSError: the evidence or the ledger cannot be used.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give one with footage in it")
    if licence is not None:
        from langit.ledger.licence import check_stated

        check_stated(licence)
    stated = read_sources(sources_toml) if sources_toml is not None else {}
    proof = () if evidence is None else (ledger.evidence.put(evidence.read_bytes()),)
    default = StatedRights(licence=licence, creator=creator) if licence or creator or proof else None
    adding = _Adding(ledger, folder, report, why_barred, find_mark)
    named = {os.path.normpath(name): (name, entry) for name, entry in stated.items()}
    for path, (name, entry) in named.items():
        why = adding.why_outside(path)
        if why is None:
            adding.enter(path, entry, ())
        else:
            adding.refuse(name, "path", why)
    skipped: list[str] = []
    listing = None if sources_toml is None else os.path.relpath(sources_toml, folder)
    for path in _files(folder):
        if path in named or path == listing:
            continue
        why = adding.why_outside(path)
        if why is not None:
            adding.refuse(path, "path", why)
        elif Path(path).suffix.lower() in SUFFIXES:
            adding.enter(path, default, proof)
        else:
            skipped.append(path)
    return adding.finish(tuple(skipped))


def _files(folder: Path) -> Iterator[str]:
    """All files that are not hidden, sorted, relative to the folder. Links to folders are not followed."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield os.path.normpath(Path(here, name).relative_to(folder))


class _Adding:
    """State of one call: what is in the ledger by content, and the batch that is under way."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        report: Report | None,
        why_barred: Callable[[Path], str | None] | None,
        find_mark: Callable[[Path], ModelOutput | None] | None,
    ) -> None:
        self.ledger, self.folder, self.report = ledger, folder, report
        self.why_barred, self.find_mark = why_barred, find_mark
        self.when = datetime.now(UTC).isoformat(timespec="seconds")
        self.sources = {source.content_sha256: source for source in reversed(ledger.sources())}
        self.outputs = ledger.outputs()
        self.statements = list(ledger.rights())
        self.batch: list[tuple[str, list[Record]]] = []
        self.counts = {"new": 0, "known": 0, "updated": 0}
        self.unknown: list[str] = []
        self.synthetic: list[str] = []
        self.problems: list[str] = []

    def why_outside(self, path: str) -> str | None:
        """Why a path may not be read, or ``None``."""
        if Path(path).is_absolute() or Path(path).parts[:1] == (os.pardir,):
            return "its path leads out of the folder"
        try:
            inside = (self.folder / path).resolve().is_relative_to(self.folder.resolve())
        except (OSError, ValueError, RuntimeError) as error:
            return f"its path leads nowhere ({error})"
        return None if inside else "it is a link that leads out of the folder"

    def refuse(self, path: str, reason: str, why: str) -> None:
        """Record that a file was refused."""
        self._queue(
            f"{path}: refused, {why}", [Drop(stage="add", reason=reason, detail=why, title=readable_name(path))]
        )
        self.problems.append(f"{path}: {why}")

    def enter(self, path: str, stated: StatedRights | None, proof: tuple[str, ...]) -> None:
        """Queue a file's source, its signals, and what is stated of it."""
        file = self.folder / path
        try:
            content = sha256(file)
            known = self.sources.get(content)
            if known is not None:
                self._enter_again(path, known, stated, proof)
                return
            why = why_not_footage(file)
            if why is not None:
                self.refuse(path, "not footage", why)
                return
            barred = self.why_barred(file) if self.why_barred is not None else None
            if barred is not None:
                self.refuse(path, "revoked", barred)
                return
            reading, manifests = cawg.read(file)
            readings = (reading, *media.read(file))
        except OSError as error:
            self.problems.append(f"{path}: cannot be read ({error.strerror or error})")
            self._say(self.problems[-1])
            return
        output = find_model_output(file, content, self.outputs, manifests)
        if output is None and self.find_mark is not None:
            output = self.find_mark(file)
        kept = (*proof, *self._keep_evidence(stated))
        source = Source(
            kind="synthetic" if output is not None else "file",
            title=(stated.title if stated else None) or readable_name(Path(path).as_posix()),
            content_sha256=content,
            creator=stated.creator if stated else None,
            licence=stated.licence if stated else None,
            generator=None if output is None else output.made_by,
            url=stated.found_in if stated else None,
            evidence=kept,
            parents=() if output is None else output.parents,
        )
        credentials = () if manifests is None else (self.ledger.evidence.put(manifests),)
        signals = [
            Signal(
                source=source.digest,
                scheme=reading.scheme,
                says=reading.says,
                where=source.title,
                read_at=self.when,
                reader=READER,
                text=reading.text,
                evidence=credentials if reading.scheme == "cawg" else (),
            )
            for reading in readings
        ]
        self.sources[content] = source
        self.counts["new"] += 1
        if output is not None:
            self.synthetic.append(path)
        elif source.licence is None:
            self.unknown.append(path)
        made = f"made by {output.made_by}, " if output is not None else ""
        self._queue(f"{path}: {made}{source.licence or 'rights unknown'}", [source, *signals])

    def _enter_again(self, path: str, known: Source, stated: StatedRights | None, proof: tuple[str, ...]) -> None:
        """A file that is on record already: only a licence or a creator that is new is added."""
        licence, holder = (stated.licence, stated.creator) if stated else (None, None)
        of_source = [item for item in self.statements if item.source == known.digest]
        gone = superseded_digests(of_source)
        before = {(known.licence, known.creator), *((item.licence, item.holder) for item in of_source)}
        if licence is None or (licence, holder) in before:
            self.counts["known"] += 1
            licences = [known.licence if known.digest not in gone else None]
            licences += [item.licence for item in of_source if item.digest not in gone]
            on_record = " and ".join(dict.fromkeys(item for item in licences if item))
            if not on_record:
                self.unknown.append(path)
            creator = f", {known.creator}" if known.creator else ""
            self._say(f"{path}: on record already, {on_record or 'rights unknown'}{creator}")
            return
        self.counts["updated"] += 1
        kept = (*proof, *self._keep_evidence(stated))
        rights = Rights(source=known.digest, recorded_at=self.when, licence=licence, holder=holder, evidence=kept)
        self.statements.append(rights)
        self._queue(f"{path}: {licence} stated", [rights])

    def _keep_evidence(self, stated: StatedRights | None) -> tuple[str, ...]:
        """Keep the words of the entry, and the file that it names as evidence if there is one in the folder."""
        if stated is None or stated.file == "":
            return ()
        words = {item.name: getattr(stated, item.name) for item in fields(stated)}
        kept = [self.ledger.evidence.put(canonical({key: value for key, value in words.items() if value}))]
        name = os.path.normpath(stated.evidence or "")
        if stated.evidence and self.why_outside(name) is None and _is_file(self.folder / name):
            kept.append(self.ledger.evidence.put((self.folder / name).read_bytes()))
        return tuple(kept)

    def _queue(self, line: str, records: list[Record]) -> None:
        self.batch.append((line, records))
        if len(self.batch) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        """Enter the batch, then report it: what is reported is on record."""
        self.ledger.add([record for _, records in self.batch for record in records])
        for line, _ in self.batch:
            self._say(line)
        self.batch.clear()

    def _say(self, line: str) -> None:
        if self.report is not None:
            self.report(line)

    def finish(self, skipped: tuple[str, ...]) -> AddSummary:
        """Enter the rest."""
        if self.batch:
            self._flush()
        return AddSummary(
            **self.counts,
            unknown_rights=tuple(self.unknown),
            synthetic=tuple(self.synthetic),
            skipped=skipped,
            problems=tuple(self.problems),
        )


def _is_file(path: Path) -> bool:
    """Whether a path is a file; words that are not a name may be too long for one, or hold a zero byte."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
