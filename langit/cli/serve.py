"""`langit serve`: the server, its workers, and the keys of those who may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer, say
from langit.printable import to_json

if TYPE_CHECKING:
    from langit.serve.keys import Keys
    from langit.serve.settings import ServeSettings

serve = typer.Typer(invoke_without_command=True, help="Serve videos: OpenAI's video API, a page, and durable jobs.")
keys = typer.Typer(help="API keys: who may use the server.")
app.add_typer(serve, name="serve")
serve.add_typer(keys, name="keys")

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="LANGIT_DATABASE",  # where others cannot see the password in the list of processes
        help="postgresql://USER@HOST/NAME; default: SQLite under LANGIT_HOME.",
    ),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="A model's name, or a bundle's folder; the first is the default.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Dtype = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")]
Grace = Annotated[float, typer.Option(help="Seconds that a job may still run when the server is asked to end.")]
SaveEvery = Annotated[float, typer.Option(help="Seconds between two saved denoising states of a job.")]
Keep = Annotated[float, typer.Option(help="Days after which finished videos are deleted.")]
Networks = Annotated[
    list[str] | None,
    typer.Option("--allow-network", help="A private network, such as 10.0.0.0/8, to which webhooks may go."),
]
DAY = 86_400.0


@serve.callback()
def run(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on. Beyond this machine, API keys are needed.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any that is free.")] = 8000,
    model: Models = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    database: Database = None,
    public_url: Annotated[str | None, typer.Option(help="The URL by which clients reach the server.")] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="A web origin, such as https://example.com, whose pages may call the API.")
    ] = None,
    map_sizes: Annotated[
        bool, typer.Option("--map-sizes", help="Make the nearest size and length of what a model cannot make.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Worker processes on this machine; 0 if others take the jobs.")] = 1,
    keep: Keep = 30.0,
    allow_network: Networks = None,
    log_prompts: Annotated[bool, typer.Option("--log-prompts", help="Write prompts to the log.")] = False,
    save_every: SaveEvery = 2.0,
    grace: Grace = 20.0,
    upload: Annotated[int, typer.Option(help="Bytes of a request, at most.")] = 200_000_000,
    public_rate: Annotated[int, typer.Option(help="Requests a minute of an address without an account.")] = 20,
) -> None:
    """Serve videos on http://127.0.0.1:8000: OpenAI's video API under /v1, a page, and /docs."""
    if context.invoked_subcommand is not None:
        return
    from langit.serve.server import VideoServer
    from langit.serve.settings import Limits

    settings = _settings(
        host=host,
        port=port,
        models=tuple(model or ("pocket",)),
        device=device,
        dtype=dtype,
        database=database,
        public_url=public_url,
        origins=tuple(origin or ()),
        map_sizes=map_sizes,
        workers=workers,
        keep=keep * DAY,
        private_networks=tuple(allow_network or ()),
        log_prompts=log_prompts,
        save_every=save_every,
        grace=grace,
        limits=Limits(upload=upload, public_per_minute=public_rate),
    )
    VideoServer(settings, lambda url: say(f"{url} serves {', '.join(settings.models)}; {url}/docs describes it")).run()


@serve.command()
def worker(
    model: Models = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    database: Database = None,
    keep: Keep = 30.0,
    allow_network: Networks = None,
    save_every: SaveEvery = 2.0,
    grace: Grace = 20.0,
) -> None:
    """Take jobs from the queue, beside a server on this machine or another one with the same database and folder."""
    from langit.serve.worker import run_worker

    run_worker(
        _settings(
            models=tuple(model or ("pocket",)),
            device=device,
            dtype=dtype,
            database=database,
            keep=keep * DAY,
            private_networks=tuple(allow_network or ()),
            save_every=save_every,
            grace=grace,
        )
    )


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    limit: Annotated[
        list[str] | None,
        typer.Option(help="A limit of this key, such as jobs_per_day=20 or waiting=2; docs/serve.md lists them."),
    ] = None,
    database: Database = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key and print it, this once."""
    _, secret = _keys(database).add(name, dict(_limit(text) for text in limit or ()))
    answer({"name": name, "key": secret}, as_json, [secret])
    say("keep it: only its hash is stored. A running server without keys asks for them after a restart.", err=True)


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose key.")], database: Database = None, as_json: JsonOption = False
) -> None:
    """Revoke an API key; it is refused within seconds."""
    _keys(database).revoke(name)
    answer({"revoked": name}, as_json, [f"{name} is revoked"])


@keys.command("list")
def list_(
    database: Database = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the keys, without the keys themselves."""
    found = _keys(database).list()
    if as_json:
        rows = [
            {"name": key.name, "id": key.id, "valid": key.revoked_at is None, "limits": dict(key.limits)}
            for key in found
        ]
        typer.echo(to_json({"keys": rows}, None))
        return
    for key in found:
        say(f"{'valid  ' if key.revoked_at is None else 'revoked'} {key.name} ({key.id})")
    if not found:
        say("there are no keys: on this machine nobody needs one")


def _limit(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, int(value)
    except ValueError as error:
        raise ValueError(f"limit {text!r} is not NAME=NUMBER: write for example jobs_per_day=20") from error


def _settings(**values: object) -> ServeSettings:
    from langit.bundle.places import check_models
    from langit.serve.settings import ServeSettings

    settings = ServeSettings(**values)  # type: ignore[arg-type]  # the callers name them
    check_models(settings.models)  # a worker would fail, and be started again and again
    return settings


def _keys(database: str | None) -> Keys:
    from langit.serve.database import Database as Opened
    from langit.serve.keys import Keys

    settings = _settings(database=database)
    return Keys(Opened.open(settings))
