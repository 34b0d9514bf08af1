"""The provenance of a model as one frozen value: the recipe, the ledger, the films, the run, and all files' digests.

Anyone can check two of its parts: the files, and the films, by rendering them again from their seeds. Knows nothing of
weights or folders.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import langit
from langit import config

FORMAT = "langit-provenance-1"
FILE = "provenance.json"
_TABLE_NAME = re.compile(r"[\w-]+\.safetensors")  # a file of the bundle's own folder


@dataclass(frozen=True)
class LedgerState:
    """The state of the training ledger when the run read it: the log's origin, its size and RFC 6962 root (hex)."""

    origin: str
    size: int
    root: str


@dataclass(frozen=True)
class Undisclosed:
    """A training set that the model's makers do not disclose. ``makers`` names them, for example "Wan Team"."""

    makers: str

    def __post_init__(self) -> None:
        if not self.makers.strip():
            raise ValueError("undisclosed training data needs the name of the model's makers: name them")


@dataclass(frozen=True)
class ExposureRecord:
    """The clips that a training stage saw: the rows of its exposure log, their root (hex), and its steps."""

    root: str
    rows: int
    steps: int


@dataclass(frozen=True)
class TrainingRecord:
    """The time, computation and hardware that a training stage took."""

    seconds: float
    flops: float
    device: str

    def __post_init__(self) -> None:
        # 1 and 1.0 are equal but have different JSON; the digest must not depend on which was given.
        object.__setattr__(self, "seconds", float(self.seconds))
        object.__setattr__(self, "flops", float(self.flops))


@dataclass(frozen=True)
class SeedGroup:
    """``count`` films of one size, with seeds from ``first`` to ``last``, both included.

    ``world`` is empty for the world that :class:`FilmsRecord` names, and is then not written.
    """

    pixels: str
    first: int
    last: int
    count: int
    world: str = ""


@dataclass(frozen=True)
class FilmsRecord:
    """The rendered training films: ``file`` has a row for each of them, ``root`` is the Merkle root of its rows."""

    world: str
    groups: tuple[SeedGroup, ...]
    file: str
    root: str

    @property
    def count(self) -> int:
        """The number of films in all groups."""
        return sum(group.count for group in self.groups)


@dataclass(frozen=True)
class Provenance:
    """``provenance.json``. ``exposure`` and ``training`` are by stage; ``films`` and ``files`` are set on saving.

    ``base`` is the digest of the model whose weights training began from; what that model learnt, this one did too.
    """

    model: str
    version: str
    code_version: str
    recipe: dict[str, Any]
    ledger: LedgerState | Undisclosed
    exposure: dict[str, ExposureRecord]
    training: dict[str, TrainingRecord]
    films: FilmsRecord | None = None
    files: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT
    base: str | None = None

    @property
    def recipe_hash(self) -> str:
        """``sha256:`` and the hash of the recipe's canonical JSON."""
        return config.digest_of(self.recipe)

    @property
    def digest(self) -> str:
        """``sha256:`` and the hash of this record, which includes every file's: it identifies the model everywhere."""
        return config.digest_of(self._plain())

    def text(self) -> str:
        """The JSON text of ``provenance.json``."""
        plain = self._plain() | {"recipe_hash": self.recipe_hash}
        return json.dumps({"format": plain.pop("format"), **plain}, indent=1, ensure_ascii=False) + "\n"

    def _plain(self) -> dict[str, Any]:
        plain = config.dump(self)
        if isinstance(self.ledger, Undisclosed):
            plain["ledger"] = {"undisclosed": self.ledger.makers}
        if self.base is None:
            del plain["base"]  # so that models without a base keep the digest that they had before there was one
        for group in plain["films"]["groups"] if plain["films"] else ():
            if not group["world"]:
                del group["world"]
        return plain

    @classmethod
    def parse(cls, text: str | bytes) -> Provenance:
        """Read :meth:`text`.

        Raises:
            ValueError: the text is not a provenance, or its recipe is not the one that its hash names.
        """
        try:
            plain = config.parse_json(text, FILE)
        except ValueError as error:
            raise ValueError(f"{error}; get the bundle again") from error
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            found = plain.get("format") if isinstance(plain, dict) else type(plain).__name__
            raise ValueError(f"{FILE} is of format {found!r}, not {FORMAT!r}: get another bundle")
        recipe, recipe_hash = plain.pop("recipe", None), plain.pop("recipe_hash", None)
        if not isinstance(recipe, dict) or config.digest_of(recipe) != recipe_hash:
            raise ValueError(f"the recipe in {FILE} is not the one that recipe_hash names: get the bundle again")
        if isinstance(plain.get("ledger"), dict) and plain["ledger"].keys() == {"undisclosed"}:
            plain["ledger"] = {"makers": plain["ledger"]["undisclosed"]}
        try:
            typed = config.load(_Provenance, plain)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{FILE} is incomplete ({error}): get the bundle again") from error
        if typed.films is not None and not _TABLE_NAME.fullmatch(typed.films.file):
            raise ValueError(f"{FILE} names {typed.films.file!r} as its table of films: get the bundle again")
        return cls(recipe=recipe, **{part.name: getattr(typed, part.name) for part in dataclasses.fields(typed)})


@dataclass(frozen=True)
class _Provenance:
    """The typed fields, for :func:`langit.config.load`; the recipe belongs to another room and stays a plain dict."""

    model: str
    version: str
    code_version: str
    ledger: LedgerState | Undisclosed
    exposure: dict[str, ExposureRecord]
    training: dict[str, TrainingRecord]
    films: FilmsRecord | None
    files: dict[str, str]
    format: str
    base: str | None = None


def code_version() -> str:
    """The git commit of the running code, with ``+changes`` if it was edited since; else the package's version."""
    root = Path(langit.__file__).parents[1]
    if (root / ".git").exists():
        try:
            commit = _git(root, "rev-parse", "HEAD")
            return commit + ("+changes" if _git(root, "status", "--porcelain", "--", "langit") else "")
        except (OSError, subprocess.CalledProcessError):
            pass  # git is missing, or refuses a folder that another user owns
    return langit.__version__


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
