"""What a curation is told: which footage, which limits, who writes captions, what the set is called. A TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langit import config
from langit.curate.survey import SurveySettings


@dataclass(frozen=True)
class ClipLimits:
    """What a clip must have to be kept. 0 switches a limit off, but for ``text``, which 1 switches off.

    Speeds are in picture widths a second, see ``measures``; ``text`` and ``bars`` are shares of the picture.
    """

    seconds: float = 2.0  # at least this long
    side: int = 64  # pixels, of the shorter side that is left between black bars
    motion: float = 0.004  # the whole picture's and the things' together, below which nothing moves
    shake: float = 1.5  # the whole picture's, above which nothing can be followed
    sharpness: float = 3.0  # below which nothing is in focus
    bars: float = 0.5  # of the picture that black bars may take; less is cut off
    text: float = 0.003  # under lettering that stands still

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"limits.{name} is {value}: give 0 or more")


@dataclass(frozen=True)
class FaceSettings:
    """How faces are looked for: the smallest that counts, as a share of the picture's shorter side, and how surely."""

    look: bool = True
    smallest: float = 0.09
    votes: int = 3  # neighbouring windows that must agree
    pictures: int = 2  # of a clip that must show one: a single one is more often a mistake

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= 1 or self.votes < 1 or self.pictures < 1:
            raise ValueError(f"faces {vars(self)}: give a share above 0 and up to 1, and counts of 1 or more")


@dataclass(frozen=True)
class DuplicateSettings:
    """Two clips are one if ``share`` of the shorter one's fingerprints lie within ``bits`` of one of the other's."""

    bits: int = 72
    share: float = 0.5
    quality: int = 40  # fingerprints of less detail are not compared

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= 256 or not 0 < self.share <= 1:
            raise ValueError(f"duplicates {vars(self)}: give bits of 0 to 256 and a share above 0 and up to 1")


@dataclass(frozen=True)
class CaptionSettings:
    """Who writes captions. ``sidecar``: a .txt or .json beside the file. ``transformers``: an image-text-to-text model.

    ``openai``: any server with ``/v1/chat/completions`` at ``url``; ``key`` names the environment variable that holds
    its key. ``none``: clips are kept without.
    """

    by: Literal["sidecar", "transformers", "openai", "none"] = "sidecar"
    model: str = ""
    url: str = ""
    key: str = "OPENAI_API_KEY"
    prompt: str = "Describe what happens in this video in one or two plain sentences."
    language: str = "en"
    pictures: int = 4  # of a clip that the model is shown
    words: int = 120  # tokens that it may answer with
    seconds: float = 120.0  # that a server may take

    def __post_init__(self) -> None:
        if self.by in ("transformers", "openai") and not self.model:
            raise ValueError(f"captions.by is {self.by!r} without captions.model: name the model")
        if self.by == "openai" and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"captions.url is {self.url!r}: give the server's address, http://localhost:8000")
        if self.pictures < 1 or self.words < 1:
            raise ValueError("captions.pictures and captions.words: give 1 or more")


@dataclass(frozen=True)
class Curation:
    """A whole curation. ``footage`` is a folder, a .txt with a path on each line, or the address of a bucket."""

    name: str
    footage: str
    policy: str | None = None  # a file; the policy that ships if left out
    batch: int = 16  # files between two entries in the ledger
    survey: SurveySettings = field(default_factory=SurveySettings)
    limits: ClipLimits = field(default_factory=ClipLimits)
    faces: FaceSettings = field(default_factory=FaceSettings)
    duplicates: DuplicateSettings = field(default_factory=DuplicateSettings)
    captions: CaptionSettings = field(default_factory=CaptionSettings)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a curation without a name: give the manifest's")
        if self.batch < 1:
            raise ValueError(f"batch is {self.batch}: give 1 file or more")


def load(path: Path) -> Curation:
    """Read a curation's TOML; relative paths in it are taken from its folder.

    Raises:
        ValueError: not TOML, or an unknown or unfitting setting.
        OSError: the file cannot be read.
    """
    try:
        plain: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML ({error}): mend the file") from error
    for key in ("footage", "policy"):
        place = plain.get(key)
        if isinstance(place, str) and "://" not in place:
            plain[key] = str(path.parent / place)
    return config.load(Curation, plain)
