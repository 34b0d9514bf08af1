"""A model on disk: diffusers' folder layout and ``provenance.json``; weights are safetensors and nothing else.

Names that need torch are imported on first use, so that reading a provenance is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from langit.bundle.adapters import TunedAdapter
    from langit.bundle.films import FilmTable
    from langit.bundle.folder import load_bundle, save_bundle
    from langit.bundle.parts import Bundle, Parts
    from langit.bundle.places import resolve

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

_LAZY = {
    "TunedAdapter": "langit.bundle.adapters",
    "FilmTable": "langit.bundle.films",
    "Bundle": "langit.bundle.parts",
    "Parts": "langit.bundle.parts",
    "load_bundle": "langit.bundle.folder",
    "resolve": "langit.bundle.places",
    "save_bundle": "langit.bundle.folder",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
