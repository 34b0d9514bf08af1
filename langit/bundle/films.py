"""The rendered films that a model was trained on, a row for each, small enough to travel with the weights.

A row is a film's world, seed, size, the hashes of its motion and of its pixels, and its entry in the training ledger.
The scene follows from the seed, and what all films of a world have in common (generator, licence ...) stands once, so
each film's Source record can be made again from its row. One Merkle proof for all ties them to the ledger's root:
whoever renders a film again can tell that it is the very film on record. Knows nothing of how films are made.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from langit.bundle.provenance import FilmsRecord, SeedGroup
from langit.ledger.films import film_leaf
from langit.ledger.log import Hash, leaf_hash, root, subset_proof, subset_root
from langit.ledger.record import Source

FILE = "films.safetensors"
COLUMNS = ("seed", "size", "motion", "pixels", "entry")


@dataclass(frozen=True)
class FilmRow:
    """One film: ``motion`` and ``pixels`` are SHA-256 in hex; ``entry`` counts the ledger's entries from 0."""

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
    """All rows in order of entry, what each world's Source records share, and the proof that they are in the ledger."""

    rows: tuple[FilmRow, ...]
    shared: dict[str, dict[str, Any]]
    proof: tuple[Hash, ...]

    @classmethod
    def of(cls, sources: Iterable[Source], digests: Iterable[str]) -> FilmTable:
        """The table of rendered ``sources``; ``digests`` are all of the ledger's, in order of entry.

        Raises:
            ValueError: a source is not in the ledger, or cannot be made again from a row: it is no film of one world.
        """
        entries = {digest: entry for entry, digest in enumerate(digests)}
        films = list(sources)
        if not films:
            raise ValueError("no films: give the sources that the model was trained on")
        # A large seed is easier to tell from the other figures in a title.
        largest = sorted(films, key=lambda source: source.seed or 0)
        shared = {source.generator_version or "": _shared(source) for source in largest}
        rows: list[FilmRow] = []
        for source in films:
            if source.digest not in entries:
                raise ValueError(f"source {source.title!r} is not in the ledger: enter it before the model is saved")
            if source.seed is None or source.size is None or source.motion_sha256 is None:
                raise ValueError(f"source {source.title!r} has no seed, size and motion_sha256: it is no rendered film")
            world, hashes = source.generator_version or "", (source.motion_sha256, source.content_sha256)
            row = FilmRow(world, source.seed, source.size, *hashes, entries[source.digest])
            if source.scene_sha256 is None or _source(row, shared[world], source.scene_sha256) != source:
                raise ValueError(f"source {source.title!r} is not like the other films' of its world: enter them alike")
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
        """What the provenance says of the films."""
        sizes: dict[tuple[str, str], list[int]] = {}
        for row in self.rows:
            sizes.setdefault((row.world, row.size), []).append(row.seed)
        first = self.worlds[0]
        groups = tuple(
            SeedGroup(size, min(seeds), max(seeds), len(seeds), "" if world == first else world)
            for (world, size), seeds in sizes.items()
        )
        return FilmsRecord(first, groups, FILE, self.root())

    def ledger_root(self, scenes: Sequence[str], size: int) -> str | None:
        """The root (hex) of the ledger of ``size`` entries that follows from the rows; ``None`` if none can.

        Args:
            scenes: the SHA-256 of each row's scene, which whoever asks works out from its seed.
            size: the ledger's entries.
        """
        made = (_source(row, self.shared[row.world], scene) for row, scene in zip(self.rows, scenes, strict=True))
        leaves = {
            row.entry: leaf_hash(bytes.fromhex(source.digest)) for row, source in zip(self.rows, made, strict=True)
        }
        top = subset_root(leaves, size, self.proof)
        return None if top is None else top.hex()

    def save(self, path: Path) -> None:
        """Write the table: about 73 bytes a film, and the proof."""
        sizes = sorted({row.size for row in self.rows})
        arrays = {
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
        said = json.dumps(shared if len(shared) > 1 else shared[0], sort_keys=True)
        save_file(arrays, path, metadata={"sizes": json.dumps(sizes), "shared": said})

    @classmethod
    def load(cls, path: Path) -> FilmTable:
        """Read :meth:`save`'s file."""
        with safe_open(path, framework="numpy") as file:
            facts = file.metadata()
            columns = [file.get_tensor(name) for name in COLUMNS]
            proof = file.get_tensor("proof")
            several = "world" in file.keys()  # noqa: SIM118  # not a dict
            worlds = file.get_tensor("world") if several else np.zeros(len(columns[0]), np.uint8)
        sizes, said = json.loads(facts["sizes"]), json.loads(facts["shared"])
        listed = said if several else [said]
        rows = tuple(
            FilmRow(
                listed[world]["generator_version"],
                int(seed),
                sizes[size],
                motion.tobytes().hex(),
                pixels.tobytes().hex(),
                int(entry),
            )
            for world, seed, size, motion, pixels, entry in zip(worlds, *columns, strict=True)
        )
        shared = {each["generator_version"]: each for each in listed}
        return cls(rows, shared, tuple(item.tobytes() for item in proof))


def _shared(source: Source) -> dict[str, Any]:
    """What a film's record says apart from its own hashes; its seed and size in the title become placeholders."""
    said = {field.name: getattr(source, field.name) for field in dataclasses.fields(source)}
    for own in ("seed", "size", "content_sha256", "scene_sha256", "motion_sha256"):
        del said[own]
    title = source.title.replace("{", "{{").replace("}", "}}").replace(str(source.size), "{size}")
    said["title"] = title.replace(str(source.seed), "{seed}")
    return {key: list(value) if isinstance(value, tuple) else value for key, value in said.items() if value is not None}


def _source(row: FilmRow, shared: dict[str, Any], scene: str) -> Source:
    """The Source record of a row."""
    said = shared | {"evidence": tuple(shared["evidence"])}
    said["title"] = shared["title"].format(seed=row.seed, size=row.size)
    return Source(
        **said, seed=row.seed, size=row.size, content_sha256=row.pixels, scene_sha256=scene, motion_sha256=row.motion
    )


def _bytes(hashes: Sequence[Hash]) -> np.ndarray:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
