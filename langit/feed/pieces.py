"""Footage at its own shape: the clips of a manifest, each at the bucket that fits it, cut into pieces of its length.

Says what becomes of every clip: which size, how much of its picture is kept, and why clips are left out. Pieces are
decoded once, file by file, and kept in shards like those of rendered films.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import UInt8

from langit import video
from langit.feed.buckets import BucketConfig, ClipShape, bucket_of, choose_sizes, kept_share, piece_starts
from langit.feed.catalogue import ClipRecords, FootageClip
from langit.feed.footage import (
    CLIPS_PER_SHARD,
    TrainingSet,
    clip_captions,
    clip_seconds,
    crop_and_scale,
    locate_file,
    ranked_held_out,
    shard_name,
    stored_digests,
    write_shard,
)
from langit.ledger.record import Clip
from langit.shapes import PixelShape

VERSION: Final = "footage-2"  # of how pieces become frames; another version is another folder


@dataclass(frozen=True)
class Piece:
    """A stretch of a clip that is learnt as one video of ``pixels``; ``starts`` is in seconds from the clip's start."""

    clip: Clip
    pixels: PixelShape
    starts: float


@dataclass(frozen=True)
class FootagePlan:
    """What is learnt of a manifest at these sizes, and what is left out, with the number of clips for each reason."""

    sizes: tuple[PixelShape, ...]
    fps: float
    pieces: tuple[Piece, ...]
    left_out: Mapping[str, int]
    held_out: frozenset[str]

    def lines(self) -> Iterator[str]:
        """The plan in words, a line for each size and each reason."""
        for size in self.sizes:
            own = [piece for piece in self.pieces if piece.pixels == size]
            clips = {piece.clip.digest: piece.clip for piece in own}
            kept = [kept_share(clip_shape(clip), size.width, size.height) for clip in clips.values()]
            seconds = sum(size.frames for _ in own) / self.fps
            if own:
                share = f"{min(kept):.0%}" if max(kept) - min(kept) < 0.005 else f"{min(kept):.0%} to {max(kept):.0%}"
                if all(clip.is_picture for clip in clips.values()):
                    yield f"{size.width}x{size.height}: {len(clips)} pictures, {share} of the picture kept"
                    continue
                yield (
                    f"{size} at {self.fps:g} frames a second: {len(clips)} clips in {len(own)} pieces, {seconds:.0f} s,"
                    f" {share} of the picture kept"
                )
        for reason, count in self.left_out.items():
            yield f"left out: {count} clips, {reason}"
        held = {piece.clip.digest for piece in self.pieces} & self.held_out
        yield f"held out: {len(held)} of these clips, to say how near real clips are to each other"


def clip_shape(clip: Clip) -> ClipShape:
    """The shape of a clip's picture inside its bars, and its length."""
    width, height = (int(number) for number in (clip.crop or clip.size or "1x1").split("+")[0].split("x"))
    return ClipShape(width, height, clip_seconds(clip), clip.is_picture)


def manifest_sizes(
    records: ClipRecords, chosen: TrainingSet, config: BucketConfig, fps: float
) -> tuple[PixelShape, ...]:
    """The sizes that a manifest's clips are learnt at.

    Clips that may not be used any more count as well, so that a take-down does not make the run another one.

    Raises:
        ValueError: no clip is large and long enough.
    """
    known = (*records.clips, *(refusal.clip for refusal in records.refused))
    shapes = [clip_shape(clip) for clip in known if clip.digest in chosen.clips]
    sizes = choose_sizes(shapes, config, fps)
    if not sizes and all(shape.still for shape in shapes):
        raise ValueError(
            f"manifest {chosen.manifest.name!r}: none of its {len(shapes)} pictures is as large as the smallest size,"
            " 16x16 pixels: give larger ones"
        )
    if not sizes:
        longest = max((shape.seconds for shape in shapes), default=0.0)
        raise ValueError(
            f"manifest {chosen.manifest.name!r}: none of its {len(shapes)} clips is large and long enough: the longest"
            f" lasts {longest:.3g} s where {config.frames[0]} frames at {fps:g} a second take"
            f" {(config.frames[0] - 1) / fps:.3g} s; train at fewer frames (buckets.frames) or a higher rate (fps)"
        )
    return sizes


