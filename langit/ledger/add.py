"""A folder of footage goes on record: every file hashed, with what is known of its rights, which may be nothing.

What ``SOURCES.toml`` or the caller states is entered as stated; a file that nobody says anything of is entered with
unknown rights, so that policies turn it away. Adding again adds nothing; a licence that is stated later becomes a
statement of rights on the source that is there. Knows nothing of what is in the files: curation looks.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from langit.config import canonical
from langit.files import sha256
from langit.ledger.derived import Drop
from langit.ledger.fetch import READER
from langit.ledger.record import Record, Rights, Signal, Source
from langit.ledger.signals import cawg
from langit.ledger.store import Ledger

SUFFIXES = frozenset(
    ".3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv .y4m".split()  # noqa: SIM905
)
"""Endings of files that are taken for footage; a file that is named in SOURCES.toml is taken whatever its ending."""
BATCH = 16
"""Files that are entered together: what a killed run has to hash again at most."""
Report = Callable[[str], None]


@dataclass(frozen=True)
class StatedRights:
    """What is said of one file; ``evidence`` is words, or the name of a file in the folder."""

    file: str = ""
    title: str | None = None
    creator: str | None = None
    licence: str | None = None
    evidence: str | None = None
    found_in: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class AddSummary:
    """How many sources were new, were there already, and got a new statement of rights; and what went wrong."""

    new: int = 0
    known: int = 0
    updated: int = 0
    unknown_rights: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_sources(path: Path) -> dict[str, StatedRights]:
    """What a ``SOURCES.toml`` says, by file.

    Raises:
        ValueError: it is not such a file, names a field that there is not, or a file twice.
        OSError: it cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not TOML ({error}): mend the file") from error
    entries, names = tables.get("source"), [item.name for item in fields(StatedRights)]
    if not isinstance(entries, list) or set(tables) != {"source"}:
        raise ValueError(f"{path} is not a list of [[source]] tables, and nothing else: mend the file")
    found: dict[str, StatedRights] = {}
    for number, entry in enumerate(entries, 1):
        for key, value in entry.items():
            if key not in names:
                near = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
                raise ValueError(f"{path}, source {number}: unknown field {key!r}: {hint}")
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{path}, source {number}: {key} is {value!r}: give words, or leave it out")
        stated = StatedRights(**entry)
        if not stated.file:
            raise ValueError(f"{path}, source {number} names no file: say which one it is about")
        if stated.file in found:
            raise ValueError(f"{path} says twice what is known of {stated.file!r}: keep one")
        found[stated.file] = stated
    return found


def add_folder(
    ledger: Ledger,
    folder: Path,
    sources_toml: Path | None = None,
    licence: str | None = None,
    creator: str | None = None,
    evidence: Path | None = None,
    report: Report | None = None,
) -> AddSummary:
    """Enter the footage in a folder and the folders under it.

    Args:
        ledger: where to enter.
        folder: of footage; links that lead out of it are not followed.
        sources_toml: what is known of the files; goes before ``licence`` and ``creator``.
        licence: an SPDX expression for the files that ``sources_toml`` says nothing of.
        creator: their creator.
        evidence: a file that shows it (terms, a letter), kept by hash.
        report: told about each file in a line, after it is on record.

    Raises:
        ValueError: no such folder, or ``sources_toml`` is malformed.
        OSError: the evidence or the ledger cannot be used.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give one with footage in it")
    stated = read_sources(sources_toml) if sources_toml is not None else {}
    proof = () if evidence is None else (ledger.evidence.put(evidence.read_bytes()),)
    everyone = StatedRights(licence=licence, creator=creator) if licence or creator or proof else None
    adding = _Adding(ledger, folder, report)
    named = {os.path.normpath(name): (name, entry) for name, entry in stated.items()}
    for path, (name, entry) in named.items():
        why = adding.outside(path)
        if why is None:
            adding.enter(path, entry, ())
        else:
            adding.refuse(name, why)
    skipped: list[str] = []
    listing = None if sources_toml is None else os.path.relpath(sources_toml, folder)
    for path in _files(folder):
        if path in named or path == listing:
            continue
        why = adding.outside(path)
        if why is not None:
            adding.refuse(path, why)
        elif Path(path).suffix.lower() in SUFFIXES:
            adding.enter(path, everyone, proof)
        else:
            skipped.append(path)
    return adding.finish(tuple(skipped))


def _files(folder: Path) -> Iterator[str]:
    """All files but hidden ones, sorted, relative to the folder. Linked folders are not walked into."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield os.path.normpath(Path(here, name).relative_to(folder))


