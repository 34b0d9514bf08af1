"""What a worker does with one job: from its row to its released file, with every step such that it may run twice.

A killed process leaves the job's row, its denoising states and its staged release; the next attempt goes on from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch
from sqlalchemy.exc import SQLAlchemyError

from langit import video
from langit.config import canonical
from langit.files import full_disk
from langit.release import Refused, ReleaseStage, StagedRelease, release_preview
from langit.release.nearest.bundled import open_index
from langit.release.nearest.clips import describe_matches
from langit.release.nearest.query import compare_clips
from langit.serve.attempts import Attempts, JobProgress
from langit.serve.figures import WorkerFigures
from langit.serve.folders import JobFolder
from langit.serve.jobs import Job, Jobs
from langit.serve.requests import build_options, build_request
from langit.serve.settings import ServeSettings
from langit.serve.sizes import format_seconds
from langit.studio import Studio, StudioJob, StudioProgress
from langit.studio.progress import side_by_side
from langit.studio.states import SamplingStates

LOGGER: Final = logging.getLogger("langit.serve")
WRITE_EVERY: Final = 0.25
"""Seconds between two writes of a job's progress: the database has more to do."""


AGAIN: Final = 2.0
"""Seconds until a write to the database that failed is tried again."""


class CancelledError(Exception):
    """The job was cancelled, or another worker has taken it over."""


class StoppedError(Exception):
    """The worker is to end; the job's state is saved, and another worker goes on."""


@dataclass
class VideoMaker:
    """A worker's open models, and how it makes jobs with them, one at a time.

    stop_at: when to stop a job in the middle, in time.monotonic(); None while the worker may go on.
    """

    settings: ServeSettings
    jobs: Jobs
    attempts: Attempts
    studios: Mapping[str, Studio]
    figures: WorkerFigures
    stop_at: float | None = None
    busy: threading.Lock = field(default_factory=threading.Lock)

    def make(self, name: str) -> None:
        """Make the job with this id, or do nothing if there is nothing left to do.

        Raises:
            StoppedError: the worker is to end. The job is not over.
        """
        folder = JobFolder.of(self.settings, name)
        with self.busy, folder.lock():
            job = self.attempts.begin(name)
            if job is None:
                self._tidy(name, folder)
                return
            words = {"prompt": job.shown.get("prompt")} if self.settings.log_prompts else {}
            LOGGER.info("job begins", extra={"job": job.id, "owner": job.owner, "attempt": job.attempt, **words})
            begun = time.monotonic()
            try:
                folder.prepare()
                result = self._release(job, folder)
                self._insist(lambda: self.attempts.complete(job, result, self.settings.keep))
            except (CancelledError, StoppedError) as error:
                if isinstance(error, StoppedError):
                    raise
            except Exception as error:  # noqa: BLE001  (whatever it is, it ends this job and not the worker)
                code, message = describe_failure(error, job)
                self._insist(lambda: self.attempts.fail(job, code, message))
            seconds = time.monotonic() - begun
            self.figures.observe("job", seconds)
            LOGGER.info("job ends", extra={"job": job.id, "seconds": round(seconds, 3)})
            self._tidy(name, folder)

    def find_nearest(self, name: str) -> None:
        """Add the nearest training clips to the answer of a completed job that asks for them."""
        job, folder = self._read(name), JobFolder.of(self.settings, name)
        count = 0 if job is None else int(job.request.get("nearest", 0))
        if job is None or job.status != "completed" or job.kind != "video" or not count:
            return
        bundle = self.studios[job.model].bundle
        index = open_index(bundle)
        if index is None:
            return
        try:
            compared = compare_clips(folder.output(job.kind), bundle, count, self.settings.home)
            similar = describe_matches(list(compared.matches), index, bundle, self.settings.home, pictures=False)
        except (OSError, ValueError) as error:
            LOGGER.warning("the nearest clips could not be found: %s", error, extra={"job": name})
            return
        clips = [
            {
                "name": clip.name,
                "words": clip.words,
                "owner": clip.owner,
                "licence": clip.licence,
                "nearer_than": round(clip.match.share, 4),
            }
            for clip in similar
        ]
        self.attempts.note_nearest(job, clips)

    def _release(self, job: Job, folder: JobFolder) -> dict[str, Any]:
        """Release a job's file, finished from an earlier attempt or made; returns fields of the answer."""
        studio, path = self.studios[job.model], folder.output(job.kind)
        stage = ReleaseStage(folder.stage)
        finished = stage.finish(studio.door.outputs, path)
        (prepared,) = studio.prepare(
            build_request(job.request, folder.inputs), build_options(job.request), [int(job.request["seed"])]
        )
        if finished is None:
            # A file without a staged release is one that was never entered: it cannot be, and is not trusted.
            path.unlink(missing_ok=True)
            self._generate(job, prepared, folder, stage)
            finished = stage.find()
            assert finished is not None
        return self._describe(job, prepared, finished, path)

    def _generate(self, job: Job, prepared: StudioJob, folder: JobFolder, stage: ReleaseStage) -> None:
        run = _Run(self, job, prepared, folder)
        prepared.run(
            folder.output(job.kind),
            on_progress=run.on_progress,
            on_preview=run.on_preview,
            states=run.states,
            stage=stage,
            on_release=run.on_release,
        )
        run.check()
        self.figures.observe("release", time.monotonic() - run.stage_begun)

    def _describe(self, job: Job, prepared: StudioJob, released: StagedRelease, path: Path) -> dict[str, Any]:
        """Fields of the answer that are known when the file is there."""
        facts = prepared.facts
        found: dict[str, Any] = {
            "x_prompt": facts.prompt,
            "x_steps": facts.steps,
            "x_guidance": facts.guidance,
            "x_notes": [*prepared.notes, *map(str, released.notes)],
            "x_provenance": {
                "model": facts.model,
                "model_digest": facts.provenance,
                "sha256": released.entry.content_sha256,
                "entry": released.entry.digest,
                "watermark": released.entry.mark,
                "made_at": released.entry.made_at,
                "parents": list(released.entry.parents),
                "signer": prepared.door.identity.name,
                "credentials": "C2PA",
                "placement": facts.placement,
            },
        }
        if job.kind == "video":
            info = video.probe(path)
            found |= {
                "size": f"{info.width}x{info.height}",
                "seconds": format_seconds(info.duration),
                "x_size": f"{info.width}x{info.height}",
                "x_frames": info.frames,
                "x_fps": info.fps,
                "x_seconds": info.duration,
            }
        return found

    def _insist(self, write: Callable[[], object]) -> None:
        """Write the end of a job, however long the database cannot be written to, as on a full disk.

        Raises:
            StoppedError: the worker is to end.
        """
        while True:
            try:
                write()
                return
            except SQLAlchemyError as error:
                LOGGER.error("the end of a job cannot be written and is tried again", exc_info=error)
            if self.stop_at is not None:
                raise StoppedError
            time.sleep(AGAIN)

    def _tidy(self, name: str, folder: JobFolder) -> None:
        job = self._read(name)
        if job is None or job.deleted:
            folder.remove()
        elif job.is_over:
            folder.clean()

    def _read(self, name: str) -> Job | None:
        return self.jobs.find(name)


