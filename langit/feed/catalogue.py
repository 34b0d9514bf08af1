"""What may be trained on, and where its pixels lie: the ledger's allowed clips joined with the files on disk.

The ledger decides. A film on disk that the ledger does not know or does not allow never becomes a training clip.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from safetensors import safe_open
from torch import Tensor

from langit.ledger.part import ClipsOnRecord, read_clips
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger, Refusal
from langit.shapes import PixelShape
from langit.worlds.shard import Shard, folder_of, open_shards
from langit.worlds.world import WORLDS

_WORLD_ORDER = {version: number for number, version in enumerate(WORLDS)}


@dataclass(frozen=True)
class StoredClip:
    """A clip that may be trained on, and the row of the safetensors shard that holds its frames."""

    digest: str  # in the ledger
    captions: tuple[str, ...]
    pixels: PixelShape
    mirrored: bool
    shard: Path
    row: int


@dataclass(frozen=True)
class FilmClip(StoredClip):
    """A clip of a rendered film: the version of its world, and the seed that the film was rendered from."""

    world: str
    seed: int


@dataclass(frozen=True)
class FootageClip(StoredClip):
    """A clip of real footage, or a piece of it that begins ``starts`` seconds later, at ``fps`` frames a second."""

    fps: float
    starts: float = 0.0


@dataclass(frozen=True)
class ClipRecords:
    """What the ledger says about clips, read once: which may be trained on, their sources, their captions.

    ``size`` is the number of ledger entries at the time of reading. A value is out of date, and a take-down may be
    missing from it, as soon as the ledger is longer.
    """

    size: int
    clips: tuple[Clip, ...]
    refused: tuple[Refusal, ...]
    sources: Mapping[str, Source]  # by digest
    captions: Mapping[str, tuple[str, ...]]  # by clip digest: those entered after the clip

    @classmethod
    def read(cls, ledger: Ledger, policy: Policy, wanted: Collection[str] | None = None) -> ClipRecords:
        """Read them from the ledger, under a policy that says which licences and consents are enough.

        ``wanted`` are the digests of the only clips to be read; all are where it is left out.
        """
        size = ledger.size  # before the rest: an entry made meanwhile leaves the value out of date, never too new
        if wanted is None:
            found = ClipsOnRecord(ledger.allowed_clips(policy), ledger.sources(), ledger.captions())
        else:
            found = read_clips(ledger, wanted, policy)
        selection, captions = found.selection, dict[str, tuple[str, ...]]()
        for caption in found.captions:
            captions[caption.clip] = (*captions.get(caption.clip, ()), caption.text)
        sources = {source.digest: source for source in found.sources}
        return cls(size, tuple(selection.clips), tuple(selection.refused), sources, captions)


def film_clips(records: ClipRecords, folder: Path, redrawn: bool = False) -> tuple[FilmClip, ...]:
    """The allowed clips of rendered films that are on disk, in the order of size, world and seed.

    Args:
        records: what the ledger allows.
        folder: of rendered films, see `worlds.shard`.
        redrawn: also give films that another renderer drew, for comparing what clips show. Their motion is the recorded
            one and their pixels differ a little. Never for training, which may see only the pixels on record.
    """
    sources = records.sources.values()
    rows: dict[tuple[str, str, str], tuple[Path, int]] = {}
    for world, size in sorted({(source.generator_version or "", source.size) for source in sources if source.size}):
        for shard in _shards(folder, PixelShape.parse(size), world):
            for row, hashes in enumerate(shard.hashes):
                rows[world, size, hashes["pixels"]] = (shard.path, row)
                if redrawn:
                    # A scene moves the same at every size, so the hash alone would not tell two films apart.
                    rows.setdefault((world, size, hashes["motion"]), (shard.path, row))
    films = []
    for clip in records.clips:
        source = records.sources[clip.source]
        world, size = source.generator_version or "", source.size or ""
        place = rows.get((world, size, source.content_sha256))
        if place is None and redrawn:
            place = rows.get((world, size, source.motion_sha256 or ""))
        if place is not None and source.size is not None and source.seed is not None:
            pixels = PixelShape.parse(source.size)
            films.append(FilmClip(clip.digest, clip.captions, pixels, clip.mirrored, *place, world, source.seed))
    # The order decides which clips share a batch, so it must not change when a later world is added: worlds sort by
    # when they were added to the code, not by name.
    films.sort(
        key=lambda film: (film.pixels, _WORLD_ORDER.get(film.world, 0), film.shard.name, film.row, film.mirrored)
    )
    return tuple(films)


def _shards(folder: Path, pixels: PixelShape, world: str) -> list[Shard]:
    return open_shards(folder, pixels, world) if folder_of(folder, pixels, world).is_dir() else []


class FrameReader:
    """Reads the frames of clips out of their shards, which stay open (memory-mapped)."""

    def __init__(self) -> None:
        self._shards: dict[Path, safe_open] = {}

    def frames(self, clip: StoredClip) -> UInt8[Tensor, "T H W 3"]:
        """The clip's frames, mirrored where the clip is."""
        return self._read(clip, "frames")

    def masks(self, clip: StoredClip) -> UInt8[Tensor, "T H W"]:
        """Which thing each pixel shows; 0 is none."""
        return self._read(clip, "masks")

    def _read(self, clip: StoredClip, name: str) -> Tensor:
        if clip.shard not in self._shards:
            self._shards[clip.shard] = safe_open(clip.shard, "pt")
        row: Tensor = self._shards[clip.shard].get_slice(name)[clip.row]  # type: ignore[no-untyped-call]  # Rust
        return torch.flip(row, dims=(2,)) if clip.mirrored else row
