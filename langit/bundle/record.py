"""What a model's own files say of its training data, as a snapshot of the ledger that it was trained from.

A bundle may carry its whole training record (``record/record.zip``, see ``ledger.shipped``). One that does not still
has its table of films, from whose rows every film's Source record follows. Knows nothing of this machine's ledger.
"""

from __future__ import annotations

from langit.bundle.films import FILE, FilmTable
from langit.ledger.artifacts import TrainedModel
from langit.ledger.snapshot import Snapshot
from langit.worlds.world import WORLDS, find_world


def bundle_snapshot(model: TrainedModel) -> Snapshot | None:
    """The training records that came with a model, checked against its provenance; ``None`` if none came.

    Raises:
        ValueError: the record or the table of films is damaged, or is not of the ledger that the model names.
    """
    if model.record is not None:
        return model.record.snapshot
    path = model.place / FILE
    if not model.films or not path.is_file():
        return None
    table = FilmTable.load(path)
    foreign = [world for world in table.worlds if world not in WORLDS]
    if foreign:
        known = ", ".join(WORLDS)
        raise ValueError(f"{path} lists films of world {foreign[0]}, and this Langit renders {known}: upgrade it")
    # A row leaves its scene out, since the scene follows from the seed: 0.1 ms a film.
    scenes = [find_world(row.world).sample(row.seed).sha256 for row in table.rows]
    snapshot = Snapshot(table.sources(scenes), model.ledger_size, table.proof, str(path))
    if snapshot.root().hex() != model.ledger_root:
        raise ValueError(f"the films in {path} are not in the ledger that {model.name} names: get the model again")
    return snapshot
