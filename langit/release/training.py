"""What this machine knows of a model's training, by the model's digest: rendered films, and footage with its owners.

It knows nothing of files or credentials: whether a file really comes from the model is for `verify` to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from langit.bundle.provenance import Undisclosed
from langit.feed.traces import find_artifacts
from langit.ledger.lineage import Lineage
from langit.release.models import find_model

if TYPE_CHECKING:
    from langit.bundle.provenance import Provenance
    from langit.ledger.artifacts import Artifacts, TrainedModel
    from langit.ledger.reader import LedgerReader
    from langit.ledger.record import Source
    from langit.ledger.store import Ledger

_WHERE: Final = "`langit ledger whose "
MAX_NAMED: Final = 5
"""Sources of footage that are named for one owner."""


def describe_training(digest: str, home: Path, ledger: Ledger | None, tuned: Iterable[str] = ()) -> tuple[str, ...]:
    """Lines on what the model was trained on, and what tuned it from clips, by its SHA-256.

    Of a model that this machine has not there is no line, of what tuned it one that says so.
    """
    return *_describe_chain(digest, home, ledger), *_describe_tuning(tuned, home, ledger)


def _describe_tuning(tuned: Iterable[str], home: Path, ledger: Ledger | None) -> Iterator[str]:
    for digest in tuned:
        artifacts = find_artifacts(home)
        model = next((model for model in artifacts.models if model.digest == digest), None)
        if model is None:
            yield f"it was tuned by {digest[:16]}…, a LoRA perhaps, of which this machine does not know what it learnt"
            continue
        footage = _footage(model, artifacts, ledger) or ["clips of a ledger that is not on this machine"]
        yield from (f"it was tuned by {model.name} ({digest[:16]}…) on {line}" for line in footage)


def _describe_chain(digest: str, home: Path, ledger: Ledger | None) -> tuple[str, ...]:
    found = find_model(digest, home)
    if found is None:
        return ()
    lines = _describe(digest, found[1], home, ledger, found[1].model)
    base, seen = found[1].base, {digest}
    while base is not None and (digest := base.removeprefix("sha256:")) not in seen:
        seen.add(digest)
        found = find_model(digest, home)
        known = (
            _describe(digest, found[1], home, ledger, digest[:16])
            if found
            else ["unknown, as this machine has not that model"]
        )
        began = f"it began from model {digest[:16]}…, which was trained on: "
        lines += [line if line.startswith(_WHERE) else began + line for line in known]
        base = found[1].base if found else None
    return tuple(lines)


def _describe(digest: str, provenance: Provenance, home: Path, ledger: Ledger | None, name: str) -> list[str]:
    """Lines on one model; ``name`` is by which it is asked for: two models of one chain may have the same name."""
    if isinstance(provenance.ledger, Undisclosed):
        return [f"not disclosed by its makers, {provenance.ledger.makers}"]
    artifacts = find_artifacts(home)
    model = next((model for model in artifacts.models if model.digest == digest), None)
    lines = [f"{len(model.films):,} films that were rendered for it"] if model is not None and model.films else []
    lines += _footage(model, artifacts, ledger) if model is not None else []
    if not lines:
        lines = ["clips of its own ledger, which is not on this machine"]
    return [*lines, f"{_WHERE}{name}` lists all of it"]


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
