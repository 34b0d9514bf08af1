"""One video that is ready to be generated: everything that a person can get wrong has been checked before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from langit.generate import Generated, GeneratedStream, Model, Parent, SamplingConfig, limited_threads
from langit.generate.sampler import OnStep
from langit.release import (
    IMAGE,
    VIDEO_SUFFIXES,
    Door,
    Facts,
    Released,
    ReleaseStage,
    check_path,
    release,
    release_image,
    release_preview,
)
from langit.shapes import PixelShape
from langit.studio.progress import OnPreview, OnProgress, ProgressReporter, side_by_side
from langit.studio.request import Work
from langit.studio.result import ReleasedVideo
from langit.studio.states import SamplingStates, SavingSteps
from langit.text.expansion import Expansion

SUFFIXES = frozenset(".avi .bmp .gif .jpeg .jpg .m4v .mkv .mov .mp4 .png .tif .tiff .webm .webp".split())  # noqa: SIM905
"""Suffixes that say what kind of file it is, and nothing else."""


@dataclass(frozen=True)
class StudioJob:
    """A prepared request with one seed.

    model: generates.
    door: releases.
    work: generates the video from the texts.
    facts: what is known before: all but the parents and what the ability adds.
    sampling: all settings.
    expansions: the texts, as a person wrote them and as the model reads them.
    notes: what to tell the person, known before anything is generated.
    parent_names: whether names of given files are signed.
    """

    model: Model
    door: Door
    work: Work
    facts: Facts
    sampling: SamplingConfig
    expansions: tuple[Expansion, ...]
    suffix: str
    notes: tuple[str, ...] = ()
    parent_names: bool = False

    @property
    def seed(self) -> int:
        """The seed of this job."""
        return self.facts.seed

    def run(
        self,
        path: Path,
        *,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
        on_preview: OnPreview | None = None,
        preview: Path | None = None,
        states: SamplingStates | None = None,
        stage: ReleaseStage | None = None,
        on_release: Callable[[], object] | None = None,
    ) -> ReleasedVideo:
        """Generate the video and release it to a file; on an error nothing is left behind.

        Args:
            path: the file; claim it before, see :func:`langit.studio.claim_paths`.
            overwrite: whether a file at ``path`` is replaced.
            on_progress: is called after every step. An exception that it raises cancels the job and passes through.
            on_preview: is called now and then with a few frames of what the video is becoming.
            preview: a .png that shows the same, watermarked, and is kept up to date.
            states: saves denoising states, and goes on from those that an earlier run of the same job saved.
            stage: from which a release can be finished if this process dies.
            on_release: is called when the first frame is about to pass the door.

        Raises:
            Refused: a gate refuses the prompt or the frames.
            ValueError, OSError: see :func:`langit.release.release`.
        """
        # Checked again: much may have happened since the request was prepared, and generating takes long.
        check_path(path, overwrite, (IMAGE,) if self.suffix == IMAGE else VIDEO_SUFFIXES)
        previews = [] if on_preview is None else [on_preview]
        with limited_threads(self.model), self._preview_file(preview) as writers:
            reporter = ProgressReporter(self.model, on_progress, (*previews, *writers))
            on_step: OnStep = reporter.on_step
            if states is not None:
                on_step = SavingSteps(states, on_step, self.model.placement.device)
            result = self.work(
                [expansion.text for expansion in self.expansions],
                {"seed": self.seed, "sampling": self.sampling, "on_step": on_step},
            )
            facts = replace(
                self.facts, prompt=result.prompt, ability=result.ability, parents=self._parents(result.parents)
            )
            if on_release is not None:
                on_release()
            sizes: list[tuple[int, int]] = []  # filled by the first frame: a stream has no size before
            released = self._release(self._frames(result, reporter, sizes), result, facts, path, overwrite, stage)
        pixels = PixelShape(reporter.frames, *sizes[0])
        notes = [*self.notes, *map(str, released.notes)]
        if released.sidecar is not None:
            notes.append(
                f"its credentials are in {released.sidecar.name}, since WebM cannot hold them: keep both files"
            )
        return ReleasedVideo(released.path, facts, pixels, tuple(notes), released.entry, released.sidecar)

    def _frames(
        self, result: Generated | GeneratedStream, reporter: ProgressReporter, sizes: list[tuple[int, int]]
    ) -> Iterator[np.ndarray]:
        for frame in reporter.count_frames(frame.numpy() for frame in result.frames):
            if not sizes:
                sizes.append((frame.shape[0], frame.shape[1]))
            yield frame

    def _release(
        self,
        frames: Iterator[np.ndarray],
        result: Generated | GeneratedStream,
        facts: Facts,
        path: Path,
        overwrite: bool,
        stage: ReleaseStage | None,
    ) -> Released:
        if self.suffix != IMAGE:
            return release(frames, facts, path, self.door, overwrite, given=result.given, stage=stage)
        (frame,) = frames  # an image is a video of one frame
        return release_image(frame, facts, path, self.door, overwrite, given=result.given, stage=stage)

    def _parents(self, parents: tuple[Parent, ...]) -> tuple[Parent, ...]:
        """The parents as they are signed: without their names, which may say more than a person wants to publish."""
        if self.parent_names:
            return parents
        # The suffix stays: it says whether a picture or a video was given. Others are words of the name.
        suffixes = [Path(parent.name).suffix.lower() for parent in parents]
        return tuple(
            replace(parent, name=f"parent-{number}{suffix if suffix in SUFFIXES else ''}")
            for number, (parent, suffix) in enumerate(zip(parents, suffixes, strict=True), start=1)
        )

    @contextmanager
    def _preview_file(self, path: Path | None) -> Iterator[list[OnPreview]]:
        """What writes previews to a file, which is removed if the job fails."""
        if path is None:
            yield []
            return
        facts = replace(self.facts, ability="preview")
        try:
            yield [lambda frames: release_preview(side_by_side(frames), facts, path)]
        except BaseException:  # interrupts too
            path.unlink(missing_ok=True)
            raise
