"""What the server's owner sets: where it listens, what it serves, and what it allows. Values, checked once."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from langit import config

FOLDER: Final = "serve"
"""The folder of LANGIT_HOME that holds everything of the server."""
DAY: Final = 86_400.0
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
"""Names under which a browser reaches a server on its own machine."""


@dataclass(frozen=True)
class Limits:
    """What one request, one key and one address may ask for.

    upload: bytes of a request's body.
    pixels: width times height of a frame that is uploaded.
    duration: seconds of an uploaded video.
    prompt: characters of a prompt.
    waiting: jobs of a key that wait or run.
    requests_per_minute: requests of a key.
    jobs_per_day: jobs of a key in 24 hours.
    public_per_minute: requests of an address to pages without an account, such as the detector.
    """

    upload: int = 200_000_000
    pixels: int = 1 << 23
    duration: float = 60.0
    prompt: int = 1000
    waiting: int = 100
    requests_per_minute: int = 6000
    jobs_per_day: int = 10_000
    public_per_minute: int = 20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"limit {name} {value:g} allows nothing: use a number above 0")


@dataclass(frozen=True)
class ServeSettings:
    """Settings of a server and its workers.

    home: LANGIT_HOME.
    host, port: where it listens.
    models: names or folders; the first is the default.
    device, dtype: of the models, as in ``langit generate``.
    database: a Postgres URL; None for SQLite under ``home``.
    public_url: how clients reach it from outside, such as https://video.example.com; its host name is accepted.
    origins: other web origins whose pages may call the API with a key.
    map_sizes: change sizes and seconds that a model cannot do to the nearest that it can, and say so in the response.
    workers: worker processes that are started beside the web process.
    keep: seconds after which finished videos are deleted.
    private_networks: networks in CIDR notation to which webhooks may be delivered although they are private.
    log_prompts: write prompts to the log.
    save_every: seconds between two saved denoising states of a job.
    grace: seconds that a job may still run when the server is asked to end.
    dead_after: seconds without a sign of life after which another worker's jobs move on.
    """

    home: Path = field(default_factory=config.home)
    host: str = "127.0.0.1"
    port: int = 8000
    models: tuple[str, ...] = ("pocket",)
    device: str = "auto"
    dtype: str = "auto"
    database: str | None = None
    public_url: str | None = None
    origins: tuple[str, ...] = ()
    map_sizes: bool = False
    workers: int = 1
    keep: float = 30 * DAY
    private_networks: tuple[str, ...] = ()
    log_prompts: bool = False
    save_every: float = 2.0
    grace: float = 20.0
    dead_after: float = 15.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"port {self.port} does not exist: use 1 to 65535, or 0 for any that is free")
        if not self.models:
            raise ValueError("no model is named: give at least one, for example pocket")
        if self.database is not None and not self.database.startswith(("postgresql://", "postgres://")):
            raise ValueError(
                f"database {self.database.split(':', 1)[0]!r} is not supported: give postgresql://USER@HOST/NAME, or"
                " leave it out for SQLite"
            )
        if not 0 <= self.workers <= 64:
            raise ValueError(f"workers {self.workers}: use 0 (others take the jobs) to 64")
        for name in ("keep", "save_every", "grace", "dead_after"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name.replace('_', '-')} {getattr(self, name):g} is not a duration: use 0 or more")
        for network in self.private_networks:
            ipaddress.ip_network(network)  # its ValueError names the network

    @property
    def folder(self) -> Path:
        """The folder of the database, keys and files."""
        return self.home / FOLDER

    @property
    def videos(self) -> Path:
        """The folder with one folder for each job. All servers of one database share it."""
        return self.folder / "videos"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine alone. A name counts only if it is localhost."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def dump_settings(settings: ServeSettings) -> dict[str, Any]:
    """Settings as plain values for JSON."""
    return {**asdict(settings), "home": str(settings.home)}


def parse_settings(values: dict[str, Any]) -> ServeSettings:
    """The settings that :func:`dump_settings` wrote."""
    lists = {name: tuple(values[name]) for name in ("models", "origins", "private_networks")}
    limits = Limits(**values["limits"])
    return ServeSettings(**{**values, **lists, "home": Path(values["home"]), "limits": limits})