def bucketed_held_out(
    records: ClipRecords, chosen: TrainingSet, sizes: Sequence[PixelShape], fps: float, shortest: int = 1
) -> frozenset[str]:
    """The clips that a model trained at these sizes does not learn: a tenth, at least one, of films as of pictures.

    Of a single film, or a single picture, none is held out if there is anything else. As in `feed.footage`, clips that
    may not be used any more count as well, so that the split stays what it was.

    Raises:
        ValueError: fewer than two clips fit and have captions.
    """
    known = (*records.clips, *(refusal.clip for refusal in records.refused))
    listed = {clip.digest: clip for clip in known if clip.digest in chosen.clips and clip_captions(records, clip)}
    fitting = [
        digest for digest, clip in listed.items() if bucket_of(clip_shape(clip), sizes, fps, shortest) is not None
    ]
    if len(fitting) < 2:
        raise ValueError(
            f"manifest {chosen.manifest.name!r} has {len(fitting)} captioned clips of {max(shortest, _least(sizes))}"
            f" frames at {fps:g} a second or more: give at least 2, of which one is held out"
            f"{_uncaptioned(records, chosen)}"
        )
    pictures = [digest for digest in fitting if listed[digest].is_picture]
    films = [digest for digest in fitting if not listed[digest].is_picture]
    kinds = [kind for kind in (films, pictures) if len(kind) > 1] or [fitting]
    return frozenset().union(*map(ranked_held_out, kinds))


def _least(sizes: Sequence[PixelShape]) -> int:
    return min(size.frames for size in sizes)


def _uncaptioned(records: ClipRecords, chosen: TrainingSet) -> str:
    bare = sum(clip.digest in chosen.clips and not clip_captions(records, clip) for clip in records.clips)
    return f"; {bare} of its clips have no caption: caption them with langit curate" if bare else ""


def plan_footage(
    records: ClipRecords,
    chosen: TrainingSet,
    sizes: Sequence[PixelShape],
    fps: float,
    held_out: frozenset[str] = frozenset(),
    most: int = 64,
    shortest: int = 1,
) -> FootagePlan:
    """Say what is learnt of a manifest at these sizes; ``most`` limits the pieces of a clip.

    Films are learnt at sizes of ``shortest`` frames or more.

    Raises:
        ValueError: no clip can be learnt; the message counts the reasons.
    """
    known = (*records.clips, *(refusal.clip for refusal in records.refused))
    listed = {clip.digest: clip for clip in known if clip.digest in chosen.clips}
    rules = {refusal.clip.digest: refusal.decision.rule for refusal in records.refused}
    left_out, pieces = Counter[str](), list[Piece]()
    barred = [rules[digest] for digest in listed if digest in rules]
    if barred:  # one reason for all: each rule names its own moment
        left_out[f"may not be used any more ({barred[0]})"] = len(barred)
    for digest, clip in listed.items():
        shape = clip_shape(clip)
        size = bucket_of(shape, sizes, fps, shortest)
        if digest in rules:
            continue
        if size is None:
            left_out[_misfit(shape, sizes, fps, shortest)] += 1
        elif not clip_captions(records, clip):
            left_out["without a caption"] += 1
        else:
            pieces += [Piece(clip, size, start) for start in piece_starts(shape.seconds, size, fps, most)]
    if chosen.clips - listed.keys():
        left_out["which the ledger does not hold"] = len(chosen.clips - listed.keys())
    if all(piece.clip.digest in held_out for piece in pieces):
        reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        what = "every clip that could be learnt is held out" if pieces else "none can be learnt"
        mend = "caption them with langit curate" if "without a caption" in left_out else "curate more footage"
        raise ValueError(
            f"manifest {chosen.manifest.name!r}: of its {len(chosen.clips)} clips {what} ({reasons}): {mend}"
        )
    return FootagePlan(tuple(sizes), fps, tuple(pieces), dict(left_out), held_out)


def _misfit(shape: ClipShape, sizes: Sequence[PixelShape], fps: float, shortest: int) -> str:
    if shape.still and all(size.frames > 1 for size in sizes):
        return "pictures, where every size is a film's"
    shortest = max(shortest, _least(sizes))
    if not shape.still and shape.seconds < (shortest - 1) / fps:
        return f"shorter than {shortest} frames at {fps:g} a second"
    return "smaller than every size, and nothing is enlarged"


