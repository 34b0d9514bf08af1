"""Latents of clips, encoded once for each encoder and cached under its hash.

Latents belong to a model, not to footage: another encoder has another folder, another decoder has not. They are kept as
half-precision safetensors, one file for each shard of frames, written whole or not at all; the file's metadata says
which clip each row is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from itertools import groupby
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from langit.autoencoder.model import to_float
from langit.autoencoder.protocol import VideoAutoencoder
from langit.config import canonical, dump
from langit.device import placement_of
from langit.feed.catalogue import FrameReader, StoredClip
from langit.feed.clip_table import TABLE, ClipTable, ShardShapes, TableClip, latent_shapes
from langit.feed.tensors import write_tensors
from langit.feed.windows import window_starts
from langit.shapes import cell_size, whole_frames


@dataclass(frozen=True)
class LatentView:
    """A clip from one of its frames on, encoded as a video of its own.

    ``share`` is the share of each token's pixels that show a thing.
    """

    latents: Float[Tensor, "C F h w"]  # half precision, on the CPU
    share: Float[Tensor, "F r s"]

    @property
    def frames(self) -> int:
        """Latent frames."""
        return self.share.shape[0]


@dataclass(frozen=True)
class LatentClip:
    """A clip as the flow task reads it: the view of all of it, then the views that begin later."""

    digest: str
    captions: tuple[str, ...]
    views: tuple[LatentView, ...]


def encoder_hash(autoencoder: VideoAutoencoder) -> str:
    """SHA-256 over what decides latents, the encoder's weights and its config: the name of the cache."""
    own = is_dataclass(autoencoder.config)
    config = dump(autoencoder.config) if own else autoencoder.config_dict()
    config.pop("decoder_blocks", None)  # the decoder does not change latents
    # Another library's autoencoder may have layers between its encoder and the latents.
    state = autoencoder.encoder.state_dict() if own else autoencoder.state_dict()
    names = [name for name in sorted(state) if own or ".decoder." not in name]
    weights = save({name: state[name].contiguous() for name in names})
    return hashlib.sha256(weights + canonical(config)).hexdigest()


