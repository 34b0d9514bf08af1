"""How the door is set: each part's own settings, from ``release.toml`` under LANGIT_HOME; what is left out is default.

Knows nothing of what the settings mean: each section is its owner's.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from langit import config
from langit.release.gates.frames import FramesConfig
from langit.release.gates.prompt import PromptConfig
from langit.release.identity import SigningConfig
from langit.release.nearest.gate import NearestConfig

FILE: Final = "release.toml"


@dataclass(frozen=True)
class ReleaseConfig:
    """Everything that may be set of the door. What leaves is always watermarked, signed and entered."""

    prompt: PromptConfig = field(default_factory=PromptConfig)
    frames: FramesConfig = field(default_factory=FramesConfig)
    nearest: NearestConfig = field(default_factory=NearestConfig)
    signing: SigningConfig = field(default_factory=SigningConfig)


def read(home: Path) -> ReleaseConfig:
    """The settings of a home.

    Raises:
        ValueError: the file is not TOML, or has a wrong key or value; it is named.
    """
    path = home / FILE
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ReleaseConfig()
    except ValueError as error:
        raise ValueError(f"{path} is not TOML ({error}): mend the file") from error
    try:
        return config.load(ReleaseConfig, plain)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
