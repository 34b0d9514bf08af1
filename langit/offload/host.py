"""The host's allocator: freed tensors go back to the operating system at once.

glibc keeps freed blocks of up to 32 MB for later ones, which grow by use: after a video was decoded it held 190 MB that
nothing used, and a peak was a third above what was alive. With a fixed threshold large tensors are mapped one by one,
as those beyond 32 MB always are. Knows nothing of torch.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Final

THRESHOLD: Final = 1 << 20
"""Bytes from which a block is mapped on its own; smaller ones share a heap."""
# Parameters of mallopt(3).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3


@functools.cache
def return_freed_memory() -> bool:
    """Have blocks of ``THRESHOLD`` bytes and more returned when they are freed; whether the C library can."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False  # not glibc: macOS and musl return large blocks anyway
    return all(set_option(option, THRESHOLD) == 1 for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
