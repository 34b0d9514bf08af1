"""Where a ledger is: a folder, or a prefix of an S3 bucket. Stores bytes by name, and admits one writer at a time.

Bytes appear under their names whole or not at all. Knows nothing of tables, which Lance keeps in the same place, nor
of what the bytes are.

A folder's writer holds a file lock, which a dead process releases. A bucket has no locks: a writer holds a lease, an
object that is changed only by conditional puts, and others wait for the lease of a dead writer to end. The lease is a
courtesy. What keeps two writers apart is that the log is committed conditionally, see ``store``.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, cast

import filelock

from langit.files import PRIVATE_FOLDER, write_bytes

NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
LEASE = 60.0
"""Seconds after which a writer in a bucket that did not renew its lease is taken for dead."""
BUCKET = re.compile(r"s3:/+(?P<bucket>[^/]+)/?(?P<prefix>.*)")


def open_place(path: Path | str, options: Mapping[str, str] | None = None) -> LedgerPlace:
    """Open the place that a path or an ``s3://bucket/prefix`` names.

    Args:
        path: a folder, which need not exist, or a URL of S3.
        options: for S3, by object_store's names (``endpoint``, ``region``, ``access_key_id`` ...); what is left out
            comes from the environment (``AWS_ENDPOINT_URL`` ...).
    """
    found = BUCKET.fullmatch(str(path))
    if found:
        return Bucket(found["bucket"], found["prefix"].strip("/"), dict(options or {}))
    if re.match(r"[a-z0-9]+://", str(path)):
        raise ValueError(f"a ledger cannot be at {path}: give a folder, or s3://bucket/prefix")
    return Folder(Path(path))


class LedgerPlace(Protocol):
    """What a folder and a bucket have in common."""

    @property
    def options(self) -> dict[str, str] | None:
        """What Lance needs to open tables here."""
        ...

    def table(self, name: str) -> str:
        """The URI of a Lance table."""
        ...

    def has_table(self, name: str) -> bool:
        """Whether a table has a version; a process that died while it created one leaves data without any."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Store bytes, whole or not at all, in place of what was there."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes.

        Raises:
            FileNotFoundError: nothing has that name.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove bytes; does nothing if the name does not exist."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """All names under a folder, sorted, with the folder."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """A context in which no other writer writes."""
        ...


def _checked_name(name: str) -> str:
    assert NAME.fullmatch(name), name
    return name


class Folder:
    """A folder of this machine, created when first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.options: dict[str, str] | None = None

    def __str__(self) -> str:
        return str(self.path)

    def table(self, name: str) -> str:
        """The folder of a table."""
        return str(self.path / f"{name}.lance")

    def has_table(self, name: str) -> bool:
        """Whether the table has a version."""
        return any((self.path / f"{name}.lance" / "_versions").glob("*.manifest"))

    def put(self, name: str, data: bytes) -> None:
        """Write beside the name, flush to disk, then rename. For the owner alone: letters and names are among it."""
        file = self.path / _checked_name(name)
        _make_private(file.parent, self.path)
        write_bytes(file, data, private=True)

    def get(self, name: str) -> bytes:
        """Read a file."""
        return (self.path / _checked_name(name)).read_bytes()

    def delete(self, name: str) -> None:
        """Remove a file."""
        (self.path / _checked_name(name)).unlink(missing_ok=True)

    def names(self, folder: str) -> tuple[str, ...]:
        """All files under a folder but unfinished ones."""
        found = (file for file in (self.path / _checked_name(folder)).rglob("*") if file.is_file())
        return tuple(sorted(file.relative_to(self.path).as_posix() for file in found if not file.name.startswith(".")))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the file lock."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        with filelock.FileLock(self.path / "lock"):
            yield


def _make_private(folder: Path, top: Path) -> None:
    """Make a folder of a ledger, and those above it, for the owner alone, whatever the umask or an earlier version."""
    if not top.exists():
        top.parent.mkdir(parents=True, exist_ok=True)
        top.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    while folder != top:
        folder.chmod(PRIVATE_FOLDER)
        folder = folder.parent


class Bucket:
    """A prefix of an S3 bucket."""

    def __init__(self, bucket: str, prefix: str, options: dict[str, str]) -> None:
        from obstore.store import S3Store

        self.bucket, self.prefix = bucket, PurePosixPath(prefix)
        self.options: dict[str, str] | None = dict(options)
        self._store: Any = S3Store(bucket, prefix=prefix or None, config=cast("Any", dict(options)))

    def __str__(self) -> str:
        return f"s3://{PurePosixPath(self.bucket) / self.prefix}"

    def table(self, name: str) -> str:
        """The URL of a table."""
        return f"{self}/{name}.lance"

    def has_table(self, name: str) -> bool:
        """Whether the table has a version."""
        return any(found.endswith(".manifest") for found in self.names(f"{name}.lance/_versions"))

    def put(self, name: str, data: bytes) -> None:
        """Put an object."""
        import obstore

        with self._failing():
            obstore.put(self._store, _checked_name(name), data)

    def get(self, name: str) -> bytes:
        """Get an object."""
        import obstore

        with self._failing():
            return bytes(obstore.get(self._store, _checked_name(name)).bytes())

    def delete(self, name: str) -> None:
        """Delete an object. A bucket that keeps versions still has it: its owner has to remove those."""
        import obstore

        with self._failing(), suppress(FileNotFoundError):
            obstore.delete(self._store, _checked_name(name))

    def names(self, folder: str) -> tuple[str, ...]:
        """All objects under a prefix."""
        import obstore

        with self._failing():
            listed = obstore.list(self._store, prefix=_checked_name(folder)).collect()
        return tuple(sorted(item["path"] for item in listed))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lease; wait while another writer has it."""
        import obstore

        owner = secrets.token_hex(16)
        while (held := self._take(owner)) is None:
            time.sleep(0.2)
        try:
            yield
        finally:
            free = json.dumps({"owner": "", "until": 0}).encode()
            # A writer that was slow and lost its lease has nothing to give back.
            with self._failing(), suppress(obstore.exceptions.PreconditionError):
                obstore.put(self._store, "lock", free, mode=held)

    def _take(self, owner: str) -> Any:
        """The lease's version if it is ours now, else ``None``."""
        import obstore

        mine = json.dumps({"owner": owner, "until": time.time() + LEASE}).encode()
        with self._failing(), suppress(obstore.exceptions.PreconditionError, obstore.exceptions.AlreadyExistsError):
            try:
                found = obstore.get(self._store, "lock")
            except FileNotFoundError:
                return _version(obstore.put(self._store, "lock", mine, mode="create"))
            if json.loads(bytes(found.bytes()))["until"] > time.time():
                return None
            return _version(obstore.put(self._store, "lock", mine, mode=_version(found.meta)))
        return None

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Failures of the network as one line."""
        import obstore

        expected = (obstore.exceptions.PreconditionError, obstore.exceptions.AlreadyExistsError)
        try:
            yield
        except expected:
            raise
        except obstore.exceptions.BaseError as error:
            reason = str(error).split("\n", 1)[0]
            raise OSError(f"{self} cannot be used: {reason}") from error


def _version(answer: Any) -> Any:
    """The version of an object, as a condition for the next put."""
    return {"e_tag": answer["e_tag"]}
