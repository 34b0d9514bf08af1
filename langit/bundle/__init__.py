"""A model on disk: diffusers' folder layout and ``provenance.json``; weights are safetensors and nothing else."""

from langit.bundle.adapters import Tuned
from langit.bundle.films import FilmTable
from langit.bundle.folder import Bundle, Parts, load_bundle, resolve, save_bundle
from langit.bundle.provenance import (
    Exposure,
    Films,
    LedgerState,
    Provenance,
    SeedGroup,
    Training,
    Undisclosed,
    code_version,
)

__all__ = [
    "Bundle",
    "Exposure",
    "FilmTable",
    "Films",
    "LedgerState",
    "Parts",
    "Provenance",
    "SeedGroup",
    "Training",
    "Tuned",
    "Undisclosed",
    "code_version",
    "load_bundle",
    "resolve",
    "save_bundle",
]
