"""Build the index of a model's training clips from the films and footage that its provenance names."""

from __future__ import annotations

from pathlib import Path

from langit.bundle import Bundle, Provenance, load_bundle
from langit.bundle.folder import add_file
from langit.curate.places import places_file, read_places
from langit.feed.catalogue import ClipRecords, FootageClip, FrameReader, film_clips
from langit.feed.footage import TrainingFormat, TrainingSet, find_training_set, footage_clips, held_out_footage
from langit.feed.latents import encoder_hash
from langit.feed.pieces import bucketed_held_out, footage_pieces, plan_footage
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.release.nearest.build import Report, build_index
from langit.release.nearest.bundled import FILE
from langit.release.nearest.parts import PartsFolder
from langit.shapes import PixelShape
from langit.worlds.scene import split


def index_bundle(folder: Path, home: Path, report: Report, parts: Path | None = None) -> Provenance:
    """Build the index of a model's training clips and put it into its bundle, in place of an older one.

    The provenance names the new file, so the model has another digest afterwards.

    Args:
        folder: the bundle.
        home: holds the ledger and the films that the model was trained on.
        report: called with the stage and its progress.
        parts: a folder of parts of the index that were made before (`parts`), by whatever encoder.

    Raises:
        ValueError: the bundle is damaged, or some of its films are not under ``home`` or are no longer allowed.
    """
    model = load_bundle(folder)
    table = model.films()
    rows = set() if table is None else {(row.world, row.size, row.seed) for row in table.rows}
    ledger = Ledger(home / "ledger")
    records = ClipRecords.read(ledger, Policy())
    # The ledger may hold several clips of a film, with other captions or mirrored: one is enough.
    plain = {
        (film.world, str(film.pixels), film.seed): film
        for film in (film_clips(records, home / "films", redrawn=True) if rows else ())
        if not film.mirrored
    }
    films = [film for key, film in plain.items() if key in rows]
    missing = len(rows) - len(films)
    if missing:
        raise ValueError(
            f"{missing} of the {len(rows)} films of {folder.name} are not under {home}, or no longer allowed:"
            " render and enter them first"
        )
    kinds = {(world, size) for world, size, _ in rows}
    held = [film for (world, size, seed), film in plain.items() if (world, size) in kinds and split(seed) == "held-out"]
    footage, held_footage = _footage(model, {size for _, size in kinds}, ledger, records, home, report)
    known = None if parts is None else PartsFolder(parts, encoder_hash(model.autoencoder))
    index = build_index(
        films, [*held, *held_footage], FrameReader(), model.autoencoder, model.fps, report, footage, known
    )
    return add_file(folder, FILE, index.save)


def footage_of(model: Bundle, home: Path, report: Report) -> tuple[list[FootageClip], list[FootageClip]]:
    """Clips of footage that a model without films learnt, in the order of its index, and those that were held out.

    Raises:
        ValueError: the ledger does not know them, or a file is no longer where it was.
    """
    ledger = Ledger(home / "ledger")
    return _footage(model, set(), ledger, ClipRecords.read(ledger, Policy()), home, report)


def _footage(
    model: Bundle, sizes: set[str], ledger: Ledger, records: ClipRecords, home: Path, report: Report
) -> tuple[list[FootageClip], list[FootageClip]]:
    """Clips of real footage that the model was trained on, and that were held out, each at its longest size.

    Footage is learnt at the sizes of the model's films. A model without films learnt it at its own sizes, and held
    clips out by the rule of `feed.footage`.
    """
    name = model.provenance.recipe.get("manifest")
    if not name:
        return [], []
    chosen = find_training_set(ledger, name)
    if any(stage.get("buckets") for stage in model.provenance.recipe.get("stages", ())):
        return _pieces(model, chosen, records, home, report)
    own = [pixels for pixels in model.sizes if pixels.frames > 1] or list(model.sizes)
    shapes = sorted({PixelShape.parse(size) for size in sizes} or own)
    longest = TrainingFormat(max(shapes, key=lambda pixels: pixels.frames), model.fps)
    held_out = frozenset() if sizes else held_out_footage(records, chosen, longest)
    found: dict[str, FootageClip] = {}
    for pixels in shapes:
        wanted = TrainingFormat(pixels, model.fps)

        def report_size(done: int, of: int, size: str = str(pixels)) -> None:
            report(f"footage {size}", done, of, "")

        for clip in footage_clips(records, chosen, places_file(home), home / "footage", wanted, report_size):
            found[clip.digest] = clip
    clips = sorted(found.values(), key=lambda clip: clip.pixels)
    trained = [clip for clip in clips if clip.digest not in held_out]
    return trained, [clip for clip in clips if clip.digest in held_out]


def _pieces(
    model: Bundle, chosen: TrainingSet, records: ClipRecords, home: Path, report: Report
) -> tuple[list[FootageClip], list[FootageClip]]:
    """The pieces of clips that a model learnt at their own shapes, and those that were held out."""
    stage = model.provenance.recipe["stages"][-1]
    sizes = [PixelShape.parse(size) for size in stage["sizes"]]
    buckets, shortest = stage["buckets"], stage["buckets"]["frames"][0]
    held_out = bucketed_held_out(records, chosen, sizes, model.fps, shortest)
    plan = plan_footage(records, chosen, sizes, model.fps, held_out, buckets["pieces"], shortest)

    def progress(done: int, of: int) -> None:
        report("decoding", done, of, "")

    pieces = footage_pieces(records, plan, lambda: read_places(places_file(home)), home / "footage", progress)
    trained = [piece for piece in pieces if piece.digest not in held_out]
    return trained, [piece for piece in pieces if piece.digest in held_out]
