"""The host's allocator: freed tensors go back to the operating system at once, but not within a forward pass.

glibc keeps freed blocks of up to 32 MB for later ones, which grow by use: after a video was decoded it held 190 MB that
nothing used, and a peak was a third above what was alive. With a fixed threshold large tensors are mapped one by one,
as those beyond 32 MB always are. A transformer asks for the same sizes again and again, and mapping costs more than
computing there: it doubles the time of an int8 block (docs/benchmarks.md). So freed blocks are kept while it samples.
Knows nothing of torch.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

THRESHOLD: Final = 1 << 20
"""Bytes from which a block is mapped on its own; smaller ones share a heap."""
KEPT: Final = 256 << 20, 32 << 20
"""Bytes up to which blocks share the heap while freed ones are kept; older C libraries take only the smaller number."""
MOST_FREE: Final = 2**31 - 1
"""Bytes at the heap's end that are not returned while freed blocks are kept."""
# Parameters of mallopt(3).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


@dataclass
class _Keepers:
    """How many keep freed memory now: the allocator is the whole process's, and several may sample at a time."""

    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


_keepers = _Keepers()


@functools.cache
def return_freed_memory() -> bool:
    """Have blocks of ``THRESHOLD`` bytes and more returned when they are freed; whether the C library can."""
    return _set_thresholds(THRESHOLD, THRESHOLD)


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Keep freed blocks for later ones and return all at the end, if :func:`return_freed_memory` was called.

    Holes that small blocks leave in the heap have no memory then, and serve later blocks before others are mapped.
    """
    if not _is_returned():
        yield
        return
    with _keepers.lock:
        _keepers.count += 1
        if _keepers.count == 1:
            any(_set_thresholds(size, MOST_FREE) for size in KEPT)
    try:
        yield
    finally:
        with _keepers.lock:
            _keepers.count -= 1
            if _keepers.count == 0:
                _set_thresholds(THRESHOLD, THRESHOLD)
                ctypes.CDLL(None).malloc_trim(0)


def trim_freed_memory() -> None:
    """Return what lies free between blocks in use, such as weights that came while freed memory was kept."""
    if _is_returned():
        ctypes.CDLL(None).malloc_trim(0)


def _is_returned() -> bool:
    """Whether :func:`return_freed_memory` was called, and could."""
    return bool(return_freed_memory.cache_info().currsize) and return_freed_memory()


def _set_thresholds(mapped: int, free: int) -> bool:
    """Set from which size blocks are mapped on their own, and how much may lie free in the heap; whether both hold."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False  # not glibc: macOS and musl return large blocks anyway
    return bool(set_option(_MMAP_THRESHOLD, mapped) == 1 and set_option(_TRIM_THRESHOLD, free) == 1)
