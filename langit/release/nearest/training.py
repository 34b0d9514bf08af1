"""The index of a model's training clips, made of the films and the footage that its provenance names."""

from __future__ import annotations

from pathlib import Path

from langit.bundle import Bundle, Provenance, load_bundle
from langit.bundle.folder import add_file
from langit.feed.catalogue import Entry, Films, catalogue
from langit.feed.footage import Wanted, find_manifest, footage_entries
from langit.ledger.rights import Policy
from langit.ledger.store import Ledger
from langit.release.nearest.build import Report, build_index
from langit.release.nearest.bundled import FILE
from langit.shapes import PixelShape
from langit.worlds.scene import split


def index_bundle(folder: Path, home: Path, report: Report) -> Provenance:
    """Make the index of a model's training clips and put it into its bundle, in the stead of an older one.

    The provenance names the new file, so that the model has another digest after this.

    Args:
        folder: the bundle.
        home: holds the ledger and the films that it was trained on.
        report: told of what is done.

    Raises:
        ValueError: no whole bundle, or films of it that are not under ``home`` or are not allowed any more.
    """
    model = load_bundle(folder)
    table = model.films()
    rows = set() if table is None else {(row.world, row.size, row.seed) for row in table.rows}
    entries, _ = catalogue(Ledger(home / "ledger"), Policy(), home / "films")
    # The ledger may hold a film's clip more than once, with other captions or mirrored: one is enough.
    plain = {(entry.world, str(entry.pixels), entry.seed): entry for entry in entries if not entry.mirrored}
    films = [entry for key, entry in plain.items() if key in rows]
    lost = len(rows) - len(films)
    if lost:
        raise ValueError(
            f"{lost} of the {len(rows)} films of {folder.name} are not under {home}, or not allowed any more:"
            " render and enter them first"
        )
    kinds = {(world, size) for world, size, _ in rows}
    held = [
        entry for (world, size, seed), entry in plain.items() if (world, size) in kinds and split(seed) == "held-out"
    ]
    footage = _footage(model, {size for _, size in kinds}, home, report)
    index = build_index(films, held, Films(), model.autoencoder, model.fps, report, footage)
    return add_file(folder, FILE, index.save)


def _footage(model: Bundle, sizes: set[str], home: Path, report: Report) -> list[Entry]:
    """Clips of real footage that the model was trained on, each at the longest of its sizes."""
    name = model.provenance.recipe.get("manifest")
    if not name:
        return []
    ledger, found = Ledger(home / "ledger"), {}
    manifest = find_manifest(ledger, name)
    for pixels in sorted(PixelShape.parse(size) for size in sizes):
        places = home / "curation" / "places.json"
        wanted = Wanted(pixels, model.fps)

        def told(done: int, of: int, size: str = str(pixels)) -> None:
            report(f"footage {size}", done, of, "")

        for entry in footage_entries(ledger, Policy(), manifest, places, home / "footage", wanted, told):
            found[entry.clip] = entry
    return sorted(found.values(), key=lambda entry: entry.pixels)