class _Adding:
    """One call's state: what is in the ledger by content, and the batch that is under way."""

    def __init__(self, ledger: Ledger, folder: Path, report: Report | None) -> None:
        self.ledger, self.folder, self.report = ledger, folder, report
        self.when = datetime.now(UTC).isoformat(timespec="seconds")
        self.sources = {source.content_sha256: source for source in reversed(ledger.sources())}
        self.said = {(item.source, item.licence, item.holder) for item in ledger.rights()}
        self.batch: list[tuple[str, list[Record]]] = []
        self.counts = {"new": 0, "known": 0, "updated": 0}
        self.unknown: list[str] = []
        self.problems: list[str] = []

    def outside(self, path: str) -> str | None:
        """Why a path may not be read, or ``None``."""
        if Path(path).is_absolute() or Path(path).parts[:1] == (os.pardir,):
            return "its path climbs out of the folder"
        try:
            inside = (self.folder / path).resolve().is_relative_to(self.folder.resolve())
        except (OSError, ValueError, RuntimeError) as error:
            return f"its path leads nowhere ({error})"
        return None if inside else "it is a link that leads out of the folder"

    def refuse(self, path: str, why: str) -> None:
        """Keep on record what is not even read."""
        self._queue(f"{path}: refused, {why}", [Drop(stage="add", reason="path", detail=why, title=path)])
        self.problems.append(f"{path}: {why}")

    def enter(self, path: str, stated: StatedRights | None, proof: tuple[str, ...]) -> None:
        """Queue a file's source, its signals, and what is stated of it."""
        file = self.folder / path
        try:
            content = sha256(file)
            reading, manifests = cawg.read(file)
        except OSError as error:
            self.problems.append(f"{path}: cannot be read ({error.strerror or error})")
            self._say(self.problems[-1])
            return
        if stated is None or stated.licence is None:
            self.unknown.append(path)
        known = self.sources.get(content)
        if known is not None:
            self._again(path, known, stated, proof)
            return
        kept = (*proof, *self._evidence(stated))
        source = Source(
            kind="file",
            title=(stated.title if stated else None) or Path(path).as_posix(),
            content_sha256=content,
            creator=stated.creator if stated else None,
            licence=stated.licence if stated else None,
            url=stated.found_in if stated else None,
            evidence=kept,
        )
        signal = Signal(
            source=source.digest,
            scheme=reading.scheme,
            says=reading.says,
            where=source.title,
            read_at=self.when,
            reader=READER,
            text=reading.text,
            evidence=() if manifests is None else (self.ledger.evidence.put(manifests),),
        )
        self.sources[content] = source
        self.counts["new"] += 1
        self._queue(f"{path}: {source.licence or 'rights unknown'}", [source, signal])

    def _again(self, path: str, known: Source, stated: StatedRights | None, proof: tuple[str, ...]) -> None:
        """A file that is on record already: only a licence or a creator that is new is added."""
        licence, holder = (stated.licence, stated.creator) if stated else (None, None)
        before = {(known.digest, known.licence, known.creator), *self.said}
        if licence is None or (known.digest, licence, holder) in before:
            self.counts["known"] += 1
            self._say(f"{path}: on record already")
            return
        self.said.add((known.digest, licence, holder))
        self.counts["updated"] += 1
        kept = (*proof, *self._evidence(stated))
        rights = Rights(source=known.digest, recorded_at=self.when, licence=licence, holder=holder, evidence=kept)
        self._queue(f"{path}: {licence} stated", [rights])

    def _evidence(self, stated: StatedRights | None) -> tuple[str, ...]:
        """The words of the entry, and the file that it names as evidence if there is one in the folder."""
        if stated is None or stated.file == "":
            return ()
        words = {item.name: getattr(stated, item.name) for item in fields(stated)}
        kept = [self.ledger.evidence.put(canonical({key: value for key, value in words.items() if value}))]
        name = os.path.normpath(stated.evidence or "")
        if stated.evidence and self.outside(name) is None and _is_file(self.folder / name):
            kept.append(self.ledger.evidence.put((self.folder / name).read_bytes()))
        return tuple(kept)

    def _queue(self, line: str, records: list[Record]) -> None:
        self.batch.append((line, records))
        if len(self.batch) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        """What is reported is on record."""
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
            **self.counts, unknown_rights=tuple(self.unknown), skipped=skipped, problems=tuple(self.problems)
        )


def _is_file(path: Path) -> bool:
    """Words that are no file's name may be too long for one, or hold a zero."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
