"""The bell between a server and its workers, and sockets that send without delay."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from serve.conftest import Start

from langit.serve.bell import Doorbell
from langit.serve.jobs import Jobs, NewJob
from langit.serve.server import WorkerProcess, listen
from langit.serve.settings import ServeSettings

LONG = 30.0


def wait_in_thread(bell: Doorbell) -> tuple[threading.Thread, list[tuple[bool, float]]]:
    found: list[tuple[bool, float]] = []

    def wait() -> None:
        begun = time.monotonic()
        found.append((bell.wait(LONG), time.monotonic() - begun))

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, found


@pytest.mark.parametrize("after", [0.0, 0.1])
def test_ringing_ends_a_wait(after: float) -> None:
    bell = Doorbell()
    thread, found = wait_in_thread(bell)
    bell.ring(after)
    thread.join(LONG)
    ((ended, seconds),) = found
    assert not ended and not bell.is_set() and after <= seconds < LONG


def test_ringing_before_a_wait_ends_it_once() -> None:
    bell = Doorbell()
    bell.ring()
    bell.ring()
    assert not bell.wait(LONG)
    begun = time.monotonic()
    assert not bell.wait(0.05) and time.monotonic() - begun >= 0.05  # it does not ring for ever


def test_setting_ends_waits_for_good() -> None:
    bell = Doorbell()
    thread, found = wait_in_thread(bell)
    bell.set()
    thread.join(LONG)
    assert found[0][0] and bell.wait(LONG) and bell.wait()


def test_entering_a_job_rings_and_an_old_one_does_not(start: Start) -> None:
    rings: list[int] = []
    services = start().services
    jobs = Jobs(services.database, lambda: rings.append(1))
    new = NewJob("video", "tiny", {"arguments": {}}, {"prompt": "a ball"}, fields="f")
    for _ in range(2):
        jobs.create("local", new, services.settings.limits, "key")
    assert rings == [1]


def test_a_worker_hears_its_server_and_one_that_reads_nothing_does_not_block_it() -> None:
    worker = WorkerProcess(ServeSettings())
    worker.ring()  # it does not run yet
    script = "import sys; sys.stdin.readline(); print(len(sys.stdin.readline()), flush=True); input()"
    worker.process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert worker.process.stdin is not None and worker.process.stdout is not None
    worker.process.stdin.write(json.dumps({}) + "\n")
    worker.process.stdin.flush()
    os.set_blocking(worker.process.stdin.fileno(), False)
    worker.ring()
    assert worker.process.stdout.readline() == "1\n"
    worker.process.kill()
    worker.process.wait()
    for _ in range(3):
        worker.ring()  # nobody reads: nothing happens
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    worker.process.stdin = os.fdopen(writing, "w")
    for _ in range(70_000):  # more than a pipe holds
        worker.ring()
    os.close(reading)


def test_answers_are_sent_without_delay() -> None:
    """asyncio switches Nagle's algorithm off for sockets whose protocol is named; accepted ones inherit it."""
    listening = listen("127.0.0.1", 0)
    with listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
