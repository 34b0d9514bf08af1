"""Find a model on this machine by the digest that names it in credentials and in the ledger.

It reads provenance files alone: no weights are loaded, and models whose makers disclose nothing are found too.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import langit
from langit.bundle.provenance import FILE, Provenance
from langit.ledger.shipped import BASE


def find_model(digest: str, home: Path) -> tuple[Path, Provenance] | None:
    """The folder and provenance of the model with this digest (hex): one that ships, or one under ``home``/models.

    Of a model that another began from, there may be only the record that came with that one.
    """
    packaged = Path(str(resources.files(langit))) / "weights"
    bundles = {*packaged.glob("*"), *home.glob("models/*"), *home.glob("open-weights/*")}
    for path in sorted(folder / part for folder in bundles for part in (FILE, f"{BASE}/{FILE}")):
        try:
            provenance = Provenance.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # half a bundle: `langit bundle check` says what is wrong with it
        if provenance.digest.removeprefix("sha256:") == digest:
            return path.parent, provenance
    return None
