"""A table of latent clips on disk, read a few rows at a time, so that memory does not grow with their number.

``clips.bin`` has a row of fixed length for each clip, ``texts.bin`` what has no fixed length: captions, and for each
shard its files with the shapes in them. Latents themselves stay in the cache's safetensors (`feed.latents`), of which
single rows are read. Nothing is mapped into memory and nothing is read before it is asked for. Knows no order.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from langit.config import parse_json
from langit.files import replace_folder

FORMAT: Final = 1
TABLE, CLIPS, TEXTS = "table.json", "clips.bin", "texts.bin"
_ROW: Final = np.dtype(
    [("digest", "V32"), ("row", "<u4"), ("shard", "<u8"), ("shard_bytes", "<u4"), ("texts", "<u8"), ("bytes", "<u4")]
)
_OPEN: Final = 32  # files that are kept open, and shards whose shapes are remembered
Value = TypeVar("Value")


@dataclass(frozen=True)
class ShardShapes:
    """The latent files of a shard, one for each view of its clips, and what is in each: F of each, and the grid."""

    files: tuple[str, ...]
    frames: tuple[int, ...]
    grid: tuple[int, int]

    def tokens(self, frames: int) -> int:
        """Tokens of so many latent frames."""
        return frames * self.grid[0] * self.grid[1]


@dataclass(frozen=True)
class TableClip:
    """A row of the table: a clip, and where its latents lie."""

    digest: str
    captions: tuple[str, ...]
    shard: ShardShapes
    row: int


class _Recent(Generic[Value]):
    """The values that were asked for last; others are made again. ``drop`` ends one that is forgotten."""

    def __init__(self, make: Callable[[Any], Value], drop: Callable[[Value], object] = lambda _: None) -> None:
        self.make, self.drop = make, drop
        self._values: OrderedDict[Any, Value] = OrderedDict()

    def __getitem__(self, key: Any) -> Value:
        if key not in self._values:
            self._values[key] = self.make(key)
            if len(self._values) > _OPEN:
                self.drop(self._values.popitem(last=False)[1])
        self._values.move_to_end(key)
        return self._values[key]


class ClipTable:
    """An open table. Rows are numbered from 0; the thread that asks reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        facts = parse_json((folder / TABLE).read_bytes(), str(folder / TABLE))
        if facts.get("format") != FORMAT:
            raise ValueError(f"{folder} is of format {facts.get('format')!r}, this version reads {FORMAT}: remove it")
        self.count, self.tokens, self.digest = int(facts["clips"]), int(facts["tokens"]), str(facts["digest"])
        self.key = str(facts["key"])
        self._clips, self._texts = (os.open(folder / name, os.O_RDONLY) for name in (CLIPS, TEXTS))
        if os.fstat(self._clips).st_size != self.count * _ROW.itemsize:
            raise ValueError(f"{folder / CLIPS} does not hold {self.count} clips: remove {folder}, it is made again")
        self._shards = _Recent(self._shard)

    @classmethod
    def write(cls, folder: Path, clips: Iterable[TableClip], key: str = "") -> ClipTable:
        """Write a table, whole or not at all, in one pass in constant memory; ``key`` says what it was made of.

        Raises:
            ValueError: there is no clip.
            OSError: the folder cannot be written.
        """

        def fill(unfinished: Path) -> None:
            facts = _write_rows(unfinished, clips)
            if not facts["clips"]:
                raise ValueError("no clip may be trained on: add films to the ledger, or see why they are refused")
            (unfinished / TABLE).write_text(json.dumps(facts | {"key": key}), encoding="utf-8")

        folder.parent.mkdir(parents=True, exist_ok=True)
        replace_folder(folder, fill)
        return cls(folder)

    def rows(self, first: int, count: int) -> list[TableClip]:
        """Neighbours, fewer at the table's end."""
        data = os.pread(self._clips, count * _ROW.itemsize, first * _ROW.itemsize)
        return [
            TableClip(
                row["digest"].tobytes().hex(),
                tuple(json.loads(os.pread(self._texts, int(row["bytes"]), int(row["texts"])))),
                self._shards[int(row["shard"]), int(row["shard_bytes"])],
                int(row["row"]),
            )
            for row in np.frombuffer(data, _ROW)
        ]

    def digests(self) -> Iterator[str]:
        """The digests of all clips, in a pass over the rows."""
        for first in range(0, self.count, 4096):
            data = os.pread(self._clips, 4096 * _ROW.itemsize, first * _ROW.itemsize)
            for row in np.frombuffer(data, _ROW):
                yield row["digest"].tobytes().hex()

    def close(self) -> None:
        """Close the files."""
        os.close(self._clips)
        os.close(self._texts)

    def _shard(self, place: tuple[int, int]) -> ShardShapes:
        files, frames, grid = json.loads(os.pread(self._texts, place[1], place[0]))
        return ShardShapes(tuple(files), tuple(frames), (grid[0], grid[1]))


