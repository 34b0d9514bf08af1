"""The server as a process: the web application on uvicorn, and the workers that it starts and watches.

Workers get their settings through a pipe that stays open: a line in it says that a job waits, and when this process is
killed, the pipe closes and they end at once. A worker that dies is started again, later each time. SIGTERM lets
requests and jobs end, or be saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import uvicorn

from langit.serve.app import Services, create_app
from langit.serve.logs import set_up_logs
from langit.serve.settings import ServeSettings, dump_settings

LOGGER: Final = logging.getLogger("langit.serve")
LOOK: Final = 0.5
"""Seconds between two looks at the workers."""
SLOWEST: Final = 60.0
"""Seconds to wait before a worker that keeps dying is started again, at most."""
STEADY: Final = 60.0
"""Seconds after which a worker that died counts as one that worked."""
LEAVE: Final = 5.0
"""Seconds for open requests to end."""


@dataclass
class WorkerProcess:
    """A worker that this server started. ``failures`` counts deaths in a row."""

    settings: ServeSettings
    process: subprocess.Popen[str] | None = None
    failures: int = 0
    started: float = 0.0
    next_start: float = 0.0

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen([sys.executable, "-m", "langit.serve.worker"], stdin=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; the next look sees that
            self.process.stdin.write(json.dumps(dump_settings(self.settings)) + "\n")
            self.process.stdin.flush()
        # A worker that reads nothing must not block the server: it looks into the queue by itself now and then.
        os.set_blocking(self.process.stdin.fileno(), False)
        self.started = time.monotonic()

    def look(self) -> None:
        """Start it if it does not run and its time has come."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.next_start:
                self.start()
        elif (code := self.process.poll()) is not None:
            self.failures = 1 if now - self.started > STEADY else self.failures + 1
            wait = min(SLOWEST, 2.0 ** (self.failures - 1) - 1)
            LOGGER.warning("a worker ended with code %s and is started again in %g s", code, wait)
            self.process, self.next_start = None, now + wait

    def ring(self) -> None:
        """Say that a job waits."""
        process = self.process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                os.write(process.stdin.fileno(), b"\n")

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process is not None:
            self.process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended; what takes longer is killed, and its job moves on."""
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class VideoServer:
    """The web application and its workers."""

    settings: ServeSettings
    on_ready: Callable[[str], object]
    crew: list[WorkerProcess] = field(default_factory=list)

    def run(self) -> None:
        """Serve until the process is asked to end.

        Raises:
            ValueError: the server would listen beyond this machine without keys.
            OSError: the port is taken, or the database cannot be opened.
        """
        set_up_logs()
        services = Services.open(self.settings, self.ring)
        app = create_app(self.settings, services)
        listening = listen(self.settings.host, self.settings.port)
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=int(LEAVE),
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=65_536,
        )
        self.crew = [WorkerProcess(self.settings) for _ in range(self.settings.workers)]
        try:
            asyncio.run(self._serve(_Quiet(config), services, listening, port))
        finally:
            for worker in self.crew:
                worker.terminate()
            for worker in self.crew:
                worker.wait(self.settings.grace + 2 * LEAVE)
            services.database.close()

    def ring(self) -> None:
        """Tell the workers of this server that a job waits; those elsewhere look by themselves."""
        for worker in self.crew:
            worker.ring()

    async def _serve(self, server: uvicorn.Server, services: Services, listening: socket.socket, port: int) -> None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            services.stopping.set()
            server.should_exit = True
            for worker in self.crew:  # they end meanwhile
                worker.terminate()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        host = self.settings.host
        name = f"[{host}]" if ":" in host else host
        self.on_ready(f"http://{name}:{port}")
        watch = asyncio.create_task(self._watch(services))
        try:
            await server.serve(sockets=[listening])
        finally:
            watch.cancel()

    async def _watch(self, services: Services) -> None:
        """Keep the workers running."""
        while not services.stopping.is_set():
            for worker in self.crew:
                worker.look()
            await asyncio.sleep(LOOK)


class _Quiet(uvicorn.Server):
    """A server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    # With the protocol named, asyncio sends without delay (TCP_NODELAY): answers came 40 ms late without.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((name, port))
        opened.listen(512)
    except OSError as error:
        opened.close()
        raise OSError(
            f"{host}:{port} cannot be listened on ({error.strerror}): choose another --port, or end what uses it"
        ) from error
    opened.set_inheritable(True)
    return opened
