"""What this machine knows of a model's training, by the model's digest: rendered films, and footage with its owners.

It knows nothing of files or credentials: whether a file really comes from the model is for `verify` to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from langit.feed.traces import find_artifacts
from langit.ledger.lineage import Lineage

if TYPE_CHECKING:
    from langit.ledger.artifacts import Artifacts, TrainedModel
    from langit.ledger.reader import LedgerReader
    from langit.ledger.record import Source
    from langit.ledger.store import Ledger

MAX_NAMED: Final = 5
"""Sources of footage that are named for one owner."""


def describe_training(digest: str, home: Path, ledger: Ledger | None) -> tuple[str, ...]:
    """Lines on what the model was trained on; none if no model on this machine has the digest."""
    found = find_artifacts(home)
    model = next((model for model in found.models if model.digest == digest), None)
    if model is None:
        return ()
    lines = [f"{len(model.films):,} films that were rendered for it"] if model.films else []
    lines += _footage(model, found, ledger)
    if not lines:
        lines = ["clips of its own ledger, which is not on this machine"]
    lines += _bases(model, found)
    return *lines, f"`langit ledger whose {model.name}` lists all of it"


def _bases(model: TrainedModel, found: Artifacts) -> list[str]:
    """A line for each model whose weights the model began with, the nearest first."""
    chain = found.with_bases(model)
    lines = [
        f"what {base.name} had learnt, whose weights it began with: {len(base.films):,} films" for base in chain[1:]
    ]
    if chain[-1].base is not None:
        lines.append(f"what the model {chain[-1].base[:16]}… had learnt, whose weights it began with; it is not here")
    return lines


def _footage(model: TrainedModel, found: Artifacts, ledger: Ledger | None) -> list[str]:
    """A line for each owner and licence of footage that was not rendered, by the ledger or the model's own record."""
    lineage = next(
        (lineage for reader in _readers(model, ledger) if (lineage := Lineage(reader, found)).continues(model)), None
    )
    if lineage is None:
        return []
    sources = [source for source in lineage.sources_of(model).values() if source.kind != "rendered"]
    owners: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        creator, licence = source.creator, source.licence
        for statement in lineage.rights_in(source.digest):  # later statements win
            creator, licence = statement.holder or creator, statement.licence or licence
        owners.setdefault((creator or "unknown", licence or "unknown"), []).append(source)
    counted = Counter({owner: len(theirs) for owner, theirs in owners.items()})
    return [
        f"footage by {creator}, {licence} ({count}): {_titles(owners[creator, licence])}"
        for (creator, licence), count in counted.most_common()
    ]


def _readers(model: TrainedModel, ledger: Ledger | None) -> Iterator[LedgerReader]:
    if ledger is not None and ledger.size >= model.ledger_size:
        yield ledger
    with suppress(ValueError):  # damaged: `langit bundle check` reports it
        if model.record is not None:
            yield model.record.snapshot


def _titles(sources: Iterable[Source]) -> str:
    titles = [source.title for source in sources]
    more = f" and {len(titles) - MAX_NAMED} more" if len(titles) > MAX_NAMED else ""
    return ", ".join(titles[:MAX_NAMED]) + more
