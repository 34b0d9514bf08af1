"""The rendered films that a model was trained on, one row per film, small enough to ship with the weights.

A row holds a film's world, seed, size, the hashes of its motion and of its pixels, and its entry in the training
ledger. The scene follows from the seed, and fields that all films of a world share (generator, licence ...) are stored
once, so that each film's Source record can be rebuilt from its row. One Merkle proof for all rows ties them to the
ledger's root, so anyone who renders a film again can check that it is the film on record. Knows nothing of rendering.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from langit.bundle.provenance import FilmsRecord, SeedGroup
from langit.bundle.tensors import open_tensors, save_arrays
from langit.config import parse_json
from langit.ledger.films import film_leaf
from langit.ledger.log import Hash, leaf_hash, root, subset_proof, subset_root
from langit.ledger.record import Source

FILE = "films.safetensors"
COLUMNS = ("seed", "size", "motion", "pixels", "entry")


@dataclass(frozen=True)
class FilmRow:
    """One film. ``motion`` and ``pixels`` are SHA-256 in hex; ``entry`` is its index in the ledger, from 0."""

    world: str
    seed: int
    size: str
    motion: str
    pixels: str
    entry: int

    @property
    def leaf(self) -> Hash:
        """The leaf hash of the row."""
        return film_leaf(self.world, self.seed, self.size, self.motion, self.pixels)


@dataclass(frozen=True)
class FilmTable:
    """All rows in order of entry, the fields that a world's Source records share, and a proof of the ledger's root."""

    rows: tuple[FilmRow, ...]
    shared: dict[str, dict[str, Any]]
    proof: tuple[Hash, ...]

    @classmethod
    def of(cls, sources: Iterable[Source], digests: Iterable[str]) -> FilmTable:
        """Build the table of rendered ``sources``; ``digests`` are those of all entries of the ledger, in order.

        Raises:
            ValueError: a source is not in the ledger, or cannot be rebuilt from a row.
        """
        entries = {digest: entry for entry, digest in enumerate(digests)}
        films = list(sources)
        if not films:
            raise ValueError("there are no films: pass the sources that the model was trained on")
        # The shared title is derived from the film with the largest seed, which is hardest to confuse with other
        # numbers in a title.
        largest = sorted(films, key=lambda source: source.seed or 0)
        shared = {source.generator_version or "": _shared(source) for source in largest}
        rows: list[FilmRow] = []
        for source in films:
            if source.digest not in entries:
                raise ValueError(f"source {source.title!r} is not in the ledger: enter it before the model is saved")
            if source.seed is None or source.size is None or source.motion_sha256 is None:
                raise ValueError(
                    f"source {source.title!r} has no seed, size or motion_sha256: it is not a rendered film"
                )
            world, hashes = source.generator_version or "", (source.motion_sha256, source.content_sha256)
            row = FilmRow(world, source.seed, source.size, *hashes, entries[source.digest])
            if source.scene_sha256 is None or _source(row, shared[world], source.scene_sha256) != source:
                raise ValueError(
                    f"source {source.title!r} differs from other films of its world in fields that they share"
                )
            rows.append(row)
        rows.sort(key=lambda row: row.entry)
        leaves = [leaf_hash(bytes.fromhex(digest)) for digest in entries]
        return cls(tuple(rows), shared, subset_proof(leaves, (row.entry for row in rows)))

    @property
    def worlds(self) -> tuple[str, ...]:
        """The worlds' versions, in order of entry."""
        return tuple(dict.fromkeys(row.world for row in self.rows))

    def root(self) -> str:
        """The Merkle root (hex) of the rows."""
        return root(row.leaf for row in self.rows).hex()

    def facts(self) -> FilmsRecord:
        """The summary that goes into the provenance."""
        sizes: dict[tuple[str, str], list[int]] = {}
        for row in self.rows:
            sizes.setdefault((row.world, row.size), []).append(row.seed)
        first = self.worlds[0]
        groups = tuple(
            SeedGroup(size, min(seeds), max(seeds), len(seeds), "" if world == first else world)
            for (world, size), seeds in sizes.items()
        )
        return FilmsRecord(first, groups, FILE, self.root())

    def sources(self, scenes: Sequence[str]) -> dict[int, Source]:
        """The Source record of each row, by its entry in the training ledger.

        Args:
            scenes: SHA-256 of each row's scene, which the caller computes from its seed.
        """
        pairs = zip(self.rows, scenes, strict=True)
        return {row.entry: _source(row, self.shared[row.world], scene) for row, scene in pairs}

    def ledger_root(self, scenes: Sequence[str], size: int) -> str | None:
        """Compute the root (hex) of a ledger of ``size`` entries from the rows; ``None`` if the proof does not fit.

        Args:
            scenes: SHA-256 of each row's scene, which the caller computes from its seed.
            size: the number of entries in the ledger.
        """
        leaves = {entry: leaf_hash(bytes.fromhex(film.digest)) for entry, film in self.sources(scenes).items()}
        top = subset_root(leaves, size, self.proof)
        return None if top is None else top.hex()

    def save(self, path: Path) -> None:
        """Write the table: about 73 bytes per film, and the proof. The same table gives the same bytes."""
        sizes = sorted({row.size for row in self.rows})
        arrays: dict[str, np.ndarray] = {
            "seed": np.array([row.seed for row in self.rows], np.uint32),
            "entry": np.array([row.entry for row in self.rows], np.uint32),
            "size": np.array([sizes.index(row.size) for row in self.rows], np.uint8),
            "motion": _bytes([bytes.fromhex(row.motion) for row in self.rows]),
            "pixels": _bytes([bytes.fromhex(row.pixels) for row in self.rows]),
            "proof": _bytes(self.proof),
        }
        shared = [self.shared[world] for world in self.worlds]
        if len(shared) > 1:
            arrays["world"] = np.array([self.worlds.index(row.world) for row in self.rows], np.uint8)
        about = {"sizes": sizes, "shared": shared if len(shared) > 1 else shared[0]}
        # One key, because the safetensors library writes several in an order that changes from process to process.
        save_arrays(arrays, path, {"about": json.dumps(about, sort_keys=True)})

    @classmethod
    def load(cls, path: Path) -> FilmTable:
        """Read :meth:`save`'s file.

        Raises:
            ValueError: the file is not a table of films.
        """
        try:
            return cls._load(path)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ValueError(f"{path} is not a table of films ({error}): get the bundle again") from error

    @classmethod
    def _load(cls, path: Path) -> FilmTable:
        with open_tensors(path) as file:
            columns = {name: file.read_array(name) for name in COLUMNS}
            proof = file.read_array("proof")
            several = "world" in file.entries
            columns["world"] = file.read_array("world") if several else np.zeros(len(columns["seed"]), np.uint8)
            sizes, shared = _about(file.metadata)
        # Values are indices and hashes: a wrong dtype or shape would make other numbers of them.
        for name, column in columns.items():
            hashes = name in ("motion", "pixels")
            if column.ndim != 1 + hashes or column.dtype.kind != "u" or (hashes and not _is_hashes(column)):
                raise ValueError(f"column {name} has another form")
        if not _is_hashes(proof):
            raise ValueError("the proof has another form")
        listed = shared if several else [shared]
        rows = tuple(
            FilmRow(
                listed[world]["generator_version"],
                int(seed),
                sizes[size],
                motion.tobytes().hex(),
                pixels.tobytes().hex(),
                int(entry),
            )
            for world, seed, size, motion, pixels, entry in zip(
                columns["world"], *(columns[name] for name in COLUMNS), strict=True
            )
        )
        if not rows or not all(isinstance(row.size, str) and isinstance(row.world, str) for row in rows):
            raise ValueError("it has no films, or films without a size or world")
        by_world = {item["generator_version"]: item for item in listed}
        return cls(rows, by_world, tuple(item.tobytes() for item in proof))


