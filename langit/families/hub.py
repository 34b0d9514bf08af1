"""A checkpoint by its name on the hub: from the cache where it is complete, else downloaded, where that is allowed.

Downloads resume where they were cut off, and take only what is read. Knows nothing of what is in the files.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

WANTED: Final = (
    "*.json",
    "*/*.json",
    "*/*.safetensors",
    "tokenizer/*",
    "README.md",
    "LICENSE*",
)
"""What is downloaded: configs, safetensors and the tokenizer; no pickles."""
CONFIGS: Final = ("*.json", "*/*.json", "README.md")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
RESERVE: Final = 1 << 30
"""Bytes that a download leaves free on the disk."""


def is_hub_name(place: str) -> bool:
    """Whether a text has the form OWNER/NAME and is no path that exists."""
    return _NAME.fullmatch(place) is not None and not Path(place).exists()


def cached_folder(name: str) -> Path | None:
    """The folder of a repository in the hub's cache, if its index was downloaded; the newest revision."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "model_index.json")
    return Path(found).parent if isinstance(found, str) else None


def fetch(name: str, inspect: Callable[[Path], object]) -> Path:
    """The folder of a repository, downloaded as far as it is not in the cache.

    Args:
        name: OWNER/NAME.
        inspect: is called with a folder of its configs before anything large is downloaded; what it raises ends it.

    Raises:
        ValueError: there is no such repository, it is gated, or there is no network and it is not in the cache.
        OSError: the disk has no space for it.
    """
    import httpx2
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub import errors as hub

    if constants.HF_HUB_OFFLINE:
        cached = cached_folder(name)
        if cached is None:
            raise ValueError(
                f"{name} is not in the hub's cache and HF_HUB_OFFLINE is set: unset it once, or give a folder"
            )
        return cached
    try:
        info = HfApi().model_info(name, files_metadata=True, timeout=20)
        _check_space(name, ((file.rfilename, file.size or 0) for file in info.siblings or ()))
        inspect(Path(snapshot_download(name, revision=info.sha, allow_patterns=list(CONFIGS))))
        return Path(snapshot_download(name, revision=info.sha, allow_patterns=list(WANTED)))
    except hub.GatedRepoError as error:
        raise ValueError(
            f"{name} is gated: accept its terms at https://huggingface.co/{name} and log in (hf auth login)"
        ) from error
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError) as error:
        raise ValueError(
            f"the hub has no model {name!r}, or it is private: check the name (langit models lists known ones), or give"
            " a folder"
        ) from error
    except hub.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status is not None and status < 500:
            raise ValueError(f"the hub refuses {name} (HTTP {status}): check the name and your login") from error
        return _from_cache(name, error)
    except OSError as error:
        ours = type(error) is OSError and error.errno is None  # raised by the check of the space
        if ours or error.errno in _DISK:
            raise
        return _from_cache(name, error)
    except httpx2.TransportError as error:
        return _from_cache(name, error)


def _from_cache(name: str, error: Exception) -> Path:
    cached = cached_folder(name)
    if cached is None:
        raise ValueError(
            f"{name} is not in the hub's cache, and the hub cannot be reached ({type(error).__name__}): connect once,"
            " or give a folder"
        ) from error
    return cached


def _check_space(name: str, files: Iterable[tuple[str, int]]) -> None:
    """Refuse a download that does not fit on the disk, before it begins."""
    from fnmatch import fnmatch

    from huggingface_hub import constants, try_to_load_from_cache

    needed = sum(
        size
        for file, size in files
        if any(fnmatch(file, pattern) for pattern in WANTED) and not isinstance(try_to_load_from_cache(name, file), str)
    )
    cache = Path(constants.HF_HUB_CACHE)
    place = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if needed and needed + RESERVE > free:
        raise OSError(
            f"{name} needs {needed / 1e9:.1f} GB and the disk of {cache} has {free / 1e9:.1f} GB free: free some space,"
            " or set HF_HUB_CACHE to a folder on another disk"
        )
