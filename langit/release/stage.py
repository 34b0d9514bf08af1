"""A release that survives the death of its process: signed file and entry lie in a folder until the file has its name.

Without it, a process that dies between the ledger's entry and the file's name would leave an entry without a file, and
a second run would make another file with another entry. With it, the second run finishes the first one's release.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from langit.config import canonical, load
from langit.files import flush, sha256, write_bytes
from langit.ledger.derived import Output
from langit.release.gates.finding import Finding

if TYPE_CHECKING:
    from langit.release.outputs import Outputs

ENTRY: Final = "entry.json"
SIGNED: Final = "signed"


@dataclass(frozen=True)
class StagedRelease:
    """A file that has passed the gates and is signed, with the entry that the ledger is to hold."""

    path: Path
    entry: Output
    notes: tuple[Finding, ...]


@dataclass(frozen=True)
class ReleaseStage:
    """The folder of one release, on the disk of its file. Only one process may use it at a time."""

    folder: Path

    def keep(self, signed: Path, entry: Output, notes: Sequence[Finding]) -> StagedRelease:
        """Move a signed file here with its entry; when this returns, both are on disk.

        Raises:
            OSError: the folder cannot be written to.
        """
        facts = {"entry": asdict(entry), "notes": [asdict(note) for note in notes]}
        write_bytes(self.folder / ENTRY, canonical(facts))
        flush(signed)
        # The file comes last: where it is, the entry is.
        signed.rename(self.folder / SIGNED)
        flush(self.folder)
        return StagedRelease(self.folder / SIGNED, entry, tuple(notes))

    def find(self) -> StagedRelease | None:
        """What an earlier process kept here, if its file and its entry belong together."""
        path = self.folder / SIGNED
        try:
            facts = json.loads((self.folder / ENTRY).read_bytes())
            entry = load(Output, facts["entry"])
            notes = tuple(load(Finding, note) for note in facts["notes"])
            return StagedRelease(path, entry, notes) if sha256(path) == entry.content_sha256 else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, outputs: Outputs, path: Path) -> StagedRelease | None:
        """Finish a release that was kept: enter it, unless it is entered, and give the file its name.

        Args:
            outputs: of the ledger.
            path: the name. What lies there is taken for this release, from before the process died.

        Raises:
            OSError: the file cannot be given its name.
        """
        found = self.find()
        if found is None:
            return None
        outputs.ledger.add([found.entry])  # the same record again is not entered again
        with suppress(FileExistsError):
            os.link(found.path, path)
        return found
