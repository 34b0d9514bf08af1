"""What a model came from, as one frozen value: the recipe, the ledger, the films, the run, and every file's hash.

Knows nothing of weights or folders. Two of its parts can be checked by anyone: the files, and the films, which are
rendered again from their seeds.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import langit
from langit import config

FORMAT = "langit-provenance-1"
FILE = "provenance.json"


@dataclass(frozen=True)
class LedgerState:
    """The training ledger as the run read it: whose log, how many entries, their RFC 6962 root (hex)."""

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
    """Which clips a stage of training saw: rows of its exposure log, their root (hex), and its steps."""

    root: str
    rows: int
    steps: int


@dataclass(frozen=True)
class TrainingRecord:
    """What a stage of training took."""

    seconds: float
    flops: float
    device: str

    def __post_init__(self) -> None:
        # 1 and 1.0 are one number and two texts; what is hashed must not depend on which was given.
        object.__setattr__(self, "seconds", float(self.seconds))
        object.__setattr__(self, "flops", float(self.flops))


@dataclass(frozen=True)
class SeedGroup:
    """Films of one size: ``count`` of them, their seeds within ``first`` and ``last``, both included.

    ``world`` is named only where it is not the one that :class:`FilmsRecord` names, and is not written where it is empty.
    """

    pixels: str
    first: int
    last: int
    count: int
    world: str = ""


@dataclass(frozen=True)
class FilmsRecord:
    """The rendered films trained on; ``file`` holds a row for each of them, ``root`` is the Merkle root of its rows."""

    world: str
    groups: tuple[SeedGroup, ...]
    file: str
    root: str

    @property
    def count(self) -> int:
        """Films in all groups."""
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
        """``sha256:`` and the hash of all that is said here: the model's name for the ledger and for its videos."""
        return config.digest_of(self._plain())

    def text(self) -> str:
        """The JSON that goes on disk."""
        said = self._plain() | {"recipe_hash": self.recipe_hash}
        return json.dumps({"format": said.pop("format"), **said}, indent=1, ensure_ascii=False) + "\n"

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
    def parse(cls, text: str) -> Provenance:
        """Read :meth:`text`.

        Raises:
            ValueError: it is not a provenance, or its recipe is not the one that its hash names.
        """
        try:
            said = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{FILE} is not JSON ({error}): get the bundle again") from error
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            found = said.get("format") if isinstance(said, dict) else said
            raise ValueError(f"{FILE} is of format {found!r}, not {FORMAT!r}: get another bundle")
        recipe, recipe_hash = said.pop("recipe", None), said.pop("recipe_hash", None)
        if not isinstance(recipe, dict) or config.digest_of(recipe) != recipe_hash:
            raise ValueError(f"the recipe in {FILE} is not the one that recipe_hash names: get the bundle again")
        if isinstance(said.get("ledger"), dict) and said["ledger"].keys() == {"undisclosed"}:
            said["ledger"] = {"makers": said["ledger"]["undisclosed"]}
        try:
            plain = config.load(_Provenance, said)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{FILE} is incomplete ({error}): get the bundle again") from error
        rest = {part.name: getattr(plain, part.name) for part in dataclasses.fields(plain)}
        return cls(recipe=recipe, **rest)


@dataclass(frozen=True)
class _Provenance:
    """The parts with a type; the recipe is another room's and stays as it is."""

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
    """The git commit of the code that runs (``+changes`` if it was edited since), else the package's version."""
    root = Path(langit.__file__).parents[1]
    if (root / ".git").exists():
        try:
            commit = _git(root, "rev-parse", "HEAD")
            return commit + ("+changes" if _git(root, "status", "--porcelain", "--", "langit") else "")
        except (OSError, subprocess.CalledProcessError):
            pass  # no git here, or a folder that it does not own: the package's version is what is known
    return langit.__version__


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
