"""A worker process: opens models, takes jobs from the queue one after another, and tells the others that it lives.

Jobs are DBOS workflows whose steps may run twice. When a worker dies, another one puts its workflows back into the
queue; when it is asked to end, it saves the state of its job and does so itself. It exits without unwinding then, as
if it had been killed: there is one way to go on, and it is the one that is tested.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from types import FrameType
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS
from dbos._queue import queue_worker_thread

from langit.serve import database as tables
from langit.serve.attempts import Attempts
from langit.serve.bell import Doorbell
from langit.serve.crew import Crew, worker_id
from langit.serve.database import Database, JsonSerializer
from langit.serve.figures import WorkerFigures
from langit.serve.folders import JobFolder
from langit.serve.hooks import RETRIES, Webhooks
from langit.serve.hooks import WORKFLOW as DELIVER
from langit.serve.jobs import WORKFLOW as MAKE
from langit.serve.jobs import Jobs
from langit.serve.logs import set_up_logs
from langit.serve.making import StoppedError, VideoMaker
from langit.serve.models import ModelCard, ModelCards, model_name
from langit.serve.settings import ServeSettings, parse_settings
from langit.studio import Studio

LOGGER: Final = logging.getLogger("langit.serve")
POLL: Final = 0.1
"""Seconds between two looks into the queue, unless the bell rings."""
NEXT: Final = 0.02
"""Seconds from the end of a job to the next look: by then DBOS has written that it is over."""
BEAT: Final = 2.0
"""Seconds between two heartbeats."""
SWEEP: Final = 30.0
"""Seconds between two looks for what is to be deleted."""
STRAY: Final = 3600.0
"""Seconds after which a folder without a job is removed."""
HOOKS_AT_ONCE: Final = 8
"""Deliveries that a worker makes at once."""
HARD_EXIT: Final = 10.0
"""Seconds after the grace at which the process ends whatever it does."""


def run_worker(settings: ServeSettings, lifeline: Iterable[str] | None = None) -> None:
    """Serve jobs until the process is asked to end.

    Args:
        settings: see there.
        lifeline: a line for every job that the process that started this one has entered; when they end, that process
            has ended, and this one ends at once.

    Raises:
        ValueError, OSError: a model or the database cannot be opened.
    """
    set_up_logs()
    bell = Doorbell()
    if lifeline is not None:
        threading.Thread(target=_listen, args=(lifeline, bell), daemon=True).start()
    database = Database.open(settings, durable=False)
    studios = {
        model_name(model): Studio(model, device=settings.device, dtype=settings.dtype) for model in settings.models
    }
    name, figures, jobs = worker_id(), WorkerFigures(), Jobs(database)
    attempts = Attempts(database, name)
    maker = VideoMaker(settings, jobs, attempts, studios, figures)
    crew = Crew(database, settings, name)
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (the signature of a handler)
        maker.stop_at = min(maker.stop_at or float("inf"), time.monotonic() + settings.grace)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    parked = threading.Event()
    _register(maker, Webhooks(database, settings.private_networks), parked, bell)
    with crew.join():
        dbos = _launch(database, name, bell)
        cards = ModelCards(database)
        for model, studio in studios.items():
            cards.put(card_of(model, studio))
        LOGGER.info("worker is ready", extra={"worker": name})
        _keep_watch(crew, maker, database, settings, stop)
        LOGGER.info("worker ends", extra={"worker": name})
        # No new jobs; the running one ends by itself, or stops at its next step when its time is up.
        for event in dbos.background_thread_stop_events:
            event.set()
        deadline = (maker.stop_at or 0) + HARD_EXIT
        while maker.busy.locked() and not parked.is_set() and time.monotonic() < deadline:
            time.sleep(0.05)
        move_on(name)
        crew.leave()
        sys.stdout.flush()
        os._exit(0)


def card_of(name: str, studio: Studio) -> ModelCard:
    """What clients need to know of an open model."""
    model = studio.model
    return ModelCard(
        name=name,
        digest=studio.bundle.provenance.digest,
        sizes=model.frame_sizes,
        fps=model.fps,
        frames=model.sizes[0].frames,
        fewest=min(size.frames for size in model.sizes),
        most=model.max_frames,
        fast=bool(model.presets),
    )


def _register(maker: VideoMaker, webhooks: Webhooks, parked: threading.Event, bell: Doorbell) -> None:
    """Tell DBOS what the workflows of the queues are."""

    def make(job: str) -> None:
        try:
            maker.make(job)
        except StoppedError:
            parked.set()
            threading.Event().wait()  # the process ends around this thread, and the workflow stays unfinished

    def find_nearest(job: str) -> None:
        maker.find_nearest(job)

    def attempt(delivery: str) -> bool:
        return webhooks.deliver(delivery)

    make_step = DBOS.step(name="make")(make)
    nearest_step = DBOS.step(name="nearest")(find_nearest)
    deliver_step = DBOS.step(name="attempt")(attempt)

    @DBOS.workflow(name=MAKE, max_recovery_attempts=None)
    def make_video(job: str) -> None:
        make_step(job)
        nearest_step(job)
        bell.ring(NEXT)

    @DBOS.workflow(name=DELIVER, max_recovery_attempts=None)
    def deliver(name: str) -> None:
        for wait in (*RETRIES, 0.0):
            if deliver_step(name):
                return
            DBOS.sleep(wait)

    assert callable(make_video) and callable(deliver)


def _launch(database: Database, worker: str, bell: Doorbell) -> DBOS:
    """Start DBOS' threads, which take work from the queues; the one for videos listens to the bell."""
    dbos = DBOS(
        config={
            "name": tables.APPLICATION,
            "system_database_url": database.url,
            "system_database_engine": database.engine,
            "serializer": JsonSerializer(),
            "application_version": tables.VERSION,
            "executor_id": worker,
            "log_level": "WARNING",
            "use_listen_notify": False,
            "enable_otlp": False,
        }
    )
    DBOS.listen_queues([tables.HOOKS])
    DBOS.launch()
    videos = DBOS.register_queue(
        tables.QUEUE, worker_concurrency=1, polling_interval_sec=POLL, on_conflict="always_update"
    )
    DBOS.register_queue(
        tables.HOOKS, worker_concurrency=HOOKS_AT_ONCE, polling_interval_sec=5 * POLL, on_conflict="always_update"
    )
    dbos.background_thread_stop_events.append(bell)
    threading.Thread(target=queue_worker_thread, args=(bell, dbos, videos), daemon=True).start()
    return dbos


