"""Real clips for training: those of a manifest that the ledger still allows, decoded once at the wanted size.

A clip's stretch of its file is cropped to the wanted aspect, scaled, and sampled at the wanted rate by the time stamps
of its frames, so that files of uneven rates are right. The frames are kept in shards like those of rendered films, from
which latents are cached and batches are made. A clip that is shorter than the wanted length is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from safetensors import SafetensorError, safe_open

from langit import files, video
from langit.curate.places import read_places
from langit.feed.catalogue import ClipRecords, FootageClip
from langit.feed.tensors import write_tensors
from langit.ledger.derived import Manifest
from langit.ledger.record import Clip
from langit.ledger.store import Ledger
from langit.shapes import PixelShape

CLIPS_PER_SHARD: Final = 32
VERSION: Final = "footage-1"  # of how clips become frames; another version is another folder, so frames are made again


@dataclass(frozen=True)
class TrainingFormat:
    """The size that footage is trained at, and frames a second."""

    pixels: PixelShape
    fps: float

    @property
    def seconds(self) -> float:
        """From the first frame's time to the last one's."""
        return (self.pixels.frames - 1) / self.fps


@dataclass(frozen=True)
class TrainingSet:
    """A manifest of the ledger, and the digests of the clips that it lists."""

    manifest: Manifest
    clips: frozenset[str]


def find_training_set(ledger: Ledger, name: str) -> TrainingSet:
    """The manifest of this digest, or the newest of this name, with its listing.

    A folder that was curated gives its name to a manifest, so a path's last part is tried as well.

    Raises:
        ValueError: there is none; the message lists those that there are.
    """
    manifests = ledger.manifests()
    for manifest in reversed(manifests):
        if manifest.digest == name or manifest.name in (name, Path(name).name):
            return TrainingSet(manifest, frozenset(ledger.evidence.get(manifest.listing).decode().split()))
    known = ", ".join(dict.fromkeys(manifest.name for manifest in manifests))
    there = f"there is {known}" if known else "there is none yet: langit curate makes them"
    raise ValueError(f"there is no manifest {name!r} in {ledger.place}: {there}")


def footage_clips(
    records: ClipRecords,
    chosen: TrainingSet,
    places: Path,
    folder: Path,
    wanted: TrainingFormat,
    report: Callable[[int, int], None],
) -> tuple[FootageClip, ...]:
    """The clips of a training set at one size; frames that are not kept already are decoded now.

    Args:
        records: says whether each clip may still be used, and which captions it has.
        chosen: which clips.
        places: the file in which curation noted where files lie, see `curate.places`.
        folder: where frames are kept.
        wanted: what they are trained at.
        report: called with the number of clips done, and of how many.

    Raises:
        ValueError: no clip can be used, with the reason; or a file is not where it was, or was changed.
    """
    usable = _usable(records, chosen, wanted)
    paths = None
    found: list[FootageClip] = []
    for group in _groups(usable):
        digests = [clip.digest for clip in group]
        shard = folder / VERSION / f"{wanted.pixels}@{wanted.fps:g}" / f"{shard_name(digests)}.safetensors"
        if stored_digests(shard) != digests:
            paths = read_places(places) if paths is None else paths
            sources = [records.sources[clip.source].content_sha256 for clip in group]
            frames = [
                clip_frames(locate_file(paths, sha256), clip, wanted)
                for sha256, clip in zip(sources, group, strict=True)
            ]
            write_shard(shard, digests, np.stack(frames))
        for row, clip in enumerate(group):
            captions = clip_captions(records, clip)
            found.append(FootageClip(clip.digest, captions, wanted.pixels, clip.mirrored, shard, row, wanted.fps))
        report(len(found), len(usable))
    return tuple(found)


def _usable(records: ClipRecords, chosen: TrainingSet, wanted: TrainingFormat) -> list[Clip]:
    """The set's clips that are allowed, long enough and captioned.

    Raises:
        ValueError: there are none; the message counts what each was left out for.
    """
    name, listed = chosen.manifest.name, len(chosen.clips)
    allowed = [clip for clip in records.clips if clip.digest in chosen.clips]
    if not allowed:
        rules = {refusal.decision.rule for refusal in records.refused if refusal.clip.digest in chosen.clips}
        why = "; ".join(sorted(rules)) or "the ledger does not hold them"
        raise ValueError(f"manifest {name!r}: none of its {listed} clips may be used any more ({why}): curate again")
    long = [clip for clip in allowed if clip_seconds(clip) >= wanted.seconds]
    _check_not_pictures(name, allowed, wanted.pixels)
    usable = [clip for clip in long if clip_captions(records, clip)]
    if not usable:
        what = f"manifest {name!r} has no clip for {wanted.pixels} at {wanted.fps:g} frames a second"
        longest = max(clip_seconds(clip) for clip in allowed)
        if not long:
            raise ValueError(
                f"{what}: {len(allowed)} of its {listed} are allowed, and the longest lasts {longest:.3g} s where"
                f" {wanted.seconds:.3g} s are needed: train at fewer frames"
            )
        raise ValueError(
            f"{what}: {len(allowed)} of its {listed} are allowed, {len(long)} of these are long enough, and none of"
            " these has a caption: caption them with langit curate"
        )
    return usable


def _check_not_pictures(name: str, clips: Sequence[Clip], pixels: PixelShape) -> None:
    if pixels.frames > 1 and clips and all(clip.is_picture for clip in clips):
        raise ValueError(
            f"manifest {name!r}: its {len(clips)} clips are pictures, and {pixels} is a film's size: train a recipe"
            f" with buckets, such as small, or at {pixels.width}x{pixels.height}x1"
        )


def held_out_footage(records: ClipRecords, chosen: TrainingSet, longest: TrainingFormat) -> frozenset[str]:
    """The held-out clips of a model trained on footage only: a tenth, at least one if there are two or more.

    They say how near real clips are to each other (`release.nearest`). The choice follows from the digests of the clips
    that last long enough for the longest format, whether or not they may still be used, so that it is the same later.

    Raises:
        ValueError: fewer than two clips.
    """
    known = (*records.clips, *(refusal.clip for refusal in records.refused))
    listed = [clip for clip in known if clip.digest in chosen.clips and clip_captions(records, clip)]
    _check_not_pictures(chosen.manifest.name, listed, longest.pixels)
    long = [clip.digest for clip in listed if clip_seconds(clip) >= longest.seconds]
    if len(long) < 2:
        raise ValueError(
            f"manifest {chosen.manifest.name!r} has {len(long)} captioned clips that last {longest.seconds:.3g} s,"
            f" which {longest.pixels} at {longest.fps:g} frames a second needs: give at least 2, of which one is held"
            " out, or train at fewer frames"
        )
    return ranked_held_out(long)


def ranked_held_out(digests: Sequence[str]) -> frozenset[str]:
    """A tenth of these clips, at least one, chosen by their digests."""
    ranked = sorted(digests, key=lambda digest: hashlib.sha256(f"held-out:{digest}".encode()).digest())
    return frozenset(ranked[: max(1, len(ranked) // 10)])


def clip_frames(path: Path, clip: Clip, wanted: TrainingFormat) -> UInt8[np.ndarray, "T H W 3"]:
    """The clip's first frames at the wanted rate and size: for each moment, the frame that is on screen then.

    Raises:
        ValueError: the file has no frame where the clip begins.
    """
    times = [number / wanted.fps for number in range(wanted.pixels.frames)]
    frames: list[np.ndarray] = []
    rate, first, before = float(Fraction(clip.fps or "1")), None, None
    for number, picture in enumerate(video.decode(path)):
        if number < clip.start:
            continue
        if number >= clip.start + clip.frames:
            break
        # Some streams carry no time stamps; there the nominal rate is all there is.
        seconds = number / rate if picture.seconds is None else picture.seconds
        first = seconds if first is None else first
        # The tolerance keeps a frame whose stamp equals the moment up to rounding: it is on screen at that moment.
        while before is not None and len(frames) < len(times) and seconds - first > times[len(frames)] + 1e-6:
            frames.append(crop_and_scale(before.rgb(), clip.crop, wanted.pixels))
        if len(frames) == len(times):
            break
        before = picture
    while before is not None and len(frames) < len(times):
        frames.append(crop_and_scale(before.rgb(), clip.crop, wanted.pixels))
    if not frames:
        raise ValueError(f"{path} has no frame {clip.start}: it is not the file that was curated")
    return np.stack(frames)


def crop_and_scale(
    frame: UInt8[np.ndarray, "H W 3"], crop: str | None, pixels: PixelShape
) -> UInt8[np.ndarray, "h w 3"]:
    """A frame without its bars, its middle cropped to the wanted aspect and scaled to the wanted size.

    Args:
        frame: as decoded, upright.
        crop: the picture inside the bars as WIDTHxHEIGHT+LEFT+TOP, or None where there are no bars.
        pixels: the wanted size.
    """
    if crop is not None:
        width, height, left, top = (int(number) for number in re.split(r"[x+]", crop))
        frame = frame[top : top + height, left : left + width]
    height, width = frame.shape[:2]
    scale = max(pixels.height / height, pixels.width / width)
    height, width = (
        min(side, round(length / scale)) for side, length in ((height, pixels.height), (width, pixels.width))
    )
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    image = Image.fromarray(np.ascontiguousarray(frame[top : top + height, left : left + width]))
    # A box filter averages whole pixels when shrinking, without the ringing of bicubic.
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(image.resize((pixels.width, pixels.height), resampling))


def locate_file(paths: Mapping[str, str], sha256: str) -> Path:
    """The path of a file, after checking that its bytes are still those that were curated."""
    if sha256 not in paths:
        raise ValueError(f"nothing says where the file {sha256} is on this machine: run langit curate again")
    path = Path(paths[sha256])
    if not path.is_file():
        raise ValueError(f"the file {sha256} is not at {path} any more: bring it back, or run langit curate again")
    if files.sha256(path) != sha256:
        raise ValueError(f"{path} was changed after it was curated: run langit curate again")
    return path


def clip_captions(records: ClipRecords, clip: Clip) -> tuple[str, ...]:
    """Those of the clip's own record, then those that were entered later."""
    return (*clip.captions, *records.captions.get(clip.digest, ()))


