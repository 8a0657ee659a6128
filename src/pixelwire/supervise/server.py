"""One run of the whole server: starts everything in order, keeps it going, stops it in order.

Start: the lock on the data directory, the sockets, then the recorder and the workers, which answer when it
has opened the store, then management and the courier.
Stop: the workers answer what they have, then all others end at once.
"""

import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from pixelwire import telemetry
from pixelwire.errors import ConfigError
from pixelwire.limits import CHILD_STOP_S, PORT_WAIT_S, STOP_S
from pixelwire.supervise.children import Child, ChildFailed
from pixelwire.supervise.handover import Offer, take
from pixelwire.supervise.lock import DataDirectory
from pixelwire.supervise.plan import Place, Plan, make_plan, not_reloadable
from pixelwire.supervise.ports import asked_otherwise, bind_all
from pixelwire.supervise.preflight import check_data, check_events, check_file_system, check_owner
from pixelwire.supervise.signals import Signals
from pixelwire.supervise.workers import Workers

if TYPE_CHECKING:
    from pixelwire.config import Settings

ANSWER_S: Final = 30.0  # how long the first worker may take to answer
LOOK_S: Final = 0.02

log = telemetry.logger("supervise")


class Bound(NamedTuple):
    """Where the two listeners are, as bound: never port 0."""

    host: str
    port: int
    manage_host: str
    manage_port: int


