"""Find a model on this machine by the digest that names it in credentials and in the ledger.

It reads provenance files alone: no weights are loaded, and models whose makers disclose nothing are found too.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import langit
from langit.bundle.provenance import FILE, Provenance


def find_model(digest: str, home: Path) -> tuple[Path, Provenance] | None:
    """The folder and provenance of the model with this digest (hex): one that ships, or one under ``home``/models."""
    packaged = Path(str(resources.files(langit))) / "weights"
    homes = (home.glob(f"models/*/{FILE}"), home.glob(f"open-weights/*/{FILE}"))
    for path in sorted({*packaged.glob(f"*/{FILE}"), *(path for found in homes for path in found)}):
        try:
            provenance = Provenance.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # half a bundle: `langit bundle check` says what is wrong with it
        if provenance.digest.removeprefix("sha256:") == digest:
            return path.parent, provenance
    return None
