"""What the ledger's verbs need before they can answer: the ledger, the thing that was named, the key to trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from langit.files import sha256
from langit.inquiry.lookup import describe_file, find_model, lineage_over, metadata, with_its_own_record

__all__ = [
    "describe_file",
    "find_model",
    "find_records",
    "lineage_over",
    "metadata",
    "open_ledger",
    "open_lineage",
    "rendered_fps",
    "trusted_key",
    "with_its_own_record",
]

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.checkpoint import Verifier
    from langit.ledger.lineage import Lineage
    from langit.ledger.record import Record
    from langit.ledger.store import Ledger


def open_ledger(where: str | None, empty: bool = False) -> Ledger:
    """The ledger.

    Raises:
        ValueError: it has no entry, and may not be ``empty``.
    """
    from langit import config
    from langit.ledger.store import Ledger

    found = Ledger(where if where is not None else config.home() / "ledger")
    if found.size == 0 and not empty:
        raise ValueError(f"there is no ledger at {found.place}: `langit ledger add` begins one, or give --ledger")
    return found


def open_lineage(where: str | None, empty: bool = False) -> Lineage:
    """The ledger, with what was made from it in this home."""
    return lineage_over(open_ledger(where, empty))


def find_records(lineage: Lineage, thing: str) -> tuple[Record | TrainedModel, ...]:
    """What a hash, a URL, a name or the content of a file refers to."""
    path = Path(thing)
    if not path.is_file():
        return lineage.find(thing)
    digest = sha256(path)
    try:
        return lineage.find(digest)
    except ValueError as error:
        raise ValueError(f"{path} (SHA-256 {digest[:16]}…) is not in {lineage.ledger.name}: add it first") from error


def trusted_key(key: str | None) -> tuple[Verifier, str]:
    """The key to trust, and whose it is, for people.

    Raises:
        ValueError: none was given and this machine has none, or it is not a key.
    """
    from langit import config
    from langit.ledger import keys
    from langit.ledger.checkpoint import Verifier

    if key is not None:
        text = Path(key).read_text(encoding="utf-8") if len(key) < 256 and Path(key).is_file() else key
        return Verifier.parse(text), f"the key that you gave ({text.strip()})"
    folder = config.home() / "ledger"
    if not (folder / keys.FILE).exists():
        raise ValueError("no key to trust: give --key with the public key that the ledger's owner published")
    verifier = keys.signer(folder).verifier
    return verifier, f"this machine's own key ({verifier})"


def rendered_fps(lineage: Lineage, name: str | None) -> Any:
    """Frames per second of rendered films, whose records have none: what the models here make, if they agree."""
    from fractions import Fraction

    models = [item for item in lineage.artifacts.models if name in (None, item.name, item.digest)]
    rates = {item.fps for item in models if item.fps}
    return Fraction(rates.pop()).limit_denominator(1001) if len(rates) == 1 else None
