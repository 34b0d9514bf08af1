"""Latents of clips, made once for each encoder and kept by its hash.

Latents belong to a model, not to footage: another encoder has another folder; another decoder has not. Kept as
half-precision safetensors, one file for each shard of films, written whole or not at all; which clip each row is stands
in the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save, save_file
from torch import Tensor
from torch.nn import functional

from langit.autoencoder.model import Autoencoder, to_float
from langit.config import canonical, dump
from langit.feed.catalogue import Entry, Films
from langit.feed.windows import starts_of
from langit.files import atomic_write
from langit.shapes import whole_frames


@dataclass(frozen=True)
class View:
    """A clip from one of its frames on. ``share`` is the share of each token's pixels that show a thing."""

    latents: Float[Tensor, "C F h w"]  # half precision
    share: Float[Tensor, "F r s"]

    @property
    def frames(self) -> int:
        """Latent frames."""
        return self.share.shape[0]


@dataclass(frozen=True)
class LatentClip:
    """A clip as the flow task reads it: all of it, then its later parts, each encoded as a video of its own."""

    digest: str
    captions: tuple[str, ...]
    views: tuple[View, ...]


def encoder_hash(autoencoder: Autoencoder) -> str:
    """SHA-256 over what decides latents, the encoder's weights and its config: the name of the cache."""
    config = dump(autoencoder.config)
    del config["decoder_blocks"]
    weights = save({name: value.contiguous() for name, value in sorted(autoencoder.encoder.state_dict().items())})
    return hashlib.sha256(weights + canonical(config)).hexdigest()


@torch.no_grad()
def latent_statistics(autoencoder: Autoencoder, videos: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each latent channel over videos (B, 3, T, H, W)."""
    flat = torch.cat([autoencoder.encode(video).transpose(0, 1).flatten(1) for video in videos], dim=1)
    return flat.mean(dim=1), flat.std(dim=1)


def token_share(masks: Tensor, time: int, cell: int) -> Float[Tensor, "F r s"]:
    """Share of thing pixels in every token: masks (T, H, W), ``time`` frames and ``cell`` pixels to a token side."""
    there = (masks > 0).float()
    padded = torch.cat([there[:1].expand(time - 1, -1, -1), there])
    return functional.avg_pool3d(padded[None, None], (time, cell, cell))[0, 0]


@torch.no_grad()
def cache_latents(
    entries: Sequence[Entry],
    films: Films,
    autoencoder: Autoencoder,
    folder: Path,
    report: Callable[[int, int], None],
    starts: int = 0,
    batch: int = 20,
) -> list[LatentClip]:
    """The latents of every entry, from the cache where they are there, encoded and kept where not.

    Args:
        entries: clips and where their films lie.
        films: reads them.
        autoencoder: whose latents they are.
        folder: of the cache.
        report: told of shards done, of how many.
        starts: later frames of each film from which it is encoded once more.
        batch: films that are encoded at once.
    """
    place = folder / encoder_hash(autoencoder)[:16]
    by_shard = [(shard, list(group)) for shard, group in groupby(entries, key=lambda entry: entry.shard)]
    clips: list[LatentClip] = []
    for done, (shard, group) in enumerate(by_shard):
        rows = []
        for start in (0, *starts_of(shard.stem, group[0].pixels.frames, starts)):
            stem = shard.stem if start == 0 else f"{shard.stem}-from-{start:03d}"
            file = place / shard.parent.parent.name / shard.parent.name / f"{stem}.safetensors"  # of a world, of a size
            if _clips_of(file) != [entry.clip for entry in group]:
                _encode(group, films, autoencoder, file, start, batch)
            with safe_open(file, "pt") as stored:
                latents, shares = stored.get_tensor("latents"), stored.get_tensor("shares").float()
            shares = shares.reshape(len(group), latents.shape[2], latents.shape[3] // 2, latents.shape[4] // 2)
            rows.append([View(*pair) for pair in zip(latents, shares, strict=True)])
        clips += [
            LatentClip(entry.clip, entry.captions, views)
            for entry, views in zip(group, zip(*rows, strict=True), strict=True)
        ]
        report(done + 1, len(by_shard))
    return clips


def _clips_of(file: Path) -> list[str] | None:
    if not file.exists():
        return None
    try:
        with safe_open(file, "pt") as stored:
            found: list[str] = json.loads(stored.metadata()["clips"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None  # damaged: encoded again
    return found


def _encode(group: Sequence[Entry], films: Films, autoencoder: Autoencoder, file: Path, start: int, batch: int) -> None:
    latents, shares = [], []
    time, cell = autoencoder.config.time, 2 * autoencoder.config.space
    end = start + whole_frames(group[0].pixels.frames - start, autoencoder.config.compression)
    for part in _parts(group, batch):
        video = to_float(torch.stack([films.frames(entry)[start:end] for entry in part]))
        latents.append(autoencoder.encode(video).half())
        shares += [token_share(films.masks(entry)[start:end], time, cell).flatten().half() for entry in part]
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {"latents": torch.cat(latents), "shares": torch.stack(shares)}
    with atomic_write(file, durable=True) as unfinished:
        save_file(whole, unfinished, metadata={"clips": json.dumps([entry.clip for entry in group])})


def _parts(group: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    for start in range(0, len(group), size):
        yield group[start : start + size]
