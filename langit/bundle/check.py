"""Does a bundle keep its word? Its files, its recipe, its films against the ledger's root, and films rendered again.

Needs the worlds to render (``render=0`` does without drawing). Knows nothing of the quality of the model.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from langit.bundle.files import check_files
from langit.bundle.films import FilmRow, FilmTable
from langit.bundle.folder import read_provenance, resolve
from langit.bundle.provenance import Provenance, Undisclosed
from langit.shapes import PixelShape
from langit.worlds.world import WORLDS, find_world

State = Literal["holds", "differs", "unknown", "broken"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BundleFinding:
    """The result of one check.

    ``differs`` is explained by another renderer; ``unknown`` is not disclosed by the makers; ``broken`` is a failure.
    """

    what: str
    state: State
    text: str


@dataclass(frozen=True)
class BundleReport:
    """All findings on a bundle."""

    path: Path
    findings: tuple[BundleFinding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.state != "broken" for finding in self.findings)


def check_bundle(
    place: Path | str, render: int | Literal["all"] = 20, progress: Progress | None = None
) -> BundleReport:
    """Check a bundle by name or folder.

    Args:
        place: as :func:`langit.bundle.load_bundle` takes it.
        render: how many of the training films to render again and compare, or ``"all"``.
        progress: told how many of these are done, of how many.

    Raises:
        ValueError: there is no such bundle, or ``render`` is no number of films.
        OSError: nothing to render with.
    """
    if render != "all" and render < 0:
        raise ValueError(f"render {render} is no number of films: give 0 or more, or all")
    folder = resolve(place)
    try:
        provenance = read_provenance(folder)
        check_files(folder, provenance.files)
    except ValueError as error:
        return BundleReport(folder, (BundleFinding("files", "broken", str(error)),))
    findings = [
        BundleFinding("files", "holds", f"all {len(provenance.files)} files are those that provenance.json names"),
        BundleFinding("recipe", "holds", f"{provenance.recipe_hash} is the hash of the recipe"),
    ]
    if provenance.films is None:
        return BundleReport(folder, (*findings, _check_without_films(provenance)))
    table = FilmTable.load(folder / provenance.films.file)
    findings += [_check_table(table, provenance), _check_ledger(table, provenance)]
    if render != 0:
        findings += _check_films(table, render, progress)
    return BundleReport(folder, tuple(findings))


def _check_without_films(provenance: Provenance) -> BundleFinding:
    """What can be said of the data of a model that was trained on no rendered films."""
    if isinstance(provenance.ledger, Undisclosed):
        return BundleFinding(
            "films", "unknown", f"{provenance.ledger.makers} do not disclose what the model was trained on"
        )
    manifest = provenance.recipe.get("manifest")
    if manifest is None:
        return BundleFinding("films", "broken", "the model does not say what it was trained on")
    return BundleFinding(
        "films",
        "unknown",
        f"none: it was trained on the footage of manifest {manifest}, whose clips are in the ledger"
        f" {provenance.ledger.origin}; check them with langit ledger audit",
    )


def _check_table(table: FilmTable, provenance: Provenance) -> BundleFinding:
    if table.facts() != provenance.films:
        return BundleFinding("films", "broken", "films.safetensors holds other films than provenance.json tells of")
    groups = ", ".join(f"{g.count} of {g.world} {g.pixels}".replace("  ", " ") for g in table.facts().groups)
    return BundleFinding("films", "holds", f"{len(table.rows)} films ({groups}), root {table.root()[:16]}…")


def _check_ledger(table: FilmTable, provenance: Provenance) -> BundleFinding:
    if isinstance(provenance.ledger, Undisclosed):
        return BundleFinding(
            "ledger", "unknown", f"{provenance.ledger.makers} do not disclose what the model was trained on"
        )
    foreign = [world for world in table.worlds if world not in WORLDS]
    if foreign:
        made = " and ".join(WORLDS)
        text = f"there are films of world {foreign[0]}, this code makes {made}: check with that version's code"
        return BundleFinding("ledger", "broken", text)
    scenes = [find_world(row.world).sample(row.seed).sha256 for row in table.rows]
    if table.ledger_root(scenes, provenance.ledger.size) != provenance.ledger.root:
        return BundleFinding("ledger", "broken", "the records of these films do not lead to the ledger's root")
    text = f"all films are on record in {provenance.ledger.origin} at {provenance.ledger.size} entries"
    return BundleFinding("ledger", "holds", text)


def _check_films(table: FilmTable, render: int | Literal["all"], progress: Progress | None) -> list[BundleFinding]:
    """Render films again. Motion must agree; pixels do where the same renderer draws. Scenes: see the ledger."""
    if any(row.world not in WORLDS for row in table.rows):
        return []  # the ledger's finding says so
    chosen = list(table.rows)
    if render != "all" and render < len(chosen):
        chosen = sorted(random.Random(table.root()).sample(chosen, render), key=lambda row: row.entry)
    moved: list[FilmRow] = []
    repainted: list[FilmRow] = []
    for done, row in enumerate(chosen, 1):
        world = find_world(row.world)
        film = world.render(world.sample(row.seed), PixelShape.parse(row.size))
        if film.motion_sha256 != row.motion:
            moved.append(row)
        elif film.pixel_sha256 != row.pixels:
            repainted.append(row)
        if progress is not None:
            progress(done, len(chosen))
    if moved:
        seeds = ", ".join(str(row.seed) for row in moved[:5])
        return [BundleFinding("motion", "broken", f"{len(moved)} of {len(chosen)} films move otherwise, seeds {seeds}")]
    found = [BundleFinding("motion", "holds", f"{len(chosen)} films rendered again move as on record")]
    same = len(chosen) - len(repainted)
    if repainted:
        seeds = ", ".join(str(row.seed) for row in repainted[:5])
        text = f"{same} of {len(chosen)} have the same pixels (others: seeds {seeds}): another renderer draws here"
        return [*found, BundleFinding("pixels", "differs", text)]
    return [*found, BundleFinding("pixels", "holds", f"all {len(chosen)} have the very pixels on record")]
