"""Check a bundle: its files, who vouches for it, its recipe, its films against the ledger's root, and films rendered
again.

Rendering needs the worlds and OpenGL; ``render=0`` does without. Knows nothing of the quality of the model.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from langit import config
from langit.bundle.files import TEXTS, check_files
from langit.bundle.films import FilmRow, FilmTable
from langit.bundle.pinned import PINNED
from langit.bundle.places import packaged_models, read_provenance, resolve
from langit.bundle.provenance import Provenance, Undisclosed
from langit.bundle.signature import read_signature
from langit.ledger import keys
from langit.ledger.checkpoint import Verifier
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
    """All findings on a bundle. ``digest`` is empty if there is no provenance to compute it from."""

    path: Path
    digest: str
    findings: tuple[BundleFinding, ...]

    @property
    def holds(self) -> bool:
        """Whether no check failed."""
        return all(finding.state != "broken" for finding in self.findings)


def check_bundle(
    place: Path | str,
    render: int | Literal["all"] = 20,
    progress: Progress | None = None,
    signer: Verifier | None = None,
) -> BundleReport:
    """Check a bundle by name or folder. Every file is hashed, whatever the cache of digests says.

    Args:
        place: as :func:`langit.bundle.load_bundle` takes it.
        render: how many of the training films to render again and compare, or ``"all"``.
        progress: called with the number of films rendered and their total.
        signer: the key that must have signed the bundle; default any.

    Raises:
        ValueError: there is no such bundle, or ``render`` is negative.
        OSError: OpenGL is missing.
    """
    if render != "all" and render < 0:
        raise ValueError(f"render {render} is not a number of films: use 0 or more, or all")
    folder = resolve(place)
    digest = ""
    try:
        provenance = read_provenance(folder)
        digest = provenance.digest
        check_files(folder, provenance.files)
    except ValueError as error:
        return BundleReport(folder, digest, (BundleFinding("files", "broken", str(error)),))
    findings = [
        BundleFinding("files", "holds", f"all {len(provenance.files)} files are those that provenance.json names"),
        *_check_texts(folder, provenance),
        *_check_origin(folder, provenance, signer),
        BundleFinding("recipe", "holds", f"{provenance.recipe_hash} is the hash of the recipe"),
    ]
    if provenance.films is None:
        return BundleReport(folder, digest, (*findings, _check_without_films(provenance)))
    try:
        table = FilmTable.load(folder / provenance.films.file)
    except (ValueError, OSError) as error:
        return BundleReport(folder, digest, (*findings, BundleFinding("films", "broken", str(error))))
    findings += [_check_table(table, provenance), _check_ledger(table, provenance)]
    if render != 0:
        findings += _check_films(table, render, progress)
    return BundleReport(folder, digest, tuple(findings))


def _check_without_films(provenance: Provenance) -> BundleFinding:
    """What can be said of the data of a model that was trained on no rendered films."""
    if isinstance(provenance.ledger, Undisclosed):
        return BundleFinding(
            "films", "unknown", f"{provenance.ledger.makers} do not disclose what the model was trained on"
        )
    manifest = provenance.recipe.get("manifest")
    if manifest is None:
        return BundleFinding("films", "broken", "the model does not list what it was trained on")
    return BundleFinding(
        "films",
        "unknown",
        f"none: it was trained on the footage of manifest {manifest}, whose clips are in the ledger"
        f" {provenance.ledger.origin}; check them with langit ledger audit",
    )


def _check_texts(folder: Path, provenance: Provenance) -> list[BundleFinding]:
    """Bundles of older versions do not name their model card."""
    loose = sorted(name for name in TEXTS if (folder / name).is_file() and name not in provenance.files)
    return [BundleFinding("card", "unknown", f"{name} is not covered by the model's digest") for name in loose]


def _check_origin(folder: Path, provenance: Provenance, wanted: Verifier | None) -> list[BundleFinding]:
    """Who vouches for the digest: this package, if it ships the model, or the key that signed it."""
    found: list[BundleFinding] = []
    # A copy of a shipped model elsewhere is recognised by its digest; in the package only that digest is accepted.
    pinned = PINNED.get(provenance.model)
    if pinned == provenance.digest:
        found.append(BundleFinding("digest", "holds", f"{pinned} is the {provenance.model} that ships with Langit"))
    elif packaged_models() in folder.resolve().parents and folder.name in PINNED:
        text = f"{provenance.digest} is not the {folder.name} that ships with Langit, {PINNED[folder.name]}"
        found.append(BundleFinding("digest", "broken", text))
    elif pinned is not None:
        text = f"the model is named {provenance.model}, but is not the one that ships with Langit, {pinned}"
        found.append(BundleFinding("digest", "unknown", text))
    try:
        signature = read_signature(folder, provenance)
    except ValueError as error:
        return [*found, BundleFinding("signer", "broken", str(error))]
    if signature is None:
        # "unknown", not "broken": models that were trained before signatures existed have none.
        text = "the bundle is not signed: anyone can have changed its files and their digests"
        if wanted is not None:
            found.append(BundleFinding("signer", "broken", f"{text}; you asked for {wanted}"))
        elif pinned != provenance.digest:
            found.append(BundleFinding("signer", "unknown", text))
        return found
    if wanted is not None:
        state: State = "holds" if signature.verifier == wanted else "broken"
        text = f"signed by {signature.verifier}" + ("" if state == "holds" else f", not by {wanted}")
    elif signature.verifier == _own_key():
        state, text = "holds", f"signed by {signature.verifier}, the ledger key of this machine"
    else:
        state, text = "unknown", f"signed by {signature.verifier}: compare this key with the maker's, or pass --signer"
    return [*found, BundleFinding("signer", state, text)]


def _own_key() -> Verifier | None:
    """The ledger key of this machine, if it has one."""
    folder = config.home() / "ledger"
    try:
        return keys.signer(folder).verifier if (folder / keys.FILE).is_file() else None
    except (ValueError, OSError):
        return None


def _check_table(table: FilmTable, provenance: Provenance) -> BundleFinding:
    if table.facts() != provenance.films:
        return BundleFinding("films", "broken", "films.safetensors lists other films than provenance.json")
    groups = ", ".join(f"{g.count} of {g.world} {g.pixels}".replace("  ", " ") for g in table.facts().groups)
    return BundleFinding("films", "holds", f"{len(table.rows)} films ({groups}), root {table.root()[:16]}…")


def _check_ledger(table: FilmTable, provenance: Provenance) -> BundleFinding:
    if isinstance(provenance.ledger, Undisclosed):
        return BundleFinding(
            "ledger", "unknown", f"{provenance.ledger.makers} do not disclose what the model was trained on"
        )
    foreign = [world for world in table.worlds if world not in WORLDS]
    if foreign:
        known = " and ".join(WORLDS)
        text = f"there are films of world {foreign[0]}, this version renders {known}: check with another version"
        return BundleFinding("ledger", "broken", text)
    scenes = [find_world(row.world).sample(row.seed).sha256 for row in table.rows]
    if table.ledger_root(scenes, provenance.ledger.size) != provenance.ledger.root:
        return BundleFinding("ledger", "broken", "the records of these films do not lead to the ledger's root")
    text = f"all films are on record in {provenance.ledger.origin} at {provenance.ledger.size} entries"
    return BundleFinding("ledger", "holds", text)


def _check_films(table: FilmTable, render: int | Literal["all"], progress: Progress | None) -> list[BundleFinding]:
    """Render films again. Motion must agree; pixels agree only with the same renderer. Scenes are in the ledger."""
    if any(row.world not in WORLDS for row in table.rows):
        return []  # the finding on the ledger reports it
    chosen = list(table.rows)
    if render != "all" and render < len(chosen):
        # Seeded by the table, so that two people check the same films and can compare what they found.
        chosen = sorted(random.Random(table.root()).sample(chosen, render), key=lambda row: row.entry)
    other_motion: list[FilmRow] = []
    other_pixels: list[FilmRow] = []
    for done, row in enumerate(chosen, 1):
        world = find_world(row.world)
        film = world.render(world.sample(row.seed), PixelShape.parse(row.size))
        if film.motion_sha256 != row.motion:
            other_motion.append(row)
        elif film.pixel_sha256 != row.pixels:
            other_pixels.append(row)
        if progress is not None:
            progress(done, len(chosen))
    if other_motion:
        seeds = ", ".join(str(row.seed) for row in other_motion[:5])
        return [
            BundleFinding(
                "motion", "broken", f"{len(other_motion)} of {len(chosen)} films move differently, seeds {seeds}"
            )
        ]
    found = [BundleFinding("motion", "holds", f"{len(chosen)} films rendered again move as on record")]
    same = len(chosen) - len(other_pixels)
    if other_pixels:
        seeds = ", ".join(str(row.seed) for row in other_pixels[:5])
        text = f"{same} of {len(chosen)} have the same pixels (others: seeds {seeds}): the renderer here is another one"
        return [*found, BundleFinding("pixels", "differs", text)]
    return [*found, BundleFinding("pixels", "holds", f"all {len(chosen)} have the same pixels as on record")]
