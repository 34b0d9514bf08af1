"""What a model can make, as a worker read it from the model: the web process checks requests without loading any."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.errors import ApiError

FRESH: Final = 2.0
"""Seconds for which the cards that were read are used."""


@dataclass(frozen=True)
class ModelCard:
    """A model as clients need to know it.

    name: by which requests name it.
    digest: of its provenance.
    sizes: widths and heights that it makes, the default first.
    fps: frames a second.
    frames: the default number of frames of a video.
    fewest, most: frames of a video that is sampled at once; longer ones are made window by window.
    fast: whether it has a fast preset.
    video: whether it can make more than one frame.
    """

    name: str
    digest: str
    sizes: tuple[tuple[int, int], ...]
    fps: float
    frames: int
    fewest: int
    most: int
    fast: bool
    created_at: float = 0.0
    scripts: tuple[str, ...] = field(default=())

    @property
    def size_names(self) -> tuple[str, ...]:
        """Sizes as WIDTHxHEIGHT."""
        return tuple(f"{width}x{height}" for width, height in self.sizes)

    @property
    def seconds(self) -> float:
        """The default length."""
        return self.frames / self.fps

    @property
    def longest(self) -> float:
        """Seconds that are sampled at once."""
        return self.most / self.fps


@dataclass
class ModelCards:
    """The cards of the models that workers serve."""

    database: Database
    _read: tuple[float, tuple[ModelCard, ...]] = (-FRESH, ())

    def put(self, card: ModelCard) -> None:
        """Publish a card; a worker does so when it has loaded the model."""
        table = tables.models
        with self.database.begin() as connection:
            connection.execute(table.delete().where(table.c.name == card.name))
            connection.execute(
                table.insert().values(name=card.name, card=json.dumps(asdict(card)), created_at=time.time())
            )

    def list(self) -> Sequence[ModelCard]:
        """All cards, in the order in which workers published them first."""
        now = time.monotonic()
        if now - self._read[0] > FRESH:
            with self.database.engine.connect() as connection:
                rows = connection.execute(sa.select(tables.models).order_by(tables.models.c.created_at)).all()
            self._read = now, tuple(_card(json.loads(row.card), row.created_at) for row in rows)
        return self._read[1]

    def find(self, name: str | None, default: str) -> ModelCard:
        """The card of a model; OpenAI's names stand for the default model.

        Raises:
            ApiError: there is no such model, or no worker has loaded it yet.
        """
        wanted = default if name is None or name.startswith("sora-") else name
        cards = self.list()
        found = next((card for card in cards if card.name == wanted), None)
        if found is not None:
            return found
        if name is None or wanted == default:
            raise ApiError(
                503,
                "no worker has loaded the model yet: try again in a few seconds",
                code="not_ready",
                headers={"Retry-After": "2"},
            )
        known = ", ".join(card.name for card in cards) or "none yet"
        raise ApiError(
            400, f"model {name[:80]!r} is not served here: use {known}", param="model", code="model_not_found"
        )


def model_name(model: str) -> str:
    """By which name clients know a model that is named or is a bundle's folder."""
    return Path(model).name


def _card(values: dict[str, Any], created_at: float) -> ModelCard:
    sizes = tuple((width, height) for width, height in values.pop("sizes"))
    return ModelCard(**{**values, "sizes": sizes, "scripts": tuple(values["scripts"]), "created_at": created_at})