def _write_rows(folder: Path, clips: Iterable[TableClip]) -> dict[str, Any]:
    digest, count, tokens = hashlib.sha256(), 0, 0
    with (folder / CLIPS).open("wb") as rows, (folder / TEXTS).open("wb") as texts:
        written: tuple[ShardShapes | None, int, int] = (None, 0, 0)
        last: tuple[tuple[str, ...] | None, int, int] = (None, 0, 0)
        for clip in clips:
            if clip.shard != written[0]:
                text = json.dumps([clip.shard.files, clip.shard.frames, clip.shard.grid]).encode()
                written = (clip.shard, texts.tell(), texts.write(text))
            if clip.captions != last[0]:
                text = json.dumps(clip.captions, ensure_ascii=False).encode()
                last = (clip.captions, texts.tell(), texts.write(text))
            values = (bytes.fromhex(clip.digest.removeprefix("sha256:")), clip.row, *written[1:], *last[1:])
            data = np.array([values], _ROW).tobytes()
            rows.write(data)
            digest.update(data)
            count += 1
            tokens += clip.shard.tokens(clip.shard.frames[0])
    return {"format": FORMAT, "clips": count, "tokens": tokens, "digest": digest.hexdigest()}


class LatentRows:
    """Reads single clips out of the cache's safetensors files, of which the last used stay open."""

    def __init__(self) -> None:
        self._files = _Recent(_open_tensors, lambda opened: os.close(opened[0]))
        self._lock = threading.Lock()  # batches are made on several threads

    def view(self, clip: TableClip, view: int, frames: int) -> tuple[Float[Tensor, "C F h w"], Float[Tensor, "F r s"]]:
        """The first latent frames of a view of a clip, in single precision, and the share of things in its tokens.

        Raises:
            ValueError: the file is damaged, or is not the one that the table was made of.
        """
        path, (rows, columns) = clip.shard.files[view], clip.shard.grid
        with self._lock:
            file, tensors = self._files[path]
            latents = _read_row(file, tensors, "latents", clip.row, path)
            shares = _read_row(file, tensors, "shares", clip.row, path)
        if latents.shape[1] < frames or shares.numel() != latents.shape[1] * rows * columns:
            raise ValueError(f"{path} holds other shapes than when the run began: remove it, it is made again")
        return latents[:, :frames].float(), shares.view(-1, rows, columns)[:frames].float()


def latent_shapes(path: Path) -> tuple[int, tuple[int, int]]:
    """Latent frames of the clips in a file of the cache, and the grid of tokens of each."""
    file, tensors = _open_tensors(str(path))
    os.close(file)
    _, _, frames, height, width = tensors["latents"]["shape"]
    return frames, (height // 2, width // 2)


def _open_tensors(path: str) -> tuple[int, dict[str, Any]]:
    """A safetensors file and its header, with the place of each tensor in the file."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): start the run again, it is made again") from error
    try:
        length = int.from_bytes(os.pread(file, 8, 0), "little")
        if not 0 < length < os.fstat(file).st_size:
            raise ValueError(f"its header is of {length} bytes")
        tensors = json.loads(os.pread(file, length, 8))
        for name in ("latents", "shares"):
            if tensors[name]["dtype"] != "F16":
                raise ValueError(f"{name} are of {tensors[name]['dtype']}")
            tensors[name]["begin"] = 8 + length + int(tensors[name]["data_offsets"][0])
    except (ValueError, KeyError, TypeError) as error:
        os.close(file)
        raise ValueError(f"{path} is no file of latents ({error}): remove it, it is made again") from error
    return file, tensors


def _read_row(file: int, tensors: dict[str, Any], name: str, row: int, path: str) -> Tensor:
    count, *shape = tensors[name]["shape"]
    length = 2 * math.prod(shape)
    data = os.pread(file, length, tensors[name]["begin"] + row * length) if row < count else b""
    if len(data) != length:
        raise ValueError(f"{path} has no whole row {row}: remove it, it is made again")
    return torch.frombuffer(bytearray(data), dtype=torch.float16).view(shape)
