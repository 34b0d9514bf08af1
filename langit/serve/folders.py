"""A job's folder: what was given, denoising states, the staged release, and the files that clients download.

Names are fixed, and ids come from the database: no name of a request becomes a path.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock

from langit.serve.settings import ServeSettings

WORKING: Final = ("inputs", "states", "stage")
"""Folders that are removed when the job is over: nothing that a person gave is kept."""


@dataclass(frozen=True)
class JobFolder:
    """The folder of a job; it need not exist."""

    path: Path

    @classmethod
    def of(cls, settings: ServeSettings, job: str) -> JobFolder:
        """The folder of a job with this id, as :func:`langit.serve.jobs.new_id` makes them."""
        assert job.replace("_", "").isalnum(), job
        return cls(settings.videos / job)

    @property
    def inputs(self) -> Path:
        """Files that the request gave."""
        return self.path / "inputs"

    @property
    def states(self) -> Path:
        """Denoising states."""
        return self.path / "states"

    @property
    def stage(self) -> Path:
        """The release until the file has its name."""
        return self.path / "stage"

    @property
    def preview(self) -> Path:
        """What the video is becoming."""
        return self.path / "preview.png"

    def output(self, kind: str) -> Path:
        """The released file of a job of this kind."""
        return self.path / ("image.png" if kind == "image" else "video.mp4")

    def still(self, variant: str) -> Path:
        """The thumbnail or the spritesheet."""
        return self.path / f"{variant}.png"

    def prepare(self) -> None:
        """Create the folders that a worker needs.

        Raises:
            OSError: they cannot be created.
        """
        for name in WORKING:
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def clean(self) -> None:
        """Remove everything but the files that clients download."""
        for name in WORKING:
            shutil.rmtree(self.path / name, ignore_errors=True)
        self.preview.unlink(missing_ok=True)
        for stray in self.path.glob(".*.part*"):  # of a process that was killed
            stray.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder with all its files."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def lock(self, wait: float = -1) -> Iterator[None]:
        """Keep other processes from making this job meanwhile. The system drops the lock when its process dies.

        Raises:
            filelock.Timeout: another process held it for ``wait`` seconds.
        """
        path = self.path.with_name(f".{self.path.name}.lock")  # beside the folder, which a deletion removes
        with filelock.FileLock(path, timeout=wait):
            yield
            # Whoever waited for it meanwhile finds the job over.
            path.unlink(missing_ok=True)
