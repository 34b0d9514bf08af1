"""Weights that stay in their files: mapped into memory, read when they are used, and dropped afterwards.

A mapped page takes memory only once it was touched, and can be dropped and read again, because nothing ever writes to
it. What is dropped stays in the operating system's cache as long as there is room.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from langit.bundle.tensors import TensorFile

PAGE: Final = mmap.PAGESIZE
_ATTRIBUTE: Final = "_mapped_files"


@dataclass(frozen=True, eq=False)
class MappedFile:
    """A file in memory, and the address of its first byte."""

    content: mmap.mmap
    address: int

    @classmethod
    def open(cls, file: TensorFile) -> MappedFile:
        """Map a whole file. Private: nothing that is written to its memory would reach the file."""
        content = mmap.mmap(file.file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        return cls(content, torch.frombuffer(content, dtype=torch.uint8).data_ptr())

    def tensor(self, file: TensorFile, name: str, dtype: torch.dtype) -> Tensor | None:
        """One tensor, without reading it; None if its place in the file does not suit its dtype."""
        entry = file.entries[name]
        if entry.begin % dtype.itemsize or entry.begin == entry.end:
            return None
        count = (entry.end - entry.begin) // dtype.itemsize
        return torch.frombuffer(self.content, dtype=dtype, count=count, offset=entry.begin).view(entry.shape)

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor's memory is this file's."""
        return tensor.device.type == "cpu" and self.address <= tensor.data_ptr() < self.address + len(self.content)

    def advise(self, tensor: Tensor, advice: int) -> None:
        """Say that a tensor is needed soon (``MADV_WILLNEED``) or no longer (``MADV_DONTNEED``)."""
        begin = (tensor.data_ptr() - self.address) // PAGE * PAGE
        end = tensor.data_ptr() - self.address + tensor.nbytes
        self.content.madvise(advice, begin, min(end, len(self.content)) - begin)


def remember_mapped(module: nn.Module, file: MappedFile, single: Sequence[str] = ()) -> None:
    """Note that some of a module's weights are in a mapped file.

    Args:
        module: which has the weights.
        file: that they are in.
        single: parts of names of weights that compute in single precision whatever the others compute in.
    """
    files, names = module.__dict__.setdefault(_ATTRIBUTE, ([], set()))
    files.append(file)
    names.update(single)


def mapped_files(module: nn.Module) -> tuple[MappedFile, ...]:
    """The files that a module's weights are mapped from, its parts' included."""
    return tuple(file for part in module.modules() for file in part.__dict__.get(_ATTRIBUTE, ((), ()))[0])


def single_weights(module: nn.Module) -> tuple[str, ...]:
    """Parts of names of the module's weights that compute in single precision."""
    return tuple(sorted({name for part in module.modules() for name in part.__dict__.get(_ATTRIBUTE, ((), ()))[1]}))