def _about(metadata: Mapping[str, str]) -> tuple[Any, Any]:
    """The sizes and the shared fields; older tables have a key for each."""
    if "about" in metadata:
        about = parse_json(metadata["about"], "its key about")
        return about["sizes"], about["shared"]
    return parse_json(metadata["sizes"], "its sizes"), parse_json(metadata["shared"], "its shared fields")


def _shared(source: Source) -> dict[str, Any]:
    """The fields of a film's record that its world shares; seed and size in the title become placeholders."""
    plain = {field.name: getattr(source, field.name) for field in dataclasses.fields(source)}
    for own in ("seed", "size", "content_sha256", "scene_sha256", "motion_sha256", "parents"):
        del plain[own]
    # Fields that were added to records later are left out while empty, so that older tables keep their bytes.
    plain = {key: value for key, value in plain.items() if key == "evidence" or value != ()}
    title = source.title.replace("{", "{{").replace("}", "}}").replace(str(source.size), "{size}")
    plain["title"] = title.replace(str(source.seed), "{seed}")
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in plain.items() if value is not None
    }


def _source(row: FilmRow, shared: dict[str, Any], scene: str) -> Source:
    """Rebuild the Source record of a row."""
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in shared.items()}
    plain["title"] = shared["title"].format(seed=row.seed, size=row.size)
    return Source(
        **plain, seed=row.seed, size=row.size, content_sha256=row.pixels, scene_sha256=scene, motion_sha256=row.motion
    )


def _is_hashes(array: np.ndarray) -> bool:
    return array.dtype == np.uint8 and array.ndim == 2 and array.shape[1] == 32


def _bytes(hashes: Sequence[Hash]) -> np.ndarray:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
