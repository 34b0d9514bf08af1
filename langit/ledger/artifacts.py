"""What lies outside the ledger and was made from its clips: training runs, their checkpoints, models, latents.

Values only; ``feed.traces`` reads them from disk. Models and runs say themselves what they saw, by exposure logs whose
roots are in a model's provenance.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from langit.ledger.exposure_columns import read_rows
from langit.ledger.exposures import ClipExposure, count_exposures, rows_root
from langit.ledger.shipped import BASE, FILE, ShippedRecord, read_record

TUNED: Final = "training.json"
"""The record in the folder of a model all of whose weights were tuned on clips."""


class ExposureRows(ABC):
    """The rows of an exposure log, wherever they are."""

    @property
    @abstractmethod
    def data(self) -> bytes:
        """The rows as bytes, see ``exposures``."""

    @cached_property
    def root(self) -> str:
        """Root over the rows."""
        return rows_root(self.data)

    @cached_property
    def seen(self) -> dict[str, ClipExposure]:
        """How often each clip was seen."""
        return count_exposures(self.data)


@dataclass(frozen=True, eq=False)
class ExposureFile(ExposureRows):
    """The exposure log of one stage of a run, with the stage's checkpoints by their step."""

    run: str
    stage: str
    path: Path
    checkpoints: Mapping[int, Path] = field(default_factory=dict)

    @cached_property
    def data(self) -> bytes:
        """The rows as format 1 has them, whichever format is on disk."""
        return read_rows(self.path)


@dataclass(frozen=True, eq=False)
class ShippedExposures(ExposureRows):
    """An exposure log that came with a model."""

    rows: bytes = field(repr=False)

    @property
    def data(self) -> bytes:
        """The rows."""
        return self.rows


@dataclass(frozen=True, eq=False)
class TrainingStage:
    """A stage of a model's training as its provenance has it; ``log`` is ``None`` where the rows are not at hand."""

    name: str
    root: str
    rows: int
    steps: int
    log: ExposureRows | None = None


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that was trained on clips.

    ``digest`` is the hash of its provenance, without ``sha256:``. ``ledger_root`` is the log's root at ``ledger_size``
    entries, as the run read it. ``films`` are the entries and content hashes of the rendered films in its own table.
    ``provenance`` is the text of its ``provenance.json``, ``fps`` its frames per second. ``base`` is the digest of the
    model whose weights its training began with, if there was one: what that one saw, this one has learnt too. ``tuned``
    is true of LoRA files and of open weights that were tuned, which have a record and no provenance: ``digest`` is the
    file's, or the record's.
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
    base: str | None = None
    tuned: bool = False

    @cached_property
    def record(self) -> ShippedRecord | None:
        """The training record that came with the model, compared with its provenance; ``None`` if it has none.

        Raises:
            UnprovedError: the record is damaged, or is another model's.
        """
        path = self.place / FILE
        if not path.is_file():
            return None
        ledger = {"size": self.ledger_size, "root": self.ledger_root}
        table = (json.loads(self.provenance).get("films") or {}).get("file")
        films = (self.place / table).read_bytes() if table else b""
        return read_record(path, ledger, {stage.name: {"root": stage.root} for stage in self.stages}, films)

    @property
    def is_record_alone(self) -> bool:
        """Whether it has no weights: only its record is here, in the bundle of a model that began from it."""
        return self.place.match(f"*/{BASE}")

    @cached_property
    def listed_files(self) -> Mapping[str, str]:
        """Every file that the provenance names, with its hash."""
        return {str(name): str(digest) for name, digest in json.loads(self.provenance)["files"].items()}

    def with_logs(self, logs: Mapping[str, bytes]) -> TrainedModel:
        """The model with the exposure logs that came with it, for stages whose logs are not at hand."""

        def completed(stage: TrainingStage) -> TrainingStage:
            if stage.log is not None or stage.name not in logs:
                return stage
            return replace(stage, log=ShippedExposures(logs[stage.name]))

        return replace(self, stages=tuple(map(completed, self.stages)))


@dataclass(frozen=True, eq=False)
class Latents:
    """A file of cached latents and the clips that are in it."""

    path: Path
    clips: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Artifacts:
    """Everything that was found: ``runs`` by name, their stages in order of training.

    ``undisclosed`` says of models by digest what they are and that their makers do not disclose their training data.
    """

    models: tuple[TrainedModel, ...] = ()
    runs: Mapping[str, tuple[ExposureFile, ...]] = field(default_factory=dict)
    latents: tuple[Latents, ...] = ()
    undisclosed: Mapping[str, str] = field(default_factory=dict)

    def with_bases(self, model: TrainedModel) -> tuple[TrainedModel, ...]:
        """The model, then the one whose weights it began with, and so on, as far as they are on this machine."""
        chain = [model]
        while (base := chain[-1].base) is not None:
            found = next((item for item in self.models if item.digest == base), None)
            if found is None or found in chain:
                break
            chain.append(found)
        return tuple(chain)