@dataclass
class _Run:
    """One generation: what is called back after steps, and when the job has to stop."""

    maker: VideoMaker
    job: Job
    prepared: StudioJob
    folder: JobFolder
    progress: JobProgress = field(default_factory=JobProgress)
    stage_begun: float = field(default_factory=time.monotonic)
    _written: float = -WRITE_EVERY
    _step_begun: float = field(default_factory=time.monotonic)
    _saved: int = 0

    def __post_init__(self) -> None:
        self.states = SamplingStates(
            self.folder.states,
            fingerprint_of(self.prepared, self.job.request),
            self.maker.settings.save_every,
            wanted=lambda: self.is_late,
        )

    @property
    def is_late(self) -> bool:
        """Whether the worker has to end now."""
        stop_at = self.maker.stop_at
        return stop_at is not None and time.monotonic() >= stop_at

    def check(self) -> None:
        """Stop here if nobody wants the job any more, or the worker has to end."""
        if not self.maker.attempts.is_current(self.job):
            raise CancelledError
        if self.is_late:
            raise StoppedError

    def on_progress(self, progress: StudioProgress) -> None:
        """After every step."""
        now = time.monotonic()
        self.maker.figures.observe("step", now - self._step_begun)
        self._step_begun = now
        self.progress = JobProgress(progress.done, progress.total, "sampling", progress.details, self.progress.previews)
        self._write(now, force=progress.done == 1)
        self.check()

    def on_preview(self, frames: Any) -> None:
        """Now and then."""
        release_preview(side_by_side(frames), self.prepared.facts, self.folder.preview)
        self.progress = JobProgress(**{**vars(self.progress), "previews": self.progress.previews + 1})
        self._write(time.monotonic(), force=True)

    def on_release(self) -> None:
        """When the frames pass the door."""
        now = time.monotonic()
        self.maker.figures.observe("sampling", now - self.stage_begun)
        self.stage_begun = now
        self.progress = JobProgress(**{**vars(self.progress), "stage": "releasing"})
        self._write(now, force=True)
        self.check()

    def _write(self, now: float, force: bool = False) -> None:
        if force or now - self._written >= WRITE_EVERY:
            try:
                self.maker.attempts.advance(self.job, self.progress, saved=self.states.saved > 0)
            except SQLAlchemyError as error:  # progress alone is worth no video
                LOGGER.warning("progress cannot be written", exc_info=error)
            self._written = now


def fingerprint_of(prepared: StudioJob, request: Mapping[str, Any]) -> str:
    """A digest of everything that decides the pixels of a job: states of another one do not fit."""
    facts = prepared.facts
    parts = [facts.provenance, facts.sampling, facts.placement, facts.prompt, facts.seed, facts.ability]
    return sha256(canonical([*parts, dict(request), torch.__version__])).hexdigest()


def describe_failure(error: Exception, job: Job) -> tuple[str, str]:
    """Code and message of a job's error. What is no answer to the request tells nothing of this machine."""
    if isinstance(error, Refused):
        return "moderation_blocked", str(error)
    if full_disk(error) is not None:
        LOGGER.error("the disk is full", extra={"job": job.id})
        return "disk_full", "the server's disk is full: try again later"
    if isinstance(error, OSError):
        LOGGER.error("job failed", exc_info=error, extra={"job": job.id})
        return "internal", "the server could not use one of its files, which its log describes"
    if isinstance(error, ValueError):
        # Messages name given files by their place on this machine, which is nobody's business.
        return "invalid_request", hide_paths(" ".join(str(error).split()))
    LOGGER.error("job failed", exc_info=error, extra={"job": job.id})
    return "internal", "the server made a mistake, which its log describes"


def hide_paths(message: str) -> str:
    """A message with file names in place of paths."""
    words = [word.rsplit("/", 1)[-1] if word.startswith("/") else word for word in message.split(" ")]
    return " ".join(words)