class Server:
    """`reload` gives the settings as they are now, for SIGHUP."""

    def __init__(
        self,
        settings: "Settings",
        announce: Callable[[Bound], None],
        reload: Callable[[], "Settings"] | None = None,
        *,
        takes_over: bool = False,
    ) -> None:
        self._signals = Signals()
        self._settings = settings
        self._announce = announce
        self._reload = reload
        data_dir = settings.data_dir.absolute()
        check_file_system(data_dir, is_network_allowed=settings.allow_network_filesystem)
        check_owner(data_dir)
        check_data(data_dir)
        check_events(data_dir)
        if takes_over:
            # From here on the former server answers what it has and ends; new connections wait.
            self._sockets = take(data_dir)
            self._directory = DataDirectory(data_dir, wait_s=STOP_S + PORT_WAIT_S)
            if kept := asked_otherwise(settings, self._sockets):
                log.warning(
                    "take_over_keeps",
                    settings=kept,
                    remedy="sockets are taken as they are; stop the server and start it to change these",
                )
        else:
            self._directory = DataDirectory(data_dir)
            self._sockets = bind_all(settings)
        self._writing = threading.Lock()
        self._failure: ChildFailed | None = None
        plan = make_plan(settings, self._place())
        lock, manage_fd = self._directory.lock_fd, self._sockets.manage.fileno()
        # Those of whom there must be one only hold the lock on the data directory.
        self._recorder = Child("recorder", "pixelwire.record", plan.recorder, [lock], self._write_state)
        self._manage = Child("manage", "pixelwire.manage", plan.manage, [manage_fd], self._write_state)
        # Pixels are collected without a courier: what it can not deliver now, it delivers when it is back.
        self._courier = Child(
            "courier", "pixelwire.deliver", plan.courier, [lock], self._write_state, is_needed=False
        )
        self._children = [self._recorder, self._manage, self._courier]
        self._write_worker_options(plan)
        self._workers = Workers(
            self._sockets.public,
            self._directory.runtime / "worker.json",
            on_change=self._write_state,
        )

    def run(self) -> int:
        """Blocks until SIGINT or SIGTERM; 0 after an orderly stop. ChildFailed when a process does not
        come up."""
        os.umask(0o077)  # events are their owner's only, also in a directory that was there before
        raise_descriptor_limit()
        self._signals.take(on_stop=self._workers.stop, on_hangup=self._renew)
        try:
            self._recorder.begin()
            threading.Thread(target=self._announce_when_ready, daemon=True).start()
            self._workers.run()
        finally:
            self._stop_children()
            self._directory.release()
        if self._failure:
            raise self._failure
        return 0

    # -- Reload ------------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Takes up changed settings: processes whose options differ are restarted in order, workers one
        after the other. Nothing is refused meanwhile."""
        if self._reload is None or self._workers.is_stopping:
            return
        try:
            settings = self._reload()
        except ConfigError as error:
            log.error("reload_refused", problems=error.problems, remedy="mend them and send SIGHUP again")
            return
        if fixed := not_reloadable(self._settings, settings):
            log.warning(
                "reload_needs_restart", settings=fixed, remedy="stop the server and start it to change these"
            )
        plan = make_plan(settings, self._place())
        try:
            self._write_worker_options(plan)
        except OSError as error:
            log.error("reload_refused", problems=[str(error)], remedy="free room where the sockets lie")
            return
        self._settings = settings
        for child, options in zip(self._children, plan, strict=False):
            child.renew(options)
        self._workers.renew()
        log.info("reloaded")

    # -- Start and stop ----------------------------------------------------------------------------

    def _announce_when_ready(self) -> None:
        """Once everything answers, not before: what is printed then works when it is pasted. Visitors first:
        management takes more of the processors to start than all others."""
        try:
            self._recorder.wait_ready()
            self._wait_for_worker()
            if not self._workers.is_stopping:
                self._manage.begin()
                self._courier.begin()
                self._manage.wait_ready()
        except ChildFailed as error:
            if not self._workers.is_stopping:
                self._failure = error
                self._workers.stop()
        if self._workers.is_stopping:
            return
        self._write_state()
        Offer(self._directory.runtime, self._sockets, self._workers.stop)
        self._announce(self._bound())

    def _wait_for_worker(self) -> None:
        bound = self._bound()
        deadline = time.monotonic() + ANSWER_S
        while not answers(bound.host, bound.port) and not self._workers.wait_stopping(LOOK_S):
            if time.monotonic() > deadline:
                raise ChildFailed("no worker answers; what they say is above")

    def _stop_children(self) -> None:
        """All at once: the workers have handed over what they had. A successor waits for the lock, and so do
        its visitors; it need not wait for management."""
        for child in self._children:
            child.release()
        deadline = time.monotonic() + CHILD_STOP_S
        for child in (self._recorder, self._courier):
            child.join(max(0.0, deadline - time.monotonic()))
        self._directory.unlock()
        self._manage.join(max(0.0, deadline - time.monotonic()))

    # -- What is written down ----------------------------------------------------------------------

    def _write_state(self) -> None:
        """What /readyz and the metrics know of the processes."""
        state = {
            child.name: {"pid": child.pid, "state": child.state, "restarts": child.restarts}
            for child in self._children
        }
        workers = {
            "pids": self._workers.pids,
            "count": self._workers.count,
            "restarts": self._workers.restarts,
        }
        try:
            self._write(self._state_path, msgspec.json.encode(state | {"workers": workers}))
        except OSError as error:
            # Only told to /readyz: no process may be left dead for it.
            log.warning("state_not_written", error=str(error), remedy="free room where the sockets lie")

    def _write_worker_options(self, plan: Plan) -> None:
        self._write(self._directory.runtime / "worker.json", msgspec.json.encode(plan.worker))

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all: others read it at any time."""
        with self._writing:
            partial = path.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(path)

    def _place(self) -> Place:
        bound = self._bound()
        return Place(
            data_dir=str(self._directory.path),
            lock=self._directory.identity,
            recorder_socket=str(self._directory.runtime / "recorder.sock"),
            processes=str(self._state_path),
            manage_fd=self._sockets.manage.fileno(),
            public_url=url_of(bound.host, bound.port),
            manage_url=url_of(bound.manage_host, bound.manage_port),
        )

    def _bound(self) -> Bound:
        public, manage = self._sockets.public[0], self._sockets.manage
        return Bound(*public.getsockname()[:2], *manage.getsockname()[:2])

    @property
    def _state_path(self) -> Path:
        return self._directory.runtime / "processes.json"


def url_of(host: str, port: int) -> str:
    """The URL of a listener, for people on this machine."""
    name = _reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def answers(host: str, port: int) -> bool:
    """Whether a worker answers on the public listener."""
    try:
        with socket.create_connection((_reachable(host), port), timeout=1.0) as connection:
            connection.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound


def raise_descriptor_limit() -> None:
    """As many connections as the system allows; inherited by all children."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # one arena a thread would cost memory for nothing
