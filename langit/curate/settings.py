"""The settings of a curation, read from a TOML file: which footage, which limits, who writes the captions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langit import config
from langit.curate.survey import SurveySettings


@dataclass(frozen=True)
class ClipLimits:
    """What a clip needs in order to be kept. 0 turns a limit off, but for ``text`` and ``still_text``, where 1 does.

    Speeds are in picture widths per second, see `measures`; ``text`` and ``bars`` are shares of the picture.
    """

    seconds: float = 2.0  # minimum length
    side: int = 64  # minimum pixels of the shorter side between black bars
    motion: float = 0.004  # minimum speed of the camera and of things in the picture together
    shake: float = 1.5  # maximum speed of the camera
    sharpness: float = 3.0  # minimum
    bars: float = 0.5  # maximum share under black bars; smaller bars are cropped
    text: float = 0.003  # maximum share under lettering that does not move
    still_text: float = config.added_field(0.01)  # of a picture, in which clutter looks like lettering more often

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:  # also refuses NaN
                raise ValueError(f"limits.{name} is {value}: use 0 or more")


@dataclass(frozen=True)
class FaceSettings:
    """How faces are detected. ``smallest`` is a share of the picture's shorter side, scores are from 0 to 1.

    The scores were chosen on films other than the one that docs/curate.md reports.
    """

    look: bool = True
    smallest: float = 0.06
    screen: float = 0.25  # score from which BlazeFace's faces are looked at by CenterFace
    confirm: float = 0.35  # score from which CenterFace's count
    pictures: int = 1  # of a clip that must show a face

    def __post_init__(self) -> None:
        for name in ("smallest", "screen", "confirm"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"faces.{name} is {getattr(self, name)}: use a number above 0 and up to 1")
        if self.pictures < 1:
            raise ValueError(f"faces.pictures is {self.pictures}: use 1 or more")


@dataclass(frozen=True)
class DuplicateSettings:
    """Two clips are duplicates if at least ``share`` of the shorter one's fingerprints have a match in the other.

    Two fingerprints match if they differ in at most ``bits`` of 256 bits.
    """

    bits: int = 72
    share: float = 0.5
    quality: int = 40  # PDQ quality below which a fingerprint has too little detail to be compared

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= 256 or not 0 < self.share <= 1:
            raise ValueError(f"duplicates {vars(self)}: use bits of 0 to 256 and a share above 0 and up to 1")


@dataclass(frozen=True)
class CaptionSettings:
    """Who writes captions.

    ``sidecar``: a .txt or .json beside the file. ``transformers``: a local image-text-to-text model. ``openai``: a
    server with ``/v1/chat/completions`` at ``url``; ``key`` names the environment variable that holds the API key.
    ``none``: clips are kept without captions.
    """

    by: Literal["sidecar", "transformers", "openai", "none"] = "sidecar"
    model: str = ""
    url: str = ""
    key: str = "OPENAI_API_KEY"
    prompt: str = "Describe what happens in this video in one or two plain sentences."
    language: str = "en"
    pictures: int = 4  # of a clip that the model is shown
    words: int = 120  # maximum length of an answer, in tokens
    seconds: float = 120.0  # timeout of a request

    def __post_init__(self) -> None:
        if self.by in ("transformers", "openai") and not self.model:
            raise ValueError(f"captions.by is {self.by!r} without captions.model: name the model")
        if self.by == "openai" and not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"captions.url is {self.url!r}: give the server's address, for example http://localhost:8000"
            )
        if self.pictures < 1 or self.words < 1:
            raise ValueError("captions.pictures and captions.words must be 1 or more")


@dataclass(frozen=True)
class Curation:
    """A whole curation. ``footage`` is a folder, a .txt with one path per line, or the address of a bucket."""

    name: str
    footage: str
    policy: str | None = None  # a policy file; None for the policy that ships with Langit
    batch: int = 16  # files between two writes to the ledger
    survey: SurveySettings = field(default_factory=SurveySettings)
    limits: ClipLimits = field(default_factory=ClipLimits)
    faces: FaceSettings = field(default_factory=FaceSettings)
    duplicates: DuplicateSettings = field(default_factory=DuplicateSettings)
    captions: CaptionSettings = field(default_factory=CaptionSettings)

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.batch < 1:
            raise ValueError(f"batch is {self.batch}: use 1 file or more")


def check_name(name: str) -> None:
    """Refuse a name that cannot be part of a file name: the default output folder carries it.

    Raises:
        ValueError: the name is blank, has a path separator or a control character, or starts with a dot.
    """
    if not name.strip():
        raise ValueError("the curation has no name: set name, which also names its manifest")
    if name.startswith(".") or any(c in "/\\" or not c.isprintable() for c in name):
        raise ValueError(f"name {name!r} cannot be part of a folder's name: leave out / and \\ and the leading dot")


def load(path: Path) -> Curation:
    """Read a curation's TOML file. Relative paths in it are relative to its folder.

    Raises:
        ValueError: the file is not TOML, or has an unknown setting or a value that does not fit.
        OSError: the file cannot be read.
    """
    try:
        plain: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML ({error}): correct the file") from error
    for key in ("footage", "policy"):
        place = plain.get(key)
        if isinstance(place, str) and "://" not in place:
            plain[key] = str(path.parent / place)
    captions = plain.get("captions")
    if isinstance(captions, dict) and captions.get("by") == "transformers" and isinstance(captions.get("model"), str):
        beside = path.parent / captions["model"]  # unless there is such a folder, it may be a name on the Hub
        captions["model"] = str(beside) if captions["model"] and beside.is_dir() else captions["model"]
    return config.load(Curation, plain)
