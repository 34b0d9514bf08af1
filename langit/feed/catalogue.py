"""What may be trained on, and where its pixels lie: the ledger's allowed clips joined with the rendered films.

The ledger decides; a film on disk that the ledger does not allow, or does not know, is never an entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from safetensors import safe_open
from torch import Tensor

from langit.ledger.rights import Policy
from langit.ledger.store import Ledger, Refusal
from langit.shapes import PixelShape
from langit.worlds.shard import Shard, folder_of, open_shards
from langit.worlds.world import WORLDS

ORDER = {version: place for place, version in enumerate(WORLDS)}


@dataclass(frozen=True)
class Entry:
    """A clip that may be trained on: its ledger digest, its captions and the row of a shard that holds its film."""

    clip: str
    captions: tuple[str, ...]
    pixels: PixelShape
    seed: int
    mirrored: bool
    shard: Path
    row: int
    world: str = ""  # the version of the world that the film is of; "" for footage


def catalogue(ledger: Ledger, policy: Policy, folder: Path) -> tuple[tuple[Entry, ...], tuple[Refusal, ...]]:
    """Entries in the order of size, world and seed, and what the policy turned away.

    Args:
        ledger: says which clips there are and whether they may be used.
        policy: what licences allow.
        folder: of rendered films, see `worlds.shard`.
    """
    selection = ledger.allowed_clips(policy)
    sources = {source.digest: source for source in ledger.sources()}
    places = {
        hashes["pixels"]: (shard.path, row)
        for world, size in sorted({(s.generator_version or "", s.size) for s in sources.values() if s.size})
        for shard in _shards(folder, PixelShape.parse(size), world)
        for row, hashes in enumerate(shard.hashes)
    }
    entries = []
    for clip in selection.clips:
        source = sources[clip.source]
        place = places.get(source.content_sha256)
        if place is not None and source.size is not None and source.seed is not None:
            pixels = PixelShape.parse(source.size)
            world = source.generator_version or ""
            entries.append(Entry(clip.digest, clip.captions, pixels, source.seed, clip.mirrored, *place, world))
    # films of later worlds come after those of the first
    entries.sort(key=lambda e: (e.pixels, ORDER.get(e.world, 0), e.shard.name, e.row, e.mirrored))
    return tuple(entries), selection.refused


def _shards(folder: Path, pixels: PixelShape, world: str) -> list[Shard]:
    return open_shards(folder, pixels, world) if folder_of(folder, pixels, world).is_dir() else []


class Films:
    """Reads films of entries out of their shards, which stay open."""

    def __init__(self) -> None:
        self._shards: dict[Path, safe_open] = {}

    def frames(self, entry: Entry) -> UInt8[Tensor, "T H W 3"]:
        """The clip's frames, mirrored where the clip is."""
        return self._read(entry, "frames")

    def masks(self, entry: Entry) -> UInt8[Tensor, "T H W"]:
        """Which thing each pixel shows; 0 is none."""
        return self._read(entry, "masks")

    def _read(self, entry: Entry, name: str) -> Tensor:
        if entry.shard not in self._shards:
            self._shards[entry.shard] = safe_open(entry.shard, "pt")
        row: Tensor = self._shards[entry.shard].get_slice(name)[entry.row]  # type: ignore[no-untyped-call]  # Rust
        return torch.flip(row, dims=(2,)) if entry.mirrored else row
