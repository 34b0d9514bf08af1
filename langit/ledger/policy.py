"""What a model may learn from: a short file that people read, hashed into every manifest.

The policy that ships is ``policy.toml`` beside this module; its values are the defaults of :class:`Policy`. Knows
nothing of footage.
"""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from langit import config
from langit.ledger.record import Scheme

SYNTHETIC = ("refuse", "judge")


@cache
def _shipped() -> dict[str, Any]:
    return tomllib.loads(files("langit.ledger").joinpath("policy.toml").read_text(encoding="utf-8"))


def _as_shipped(name: str) -> Callable[[], tuple[str, ...]]:
    return lambda: tuple(_shipped()[name])


@dataclass(frozen=True)
class Policy:
    """Licences by SPDX identifier, opt-out signals by scheme, and what consent has to cover: see ``policy.toml``."""

    name: str = field(default_factory=lambda: str(_shipped()["name"]))
    allowed: tuple[str, ...] = field(default_factory=_as_shipped("allowed"))
    attribution: tuple[str, ...] = field(default_factory=_as_shipped("attribution"))
    refused: tuple[str, ...] = field(default_factory=_as_shipped("refused"))
    heed: tuple[str, ...] = field(default_factory=_as_shipped("heed"))
    outweighed: tuple[str, ...] = field(default_factory=_as_shipped("outweighed"))
    must_read: tuple[str, ...] = field(default_factory=_as_shipped("must_read"))
    consent: tuple[str, ...] = field(default_factory=_as_shipped("consent"))
    synthetic: str = config.added_field("refuse")  # "refuse" outputs of models, or "judge" them as other footage

    def __post_init__(self) -> None:
        if self.synthetic not in SYNTHETIC:
            raise ValueError(f"policy {self.name!r} says synthetic = {self.synthetic!r}: use {' or '.join(SYNTHETIC)}")
        both = set(self.allowed) & set(self.refused)
        if both:
            raise ValueError(f"policy {self.name!r} allows and refuses {', '.join(sorted(both))}: keep one")
        unknown = {*self.heed, *self.outweighed, *self.must_read} - {*typing.get_args(Scheme)}
        if unknown:
            raise ValueError(
                f"policy {self.name!r} names unknown signals {', '.join(sorted(unknown))}:"
                f" use {', '.join(typing.get_args(Scheme))}"
            )

    @property
    def digest(self) -> str:
        """``sha256:`` and the hash of the policy; fields that were added later count only where they are used."""
        return config.digest_of(config.identifying(self))


def load(path: Path) -> Policy:
    """Read a policy from TOML, or from JSON if the file ends in ``.json``; keys that are left out are as shipped.

    Raises:
        ValueError: not such a file, an unknown key, or the shipped policy's name for another policy.
        OSError: the file cannot be read.
    """
    if path.suffix == ".json":
        policy = config.load(Policy, path)
    else:
        try:
            plain = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"policy {path} is not TOML: {error}") from error
        policy = config.load(Policy, plain)
    shipped = Policy()
    if policy.name == shipped.name and policy != shipped:
        raise ValueError(f"policy {path} differs from the shipped {policy.name!r}: give it another name")
    return policy