@torch.no_grad()
def latent_statistics(autoencoder: VideoAutoencoder, videos: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each latent channel over videos (B, 3, T, H, W)."""
    flat = torch.cat([autoencoder.encode(video).transpose(0, 1).flatten(1) for video in videos], dim=1)
    return flat.mean(dim=1), flat.std(dim=1)


def token_share(masks: UInt8[Tensor, "T H W"], time: int, cell: int) -> Float[Tensor, "F r s"]:
    """The share of thing pixels in every token.

    Args:
        masks: which thing each pixel shows; 0 is none.
        time: frames to a latent frame.
        cell: pixels to a side of a token.
    """
    is_thing = (masks > 0).float()
    # The first latent frame covers one pixel frame, as if that frame had been there ``time`` times.
    padded = torch.cat([is_thing[:1].expand(time - 1, -1, -1), is_thing])
    return functional.avg_pool3d(padded[None, None], (time, cell, cell))[0, 0]


@torch.no_grad()
def cache_latents(
    clips: Sequence[StoredClip],
    reader: FrameReader,
    autoencoder: VideoAutoencoder,
    folder: Path,
    report: Callable[[int, int], None],
    starts: int = 0,
    batch: int = 20,
) -> list[LatentClip]:
    """The latents of every clip; those that are not in the cache are encoded and kept.

    Args:
        clips: which clips, and where their frames lie.
        reader: reads the frames.
        autoencoder: whose latents they are; encoding runs where it is placed.
        folder: of the cache.
        report: called with the number of shards done, and of how many.
        starts: how many later frames of each clip to encode it from once more.
        batch: clips that are encoded at once.
    """
    latent_clips: list[LatentClip] = []
    for group, views in cached_files(clips, reader, autoencoder, folder, report, starts, batch):
        own = zip(*(_read_views(file, len(group)) for file in views), strict=True)
        latent_clips += [LatentClip(clip.digest, clip.captions, each) for clip, each in zip(group, own, strict=True)]
    return latent_clips


@torch.no_grad()
def cached_files(
    clips: Sequence[StoredClip],
    reader: FrameReader,
    autoencoder: VideoAutoencoder,
    folder: Path,
    report: Callable[[int, int], None],
    starts: int = 0,
    batch: int = 20,
) -> Iterator[tuple[list[StoredClip], tuple[Path, ...]]]:
    """The clips of each shard in order, and the files of their latents, one for each view; for arguments see above."""
    place = folder / encoder_hash(autoencoder)[:16]
    by_shard = [(shard, list(group)) for shard, group in groupby(clips, key=lambda clip: clip.shard)]
    for done, (shard, group) in enumerate(by_shard, start=1):
        views = []
        for start in (0, *window_starts(shard.stem, group[0].pixels.frames, starts)):
            stem = shard.stem if start == 0 else f"{shard.stem}-from-{start:03d}"
            # A shard's folder is named for its size, and the folder above for its world or its version of footage.
            file = place / shard.parent.parent.name / shard.parent.name / f"{stem}.safetensors"
            if _stored_digests(file) != [clip.digest for clip in group]:
                _encode_shard(group, reader, autoencoder, file, start, batch)
            views.append(file)
        yield group, tuple(views)
        report(done, len(by_shard))


def table_of_latents(
    clips: Sequence[StoredClip],
    reader: FrameReader,
    autoencoder: VideoAutoencoder,
    folder: Path,
    table: Path,
    key: str,
    report: Callable[[int, int], None],
    starts: int = 0,
) -> ClipTable:
    """A table on disk of these clips' latents, which are encoded where they are not in the cache.

    None of them stays in memory. For the other arguments see :func:`cache_latents`.

    Args:
        table: the folder of the table; one of the same ``key`` is opened, without a look at any latents.
        key: what the clips were chosen by.
    """
    key = f"{key} {encoder_hash(autoencoder)} {starts}"
    if (table / TABLE).exists() and (there := ClipTable(table)).key == key:
        return there

    def rows() -> Iterator[TableClip]:
        for group, views in cached_files(clips, reader, autoencoder, folder, report, starts):
            frames, grids = zip(*map(latent_shapes, views), strict=True)
            shapes = ShardShapes(tuple(map(str, views)), frames, grids[0])
            for row, clip in enumerate(group):
                yield TableClip(clip.digest, clip.captions, shapes, row)

    return ClipTable.write(table, rows(), key)


def _read_views(file: Path, count: int) -> list[LatentView]:
    with safe_open(file, "pt") as stored:
        latents, shares = stored.get_tensor("latents"), stored.get_tensor("shares").float()
    shares = shares.reshape(count, latents.shape[2], latents.shape[3] // 2, latents.shape[4] // 2)
    return [LatentView(*pair) for pair in zip(latents, shares, strict=True)]


def _stored_digests(file: Path) -> list[str] | None:
    """The clips of a cache file; None where it is missing or damaged, and has to be encoded again."""
    if not file.exists():
        return None
    try:
        with safe_open(file, "pt") as stored:
            digests: list[str] = json.loads(stored.metadata()["clips"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None
    return digests


def _encode_shard(
    group: Sequence[StoredClip], reader: FrameReader, autoencoder: VideoAutoencoder, file: Path, start: int, batch: int
) -> None:
    latents, shares = [], []
    placement = placement_of(autoencoder)
    time, cell = autoencoder.compression.time, cell_size(autoencoder.compression)
    # The encoder takes 1 + 4k frames; what is left over at the end is not encoded.
    end = start + whole_frames(group[0].pixels.frames - start, autoencoder.compression)
    for part in _parts(group, batch):
        frames = torch.stack([reader.frames(clip)[start:end] for clip in part])
        latents.append(autoencoder.encode(placement.put(to_float(frames))).cpu().half())
        shares += [token_share(reader.masks(clip)[start:end], time, cell).flatten().half() for clip in part]
    tensors = {"latents": torch.cat(latents), "shares": torch.stack(shares)}
    write_tensors(file, tensors, {"clips": json.dumps([clip.digest for clip in group])})


def _parts(group: Sequence[StoredClip], size: int) -> Iterator[Sequence[StoredClip]]:
    for start in range(0, len(group), size):
        yield group[start : start + size]
