"""A server in this process without workers, and one in processes of its own with a tiny model."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import model
from fastapi.testclient import TestClient
from PIL import Image
from serve.running import RunningServer

from langit import video
from langit.serve.app import Services, create_app
from langit.serve.database import FILE
from langit.serve.models import ModelCard
from langit.serve.settings import Limits, ServeSettings

__all__ = ["model"]

CARD = ModelCard("tiny", "sha256:" + "0" * 64, ((32, 32), (48, 32)), 8.0, 9, 1, 9, fast=False)
Start = Callable[..., "Local"]


class Local(TestClient):
    """A client of an application in this process, with the application's services."""

    services: Services


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, to copy: making them takes most of a second."""
    settings = ServeSettings(home=tmp_path_factory.mktemp("template"))
    Services.open(settings).database.close()
    return settings.folder / FILE


@pytest.fixture
def start(tmp_path: Path, empty_database: Path) -> Iterator[Start]:
    """Start applications, with settings as keywords; the model's card is published as a worker would do it."""
    opened = []

    def begin(*, card: bool = True, **settings: object) -> Local:
        values = {"home": tmp_path / "home", "models": ("tiny",), **settings}
        settings = ServeSettings(**values)  # type: ignore[arg-type]
        if not (settings.folder / FILE).exists():
            settings.folder.mkdir(parents=True)
            shutil.copy(empty_database, settings.folder / FILE)
        services = Services.open(settings)
        opened.append(services)
        if card:
            services.cards.put(CARD)
        host = services.settings.public_url or "http://127.0.0.1:8000"
        client = Local(create_app(services.settings, services), base_url=host, raise_server_exceptions=False)
        client.services = services
        return client

    yield begin
    for services in opened:
        services.database.close()


@pytest.fixture
def client(start: Start) -> Local:
    """An application on loopback without keys, with small limits."""
    return start(limits=Limits(upload=300_000, pixels=10_000, duration=3.0))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of nine frames that the tiny model can continue."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    video.write(path, np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8), 8)
    return path.read_bytes()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A picture of the tiny model's size."""
    return make_picture(32, 32)


def make_picture(width: int, height: int) -> bytes:
    """A picture as PNG."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a worker, for all tests of this folder; denoising states are saved at every step."""
    with RunningServer.start(model, tmp_path_factory.mktemp("home"), "--save-every", "0") as running:
        yield running
