"""Find the model that made a file: by its credentials, else by this machine's ledger.

It does not judge credentials: which clips a file is compared with is no claim about who made it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from langit.files import sha256
from langit.ledger.derived import Output
from langit.ledger.lookup import find_records
from langit.ledger.store import Ledger
from langit.release.credentials.read import read
from langit.release.models import find_model

DEFAULT: Final = "pocket"


def find_maker(path: Path, home: Path) -> tuple[str, str]:
    """The folder or name of the model whose training clips a file is to be compared with, and how it was found.

    Raises:
        ValueError: the file names a model that is not on this machine.
        OSError: the file cannot be read.
    """
    credentials = read(path)
    digest = credentials.weights if credentials is not None else None
    name, how = (credentials.model if credentials is not None else None) or "", "its credentials name it"
    if digest is None and (home / "ledger").is_dir():
        outputs = find_records(Ledger(home / "ledger"), Output, "content_sha256", bytes.fromhex(sha256(path)))
        digest, how = (outputs[0].model if outputs else None), "this machine's ledger names it"
    if digest is None:
        return DEFAULT, "the file names no model; --model chooses another one"
    found = find_model(digest, home)
    if found is not None:
        return str(found[0]), how
    raise ValueError(
        f"{path} was made by model {name!r} ({digest[:16]}…), which is not on this machine: get the model, or compare"
        f" with another model's clips by --model, for example --model {DEFAULT}"
    )
