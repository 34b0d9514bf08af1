"""What lies outside the ledger and came of its clips: training runs, their checkpoints, models, latents.

Values only; ``feed.traces`` reads them off a disk. Models and runs say themselves what they saw, by exposure logs
whose roots are in a model's provenance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from langit.ledger.exposures import ClipExposure, count_exposures, rows_root


@dataclass(frozen=True, eq=False)
class ExposureFile:
    """The exposure log of one stage of a run, with the stage's checkpoints by their step."""

    run: str
    stage: str
    path: Path
    checkpoints: Mapping[int, Path] = field(default_factory=dict)

    @cached_property
    def data(self) -> bytes:
        """The rows as they lie on disk."""
        return self.path.read_bytes()

    @cached_property
    def root(self) -> str:
        """The root over the rows."""
        return rows_root(self.data)

    @cached_property
    def seen(self) -> dict[str, ClipExposure]:
        """What was seen, by clip."""
        return count_exposures(self.data)


@dataclass(frozen=True, eq=False)
class TrainingStage:
    """A stage of a model's training as its provenance has it; ``log`` is ``None`` where the rows are not at hand."""

    name: str
    root: str
    rows: int
    steps: int
    log: ExposureFile | None = None


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that was trained on clips.

    ``digest`` is the hash of its provenance, without ``sha256:``. ``ledger_root`` is the log's root at ``ledger_size``
    entries, as the run read it. ``films`` are the entries and content hashes of the rendered films in its own table.
    ``provenance`` is the text of its ``provenance.json``, ``fps`` what it makes.
    """

    name: str
    digest: str
    place: Path
    origin: str
    ledger_size: int
    ledger_root: str
    stages: tuple[TrainingStage, ...]
    films: Mapping[int, str]
    provenance: str
    version: str
    fps: float | None = None


@dataclass(frozen=True, eq=False)
class Latents:
    """A file of cached latents and the clips that are in it."""

    path: Path
    clips: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Artifacts:
    """All that was found: ``runs`` by name, their stages in order of training."""

    models: tuple[TrainedModel, ...] = ()
    runs: Mapping[str, tuple[ExposureFile, ...]] = field(default_factory=dict)
    latents: tuple[Latents, ...] = ()
