"""Starts and stops everything, in order; the only one that knows every room.

Start: the lock on the data directory, both ports, the recorder, management, the courier, then the workers.
Stop: the workers answer what they have, then the courier and management, then the recorder, last.
"""

import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from pixelwire import telemetry
from pixelwire.collect.options import WorkerOptions
from pixelwire.deliver.options import CourierOptions
from pixelwire.manage.options import ManageOptions
from pixelwire.record.options import RecorderOptions
from pixelwire.supervise.children import Child
from pixelwire.supervise.lock import DataDirectory
from pixelwire.supervise.ports import listen
from pixelwire.supervise.workers import Workers

if TYPE_CHECKING:
    from pixelwire.config import Settings

ANSWER_S: Final = 30.0  # how long the first worker may take to answer

log = telemetry.logger("supervise")


class Bound(NamedTuple):
    """Where the two listeners are, as bound: never port 0."""

    host: str
    port: int
    manage_host: str
    manage_port: int


class Server:
    """One run of the whole server over one data directory."""

    def __init__(self, settings: "Settings", announce: Callable[[Bound], None]) -> None:
        self._announce = announce
        self._directory = DataDirectory(settings.data_dir.absolute())
        self._public = listen(settings.host, settings.port, "port", settings.workers)
        (self._manage,) = listen(settings.manage_host, settings.manage_port, "manage_port")
        self._children = self._make_children(settings)
        self._writing = threading.Lock()
        self._workers = self._make_workers(settings)

    def run(self) -> int:
        """Blocks until SIGINT or SIGTERM; 0 after an orderly stop."""
        os.umask(0o077)  # events are their owner's only, also in a directory that was there before
        raise_descriptor_limit()
        self._workers.take_signals()
        try:
            for child in self._children:
                if self._workers.is_stopping:
                    break
                child.start()
            threading.Thread(target=self._announce_when_ready, daemon=True).start()
            self._workers.run()
        finally:
            self._stop_children()
            self._directory.release()
        return 0

    def _make_children(self, settings: "Settings") -> list[Child]:
        """In the order of their start. All but the workers hold the lock on the data directory."""
        data_dir = str(self._directory.path)
        logs: Any = {"log_format": settings.log_format, "log_level": settings.log_level}
        bound = self._bound()
        lock = self._directory.lock_fd
        return [
            Child(
                "recorder",
                "pixelwire.record",
                RecorderOptions(data_dir=data_dir, socket_path=self._recorder_socket, **logs),
                [lock],
                self._write_state,
            ),
            Child(
                "manage",
                "pixelwire.manage",
                ManageOptions(
                    data_dir=data_dir,
                    socket_fd=self._manage.fileno(),
                    public_url=settings.public_url or url_of(bound.host, bound.port),
                    manage_url=url_of(bound.manage_host, bound.manage_port),
                    metrics_public=settings.metrics_public,
                    processes=str(self._state_path),
                    **logs,
                ),
                [lock, self._manage.fileno()],
                self._write_state,
            ),
            Child(
                "courier",
                "pixelwire.deliver",
                CourierOptions(
                    data_dir=data_dir,
                    allow_private_destinations=settings.allow_private_destinations,
                    **logs,
                ),
                [lock],
                self._write_state,
            ),
        ]

    def _make_workers(self, settings: "Settings") -> Workers:
        return Workers(
            self._public,
            WorkerOptions(
                data_dir=str(self._directory.path),
                socket_path=self._recorder_socket,
                trusted_proxies=list(settings.trusted_proxies),
                client_address_header=settings.client_address_header,
            ),
            on_spawn=self._write_state,
        )

    def _announce_when_ready(self) -> None:
        """Once a worker answers, not before: what is printed then works when it is pasted."""
        bound = self._bound()
        deadline = time.monotonic() + ANSWER_S
        while not self._workers.is_stopping and time.monotonic() < deadline:
            if answers(bound.host, bound.port):
                self._write_state()
                self._announce(bound)
                return
            time.sleep(0.02)
        if not self._workers.is_stopping:
            log.error("workers_do_not_answer", remedy="see the messages above; the server stops")
            self._workers.stop()

    def _stop_children(self) -> None:
        recorder, *others = self._children
        for child in others:
            child.release()
        for child in others:
            child.join()
        recorder.release()
        recorder.join()

    def _write_state(self) -> None:
        """What /readyz and the metrics know of the processes."""
        state = {
            child.name: {"pid": child.pid, "state": child.state, "restarts": child.restarts}
            for child in self._children
        }
        workers = {"pids": self._workers.pids, "count": self._workers.count}
        with self._writing:
            partial = self._state_path.with_suffix(".partial")
            partial.write_bytes(msgspec.json.encode(state | {"workers": workers}))
            partial.replace(self._state_path)

    def _bound(self) -> Bound:
        return Bound(*self._public[0].getsockname()[:2], *self._manage.getsockname()[:2])

    @property
    def _recorder_socket(self) -> str:
        return str(self._directory.runtime / "recorder.sock")

    @property
    def _state_path(self) -> Path:
        return self._directory.runtime / "processes.json"


def serve(settings: "Settings", *, announce: Callable[[Bound], None]) -> int:
    """Runs the server until it is told to stop; `announce` is called once, when a pixel would be answered.

    DataDirectoryError or ConfigError with a clear text before anything starts; ChildFailed when a process
    does not come up.
    """
    return Server(settings, announce).run()


def url_of(host: str, port: int) -> str:
    """The URL of a listener, for people on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def answers(host: str, port: int) -> bool:
    """Whether a worker answers on the public listener."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound
    try:
        with socket.create_connection((target, port), timeout=1.0) as connection:
            connection.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def raise_descriptor_limit() -> None:
    """As many connections as the system allows; inherited by all children."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # one arena a thread would cost memory for nothing