def clip_seconds(clip: Clip) -> float:
    """How long a clip lasts, from its first frame to the end of its last."""
    return float(Fraction(clip.ends_at or "0") - Fraction(clip.starts_at or "0"))


def shard_name(digests: Sequence[str]) -> str:
    """The name of the shard that holds these clips in this order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def stored_digests(shard: Path) -> list[str] | None:
    """The clips of a shard; None where it is missing or damaged, and has to be made."""
    if not shard.exists():
        return None
    try:
        with safe_open(shard, "numpy") as stored:
            digests: list[str] = json.loads(stored.metadata()["clips"])
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None
    return digests


def write_shard(shard: Path, digests: Sequence[str], frames: UInt8[np.ndarray, "N T H W 3"]) -> None:
    """Write frames in the format of rendered films. Real footage has no marked things, so its masks are empty."""
    tensors = {"frames": torch.from_numpy(frames), "masks": torch.zeros(frames.shape[:4], dtype=torch.uint8)}
    write_tensors(shard, tensors, {"clips": json.dumps(list(digests))})


def _groups(clips: Sequence[Clip]) -> Iterator[Sequence[Clip]]:
    for start in range(0, len(clips), CLIPS_PER_SHARD):
        yield clips[start : start + CLIPS_PER_SHARD]
