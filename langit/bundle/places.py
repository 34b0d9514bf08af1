"""Where bundles are, and their provenance: what can be told of a model without its weights, and without torch."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import langit
from langit import config
from langit.bundle import provenance as record
from langit.bundle.provenance import Provenance
from langit.files import recover


def resolve(place: Path | str) -> Path:
    """Find the folder of a bundle: by a packaged model's name, that of one trained here (in LANGIT_HOME), or a path.

    Raises:
        ValueError: there is none; the message lists the known names.
    """
    packaged = packaged_models()
    trained = config.home() / "models"
    name = str(place)
    if not name.strip():
        raise ValueError("the model's name is empty: use pocket, or give a folder")
    # Shipped models come first, so that nothing in LANGIT_HOME or the working folder can pass for one of them.
    if Path(name).name == name and name not in (".", ".."):
        for folder in (packaged / name, trained / name):
            recover(folder)
            if folder.is_dir():
                return folder
    folder = Path(place)
    recover(folder)
    if folder.is_dir():
        return folder
    known = sorted({path.parent.name for home in (packaged, trained) for path in home.glob(f"*/{record.FILE}")})
    choices = f"there are {', '.join(known)}" if known else "train one with `langit train`"
    raise ValueError(f"no model {name!r}: {choices}, or give a bundle's folder")


def check_models(names: Iterable[str]) -> None:
    """Check that models exist that are opened later, where a name that is wrong would be found too late.

    OWNER/NAME passes: whether there is one is for the hub to know.

    Raises:
        ValueError: there is no such model here.
    """
    for name in names:
        if "/" not in name or Path(name).is_absolute():
            resolve(name)


def packaged_models() -> Path:
    """The folder of the models that ship with the package."""
    return Path(str(resources.files(langit))) / "weights"


def read_provenance(folder: Path) -> Provenance:
    """Read a bundle's provenance.

    Raises:
        ValueError: it is missing or damaged.
    """
    file = folder / record.FILE
    if not file.is_file():
        raise ValueError(f"{file} is missing: {folder} is not a complete Langit bundle; get it again")
    try:
        return Provenance.parse(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
