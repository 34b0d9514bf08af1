"""The index that a bundle carries: opened once, and made from the films and clips that its model was trained on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from langit.bundle import Bundle, Provenance, load_bundle
from langit.bundle.folder import add_file
from langit.feed.catalogue import Entry, Films, catalogue
from langit.feed.footage import Wanted, find_manifest, footage_entries
from langit.ledger.rights import Policy
from langit.ledger.store import Ledger
from langit.release.nearest.build import Report, build_index
from langit.release.nearest.index import ClipIndex
from langit.shapes import PixelShape
from langit.worlds.scene import split

FILE: Final = "nearest.safetensors"


def open_index(model: Bundle) -> ClipIndex | None:
    """A bundle's index of its training clips; ``None`` if it carries none. Opened once for each file."""
    digest = model.provenance.files.get(FILE)
    return None if digest is None else _opened(model.path / FILE, digest)


@lru_cache(maxsize=4)
def _opened(path: Path, digest: str) -> ClipIndex:
    del digest  # another file under the same name is another index
    return ClipIndex.load(path)


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
    rows = set() if table is None else {(row.size, row.seed) for row in table.rows}
    entries, _ = catalogue(Ledger(home / "ledger"), Policy(), home / "films")
    films = [entry for entry in entries if (str(entry.pixels), entry.seed) in rows]
    lost = len(rows) - len({(entry.pixels, entry.seed) for entry in films})
    if lost:
        raise ValueError(
            f"{lost} of the {len(rows)} films of {folder.name} are not under {home}, or not allowed any more:"
            " render and enter them first"
        )
    sizes = {size for size, _ in rows}
    held = [entry for entry in entries if str(entry.pixels) in sizes and split(entry.seed) == "held-out"]
    footage = _footage(model, sizes, home, report)
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
