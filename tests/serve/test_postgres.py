"""Several workers on one Postgres share the queue; a dead one's jobs move on; any server answers for any job."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from serve.running import RunningServer, environment, outputs_of

from langit.files import sha256
from langit.serve import database as tables
from langit.serve.database import create_engine, database_url
from langit.serve.folders import JobFolder
from langit.serve.settings import ServeSettings

pytestmark = pytest.mark.slow


def programs() -> Path | None:
    """The folder of Postgres' programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A Postgres of our own; its URL."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("Postgres is missing: install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="langit-postgres-"))  # pytest's own folders are root's alone
    who: dict[str, object] = {}
    if os.geteuid() == 0:  # which Postgres refuses to be run by
        who = {"user": "nobody", "group": "nogroup"}
        shutil.chown(folder, "nobody", "nogroup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [bin_folder / "initdb", "-D", data, "-U", "langit", "--auth=trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        **who,  # type: ignore[call-overload]
    )
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [bin_folder / "postgres", "-D", data, "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"],
        stdout=log,
        stderr=log,
        **who,  # type: ignore[call-overload]
    )
    try:
        url = f"postgresql://langit@127.0.0.1:{port}/postgres"
        deadline = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
        time.sleep(1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # its fast shutdown
        process.wait(60)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def start_worker(home: Path, url: str, model: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "langit", "serve", "worker", "--model", str(model), "--save-every", "0"]
    environ = environment(home) | {"LANGIT_DATABASE": url}
    with (home / "workers.log").open("a") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, text=True, env=environ)


def test_workers_share_the_queue_and_take_each_others_jobs_over(postgres: str, model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = ServeSettings(home=home, database=postgres)
    one = RunningServer.launch(model, home, "--workers", "0", "--database", postgres)
    other = RunningServer.launch(model, home, "--workers", "0", "--database", postgres)
    workers = [start_worker(home, postgres, model) for _ in range(2)]
    engine = create_engine(database_url(settings))
    try:
        one.wait_ready()
        one.until(lambda: "langit_workers 2.0" in httpx.get(f"{one.url}/metrics").text)
        names = [(one, other)[number % 2].create(x_steps=60) for number in range(6)]
        long = one.create(x_steps=1000)
        for name in names:
            assert other.finish(name)["status"] == "completed"  # whoever was asked for it
        with engine.connect() as connection:
            jobs = connection.execute(sa.select(tables.jobs)).all()
        assert len({job.worker for job in jobs if job.id in names}) == 2
        content = [httpx.get(f"{server.url}/v1/videos/{names[0]}/content").content for server in (one, other)]
        assert content[0] == content[1] and content[0][4:8] == b"ftyp"
        # The worker of the long job is killed: the other one goes on.
        one.until(lambda: one.get(long)["x_step"] > 20)
        with engine.connect() as connection:
            holder = connection.execute(sa.select(tables.jobs.c.worker).where(tables.jobs.c.id == long)).scalar_one()
        (victim,) = [worker for worker in workers if f"-{worker.pid}-" in holder]
        reached = one.get(long)["x_step"]
        victim.kill()
        victim.wait()
        steps: list[int] = []

        def moved() -> bool:
            with engine.connect() as connection:
                row = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.id == long)).one()
            steps.append(row.steps)
            return row.worker != holder and row.steps > reached

        one.until(moved)
        assert min(steps) >= reached - 20  # the database is told a little later than the folder
        assert one.finish(long)["status"] == "completed"
        digest = sha256(JobFolder.of(settings, long).output("video"))
        assert [output.content_sha256 for output in outputs_of(home)].count(digest) == 1
        assert len(outputs_of(home)) == len(names) + 1
    finally:
        engine.dispose()
        for process in (*workers, one.process, other.process):
            if process.poll() is None:
                process.terminate()
        for process in (*workers, one.process, other.process):
            process.wait(60)
