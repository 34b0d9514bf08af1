"""The web application: its services as values, and the routers that it is composed of. It loads no model."""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

import langit
from langit.files import write_bytes
from langit.serve.access import AccessLog
from langit.serve.characters import Characters
from langit.serve.crew import Crew
from langit.serve.database import Database
from langit.serve.errors import add_handlers
from langit.serve.hooks import Webhooks
from langit.serve.jobs import Jobs
from langit.serve.keys import Keys
from langit.serve.limits import BodyLimit, Rates
from langit.serve.models import ModelCards, model_name
from langit.serve.routes import (
    characters,
    content,
    coverage,
    detect,
    events,
    health,
    images,
    models,
    nearest,
    pages,
    rights,
    sessions,
    training,
    videos,
    webhooks,
)
from langit.serve.routes.documents import describe
from langit.serve.settings import ServeSettings

DESCRIPTION: Final = (
    "Text to video in the shape of OpenAI's video API. Fields that begin with x_ are Langit's own."
    " Every file is watermarked, signed and entered in a ledger."
)
# Literal paths come before /v1/videos/{id}, which would take them for ids.
ROUTERS: Final[Sequence[APIRouter]] = (
    health.router,
    sessions.router,
    models.router,
    characters.router,
    videos.router,
    content.router,
    events.router,
    images.router,
    webhooks.router,
    coverage.router,
    nearest.router,
    training.router,
    detect.router,
    rights.router,
    pages.router,
)


@dataclass(frozen=True)
class Services:
    """What endpoints work with.

    secret: signs sessions of browsers.
    is_open: whether no key is needed; only on loopback.
    default_model: the model of requests that name none.
    stopping: is set when the process is to end, so that streams end.
    """

    settings: ServeSettings
    database: Database
    jobs: Jobs
    keys: Keys
    cards: ModelCards
    secret: bytes
    is_open: bool
    default_model: str
    webhooks: Webhooks
    characters: Characters
    crew: Crew
    rates: Rates = field(default_factory=Rates)
    stopping: threading.Event = field(default_factory=threading.Event)

    def check_characters(self, owner: str, names: Sequence[str]) -> None:
        """Refuse characters without a consent in force; see :meth:`Characters.check`."""
        self.characters.check(owner, names)

    @classmethod
    def open(cls, settings: ServeSettings, on_new: Callable[[], object] = lambda: None) -> Services:
        """Open the database of these settings.

        Args:
            settings: see there.
            on_new: is called when a job has been entered.

        Raises:
            ValueError: the server listens beyond this machine and has no keys.
            OSError: see :meth:`Database.open`.
        """
        database = Database.open(settings)
        keys = Keys(database)
        is_open = not keys.exist
        if is_open and not (settings.is_loopback and settings.public_url is None):
            database.close()
            raise ValueError(
                f"beyond this machine ({settings.public_url or settings.host}) every caller needs an API key, and there"
                " is none: make one with langit serve keys add NAME"
            )
        return cls(
            settings=settings,
            database=database,
            jobs=Jobs(database, on_new),
            keys=keys,
            cards=ModelCards(database),
            secret=_secret(settings),
            is_open=is_open,
            default_model=model_name(settings.models[0]),
            webhooks=Webhooks(database, settings.private_networks),
            characters=Characters(database, settings.home),
            crew=Crew(database, settings),
        )


def create_app(settings: ServeSettings, services: Services | None = None) -> FastAPI:
    """The application.

    Args:
        settings: see there.
        services: open ones; by default those of the settings, closed when the application ends.

    Raises:
        ValueError, OSError: see :meth:`Services.open`.
    """
    opened = Services.open(settings) if services is None else services

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if services is None:
            opened.database.close()

    app = FastAPI(
        title="Langit",
        version=langit.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's loads scripts from elsewhere; ours is among the pages
        redoc_url=None,
    )
    app.state.services = opened
    app.openapi = functools.partial(describe, app)  # type: ignore[method-assign]  # how FastAPI lets one change it
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit, most=settings.limits.upload)
    app.add_middleware(AccessLog)
    if settings.origins:
        # Keys travel in a header; cookies stay with our own pages.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key"],
        )
    return app


def _secret(settings: ServeSettings) -> bytes:
    """The secret that signs sessions, made on first use and shared by all servers of one folder."""
    path = settings.folder / "session.secret"
    with suppress(FileExistsError):
        write_bytes(path, secrets.token_bytes(32), private=True, replace=False)
    return path.read_bytes()
