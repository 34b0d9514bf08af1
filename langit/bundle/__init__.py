"""A model on disk: diffusers' folder layout and ``provenance.json``; weights are safetensors and nothing else."""

from langit.bundle.adapters import TunedAdapter
from langit.bundle.films import FilmTable
from langit.bundle.folder import Bundle, Parts, load_bundle, resolve, save_bundle
from langit.bundle.provenance import (
    ExposureRecord,
    FilmsRecord,
    LedgerState,
    Provenance,
    SeedGroup,
    TrainingRecord,
    Undisclosed,
    code_version,
)

__all__ = [
    "Bundle",
    "ExposureRecord",
    "FilmTable",
    "FilmsRecord",
    "LedgerState",
    "Parts",
    "Provenance",
    "SeedGroup",
    "TrainingRecord",
    "TunedAdapter",
    "Undisclosed",
    "code_version",
    "load_bundle",
    "resolve",
    "save_bundle",
]
