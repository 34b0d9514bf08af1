"""Langit: an open text-to-video system whose training data is on record.

from langit import Studio
Studio("pocket").generate("a red ball bounces on snow", seed=7)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langit.studio import Studio

__all__ = ["Studio", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Imported on first use: with torch it takes a second, and `import langit` alone should take none.
    if name == "Studio":
        return import_module("langit.studio").Studio
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
