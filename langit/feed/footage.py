"""Real clips for training: those of a manifest that the ledger still allows, decoded once to the size that is trained.

A clip's stretch of its file is cut to the wanted shape, scaled, and taken at the wanted rate by the time of each frame,
so that files of uneven rates are right. What comes of it is kept in shards like those of rendered films, by which the
latents are cached and batches are made. A clip that is shorter than is wanted gives none.

Where files lie is a fact of this machine, which curation notes: the ledger knows their hashes only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from langit import files, video
from langit.feed.catalogue import Entry
from langit.files import atomic_write
from langit.ledger.derived import Manifest
from langit.ledger.policy import Policy
from langit.ledger.record import Clip
from langit.ledger.store import Ledger
from langit.shapes import PixelShape

CLIPS: Final = 32  # in a shard
VERSION: Final = "footage-1"  # of how clips become frames: frames of another version are made again


@dataclass(frozen=True)
class Wanted:
    """A size to train at, and frames a second."""

    pixels: PixelShape
    fps: float


def find_manifest(ledger: Ledger, name: str) -> Manifest:
    """The manifest of this digest, or the newest of this name.

    Raises:
        ValueError: there is none.
    """
    manifests = ledger.manifests()
    for manifest in reversed(manifests):
        if name in (manifest.digest, manifest.name):
            return manifest
    known = ", ".join(dict.fromkeys(manifest.name for manifest in manifests)) or "none: langit curate makes them"
    raise ValueError(f"there is no manifest {name!r} in {ledger.place}: there is {known}")


def footage_entries(
    ledger: Ledger,
    policy: Policy,
    manifest: Manifest,
    places: Path,
    folder: Path,
    wanted: Wanted,
    report: Callable[[int, int], None],
) -> tuple[Entry, ...]:
    """Entries for the clips of a manifest, whose frames are decoded where they are not kept already.

    Args:
        ledger: says whether each clip may still be used, and which captions it has.
        policy: what may be learnt from.
        manifest: which clips.
        places: the file in which curation noted where files lie, by hash.
        folder: where frames are kept.
        wanted: what they are trained at.
        report: told of clips done, of how many.

    Raises:
        ValueError: a file is not where it was, or was changed; or no clip is left.
    """
    listed = set(ledger.evidence.get(manifest.listing).decode().split())
    clips = [clip for clip in ledger.allowed_clips(policy).clips if clip.digest in listed]
    words: dict[str, list[str]] = {}
    for caption in ledger.captions():
        words.setdefault(caption.clip, []).append(caption.text)
    hashes = {source.digest: source.content_sha256 for source in ledger.sources()}
    usable = [clip for clip in clips if _seconds(clip) >= (wanted.pixels.frames - 1) / wanted.fps]
    usable = [clip for clip in usable if clip.captions or words.get(clip.digest)]
    if not usable:
        raise ValueError(
            f"manifest {manifest.name!r} has no clip for {wanted.pixels} at {wanted.fps:g} frames a second:"
            f" of its {manifest.clips}, {len(clips)} are allowed, none is long enough and has a caption"
        )
    files = _noted(places)
    entries: list[Entry] = []
    for batch in _batches(usable):
        digests = [clip.digest for clip in batch]
        shard = folder / VERSION / f"{wanted.pixels}@{wanted.fps:g}" / f"{_name(digests)}.safetensors"
        if _kept(shard) != digests:
            frames = [clip_frames(_file(files, hashes[clip.source]), clip, wanted) for clip in batch]
            _keep(shard, digests, np.stack(frames))
        for row, clip in enumerate(batch):
            said = (*clip.captions, *words.get(clip.digest, ()))
            entries.append(Entry(clip.digest, said, wanted.pixels, row, clip.mirrored, shard, row))
        report(len(entries), len(usable))
    return tuple(entries)


def clip_frames(path: Path, clip: Clip, wanted: Wanted) -> UInt8[np.ndarray, "T H W 3"]:
    """The clip's first frames at the wanted rate and size: of each moment the frame that is shown then."""
    times = [number / wanted.fps for number in range(wanted.pixels.frames)]
    found: list[np.ndarray] = []
    rate, first, before = float(Fraction(clip.fps or "1")), None, None
    for number, picture in enumerate(video.decode(path)):
        if number < clip.start:
            continue
        if number >= clip.start + clip.frames:
            break
        seconds = number / rate if picture.seconds is None else picture.seconds
        first = seconds if first is None else first
        while before is not None and len(found) < len(times) and seconds - first > times[len(found)] + 1e-6:
            found.append(fitted(before.rgb(), clip.crop, wanted.pixels))
        if len(found) == len(times):
            break
        before = picture
    while before is not None and len(found) < len(times):
        found.append(fitted(before.rgb(), clip.crop, wanted.pixels))
    if not found:
        raise ValueError(f"{path} has no frame {clip.start}: it is not the file that was curated")
    return np.stack(found)


def fitted(frame: UInt8[np.ndarray, "H W 3"], crop: str | None, pixels: PixelShape) -> UInt8[np.ndarray, "h w 3"]:
    """A frame without its bars, its middle cut to the wanted shape and scaled by area to the wanted size."""
    if crop is not None:
        wide, high, left, top = (int(each) for each in re.split(r"[x+]", crop))
        frame = frame[top : top + high, left : left + wide]
    high, wide = frame.shape[:2]
    scale = max(pixels.height / high, pixels.width / wide)
    high, wide = (min(side, round(length / scale)) for side, length in ((high, pixels.height), (wide, pixels.width)))
    top, left = (frame.shape[0] - high) // 2, (frame.shape[1] - wide) // 2
    image = Image.fromarray(np.ascontiguousarray(frame[top : top + high, left : left + wide]))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(image.resize((pixels.width, pixels.height), how))


def _seconds(clip: Clip) -> float:
    return float(Fraction(clip.ends_at or "0") - Fraction(clip.starts_at or "0"))


def _noted(places: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(places.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{places} does not say where footage lies: run langit curate again") from error
    return found


def _file(places: dict[str, str], sha256: str) -> Path:
    path = Path(places.get(sha256, ""))
    if sha256 not in places or not path.is_file():
        raise ValueError(f"the file {sha256} is not at {path}: bring it back, and run langit curate again")
    if files.sha256(path) != sha256:
        raise ValueError(f"{path} was changed after it was curated: run langit curate again")
    return path


def _name(digests: Sequence[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def _kept(shard: Path) -> list[str] | None:
    if not shard.exists():
        return None
    try:
        with safe_open(shard, "numpy") as stored:
            found: list[str] = json.loads(stored.metadata()["clips"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None
    return found


def _keep(shard: Path, digests: Sequence[str], frames: UInt8[np.ndarray, "N T H W 3"]) -> None:
    """Nobody has marked things in real footage: its masks are empty."""
    shard.parent.mkdir(parents=True, exist_ok=True)
    tensors = {"frames": frames, "masks": np.zeros(frames.shape[:4], np.uint8)}
    with atomic_write(shard, durable=True) as unfinished:
        save_file(tensors, unfinished, metadata={"clips": json.dumps(list(digests))})


def _batches(clips: Sequence[Clip]) -> Iterator[Sequence[Clip]]:
    for start in range(0, len(clips), CLIPS):
        yield clips[start : start + CLIPS]