def footage_pieces(
    records: ClipRecords,
    plan: FootagePlan,
    paths: Callable[[], Mapping[str, str]],
    folder: Path,
    report: Callable[[int, int], None],
) -> tuple[FootageClip, ...]:
    """The pieces of a plan; frames that are not kept already are decoded now.

    Args:
        records: has captions and sources.
        plan: which pieces.
        paths: gives the places of files by their hash; only called where something has to be decoded.
        folder: where frames are kept.
        report: called with the number of pieces done, and of how many.

    Raises:
        ValueError: a file is not where it was, or was changed.
        OSError: frames cannot be written, for example because the disk is full.
    """
    found: list[FootageClip] = []
    places: Mapping[str, str] | None = None
    checked: dict[str, Path] = {}
    for size in plan.sizes:
        own = [piece for piece in plan.pieces if piece.pixels == size]
        # Neighbours of one file come together, so that a file is read once for many pieces.
        own.sort(key=lambda piece: (records.sources[piece.clip.source].content_sha256, piece.clip.start, piece.starts))
        for start in range(0, len(own), CLIPS_PER_SHARD):
            group = own[start : start + CLIPS_PER_SHARD]
            digests = [piece.clip.digest for piece in group]
            name = shard_name([f"{piece.clip.digest}@{piece.starts:.4f}" for piece in group])
            shard = folder / VERSION / f"{size}@{plan.fps:g}" / f"{name}.safetensors"
            if stored_digests(shard) != digests:
                places = paths() if places is None else places
                write_shard(shard, digests, _decode(group, records, places, checked, plan.fps))
            found += [
                FootageClip(
                    piece.clip.digest,
                    clip_captions(records, piece.clip),
                    size,
                    piece.clip.mirrored,
                    shard,
                    row,
                    plan.fps,
                    piece.starts,
                )
                for row, piece in enumerate(group)
            ]
            report(len(found), len(plan.pieces))
    return tuple(found)


def _decode(
    group: Sequence[Piece], records: ClipRecords, places: Mapping[str, str], checked: dict[str, Path], fps: float
) -> UInt8[np.ndarray, "N T H W 3"]:
    by_file: dict[str, list[int]] = defaultdict(list)
    for number, piece in enumerate(group):
        by_file[records.sources[piece.clip.source].content_sha256].append(number)
    frames: dict[int, UInt8[np.ndarray, "T H W 3"]] = {}
    for sha256, numbers in by_file.items():
        if sha256 not in checked:
            checked[sha256] = locate_file(places, sha256)
        decoded = piece_frames(checked[sha256], [group[number] for number in numbers], fps)
        frames |= dict(zip(numbers, decoded, strict=True))
    return np.stack([frames[number] for number in range(len(group))])


def piece_frames(path: Path, pieces: Sequence[Piece], fps: float) -> list[UInt8[np.ndarray, "T H W 3"]]:
    """The frames of pieces of one file, in one pass over it: for each moment the frame that is on screen then.

    Raises:
        ValueError: the file has no frame where a clip begins.
    """
    waiting = [_Collector(piece, fps) for piece in pieces]
    last = max(piece.clip.start + piece.clip.frames for piece in pieces)
    for number, picture in enumerate(video.decode(path)):
        inside = [each for each in waiting if each.piece.clip.start <= number < each.end and not each.full]
        if inside:
            frame = picture.rgb
            for each in inside:
                each.see(number, picture.seconds, frame)
        if number + 1 >= last or all(each.full for each in waiting):
            break
    for each in waiting:
        each.finish()
        if not each.frames:
            raise ValueError(f"{path} has no frame {each.piece.clip.start}: it is not the file that was curated")
    return [np.stack(each.frames) for each in waiting]


class _Collector:
    """Samples one piece from the frames of its clip as they pass."""

    def __init__(self, piece: Piece, fps: float) -> None:
        self.piece, self.end = piece, piece.clip.start + piece.clip.frames
        self.times = [piece.starts + number / fps for number in range(piece.pixels.frames)]
        self.rate = float(Fraction(piece.clip.fps or "1"))
        self.first: float | None = None
        self.before: Callable[[], UInt8[np.ndarray, "H W 3"]] | None = None
        self.frames: list[UInt8[np.ndarray, "h w 3"]] = []

    @property
    def full(self) -> bool:
        return len(self.frames) == len(self.times)

    def see(self, number: int, stamp: float | None, frame: Callable[[], UInt8[np.ndarray, "H W 3"]]) -> None:
        """Take the frame before as often as it was on screen until now."""
        # Some streams carry no time stamps; there the nominal rate is all there is.
        seconds = number / self.rate if stamp is None else stamp
        self.first = seconds if self.first is None else self.first
        # The tolerance keeps a frame whose stamp equals the moment up to rounding: it is on screen at that moment.
        while self.before is not None and not self.full and seconds - self.first > self.times[len(self.frames)] + 1e-6:
            self._take()
        self.before = frame

    def finish(self) -> None:
        """The last frame stays on screen until the end."""
        while self.before is not None and not self.full:
            self._take()

    def _take(self) -> None:
        assert self.before is not None
        self.frames.append(crop_and_scale(self.before(), self.piece.clip.crop, self.piece.pixels))