def move_on(worker: str) -> None:
    """Put the unfinished workflows of a worker back into their queues; another worker takes them."""
    DBOS._recover_pending_workflows([worker])


def _keep_watch(
    crew: Crew, maker: VideoMaker, database: Database, settings: ServeSettings, stop: threading.Event
) -> None:
    """Give signs of life, move on what the dead have left, and delete what has had its time, until asked to stop."""
    swept = -SWEEP
    while True:
        try:
            crew.beat(maker.figures.as_dict())
            for dead in crew.find_dead():
                LOGGER.warning("a worker died", extra={"worker": dead})
                move_on(dead)
                crew.bury(dead)
            if time.monotonic() - swept > SWEEP:
                swept = time.monotonic()
                delete_expired(database, settings)
        except sa.exc.SQLAlchemyError as error:
            LOGGER.warning("the database does not answer", exc_info=error)
        if stop.wait(BEAT):
            return


def delete_expired(database: Database, settings: ServeSettings) -> int:
    """Delete videos that have had their time, and folders that no job has; returns how many videos."""
    jobs, table, now = Jobs(database), tables.jobs, time.time()
    with database.engine.connect() as connection:
        expired = connection.execute(
            sa.select(table.c.id).where(table.c.expires_at < now, table.c.deleted.is_(False))
        ).scalars()
        names = list(expired)
    for name in names:
        jobs.mark_deleted(name)
        JobFolder.of(settings, name).remove()
    if names:
        database.client.delete_workflows(names)
    for path in settings.videos.iterdir():
        # A request that was cut off leaves a folder; one that goes on is younger.
        if path.is_dir() and now - path.stat().st_mtime > STRAY:
            job = jobs.find(path.name)
            if job is None or (job.deleted and job.is_over):
                JobFolder(path).remove()
    return len(names)


def _listen(lifeline: Iterable[str], bell: Doorbell) -> None:
    for _ in lifeline:
        bell.ring()
    os._exit(1)


def main() -> None:
    """The process that a server starts: settings come as a line of JSON, and the pipe's end is the server's."""
    values: dict[str, Any] = json.loads(sys.stdin.readline())
    run_worker(parse_settings(values), sys.stdin)


if __name__ == "__main__":
    main()
