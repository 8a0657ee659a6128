"""The public listener: granian's workers over the sockets that the supervisor bound. Knows granian, and how
to begin again when it gives up; the app is the collect room's.
"""

import multiprocessing
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from pixelwire import telemetry
from pixelwire.collect.worker import load_app
from pixelwire.limits import QUERY_BYTES_MAX, WORKER_KILL_S
from pixelwire.supervise.direct import serve_directly
from pixelwire.supervise.ports import BACKLOG
from pixelwire.supervise.signals import is_noted

HEADER_READ_TIMEOUT_MS: Final = 5_000
CONNECTIONS_MAX: Final = 16_384
HEAD_BYTES_MAX: Final = 2 * QUERY_BYTES_MAX + 65_536
REPLACE_S: Final = 1.0  # for a new worker to come up beside the one that it replaces
AGAIN_S: Final = 0.1

log = telemetry.logger("supervise")

# Granian logs to stdout by default, which belongs to the command line.
GRANIAN_LOG: Final[dict[str, Any]] = {
    "handlers": {
        "console": {"formatter": "generic", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
        "access": {"formatter": "access", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
    }
}


class InheritingServer(MPServer):
    """Granian over sockets that are listening already, one a worker.

    By default each worker binds its own, and connections that wait in the queue of a worker that dies are
    reset. These stay open in the supervisor: the next worker of the same number takes what waits.

    Signals stay the supervisor's, though granian sets handlers; it is told by `interrupt` and `renew`.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        on_change: Callable[[], None],
        on_death: Callable[[int, int | None], None],
        **options: Any,
    ) -> None:
        super().__init__("pixelwire.collect.worker", workers=len(listening), **options)
        self._listening = listening
        self._on_change = on_change
        self._on_death = on_death

    def interrupt(self) -> None:
        """From any thread: `serve` returns when the workers have ended."""
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call] # granian's

    def renew(self) -> None:
        """From any thread: the workers are replaced, one after the other."""
        super().signal_handler_reload()  # type: ignore[no-untyped-call] # granian's

    signal_handler_interrupt = staticmethod(is_noted)
    signal_handler_reload = staticmethod(is_noted)

    def _init_shared_socket(self) -> None:
        """There is none for all; see `_spawn_worker`."""

    def _drop_shared_socket(self) -> None:
        """The sockets stay open: a server that begins again takes them from here."""

    def _spawn_workers(self, *arguments: Any) -> None:
        super()._spawn_workers(*arguments)  # type: ignore[no-untyped-call] # granian's
        self._on_change()

    def _respawn_workers(self, workers: Sequence[int], *arguments: Any, **options: Any) -> None:
        for number in workers:
            if self.interrupt_signal:
                break  # those that are left end with the others
            former = self.wrks[number]
            if not former.is_alive():  # type: ignore[no-untyped-call] # granian's
                self._on_death(number, former.inner.exitcode)
            super()._respawn_workers([number], *arguments, **options)
            self._on_change()
        if self.interrupt_signal or self.interrupt_children or self.reload_signal:
            # Granian clears its event without a look at what may have set it a moment before.
            self.main_loop_interrupt.set()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override] # as granian's own
        fd = self._listening[idx].fileno()
        self._ssp: Any = None
        self._sfd: Any = fd
        self._shd: Any = SocketHolder(fd, False, BACKLOG)  # type: ignore[call-arg] # granian's stub is behind
        self._sso: Any = self._listening[idx]  # what a spawned process inherits
        return super()._spawn_worker(idx=idx, target=serve_directly, callback_loader=callback_loader)


class Workers:
    """Runs in the main thread, because granian sets signal handlers."""

    def __init__(
        self,
        listening: Sequence[socket.socket],
        options_path: Path,
        *,
        on_change: Callable[[], None],
        server_type: type[InheritingServer] = InheritingServer,
    ) -> None:
        self._listening = listening
        self._load = partial(load_app, str(options_path))
        self._on_change = on_change  # when there are other workers than before
        self._server_type = server_type
        self._server: InheritingServer | None = None
        self._stopping = threading.Event()
        self.restarts = 0  # of workers that died

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def wait_stopping(self, timeout_s: float) -> bool:
        """Whether `stop` is called within this time."""
        return self._stopping.wait(timeout_s)

    @property
    def count(self) -> int:
        return len(self._listening)

    @property
    def pids(self) -> list[int]:
        return [worker.inner.pid for worker in self._server.wrks] if self._server else []

    def stop(self) -> None:
        """From any thread. First the wish, then who is there to be told: the next one asks for the wish."""
        self._stopping.set()
        if self._server is not None:
            self._server.interrupt()

    def renew(self) -> None:
        """Workers are replaced one after the other; each new one reads its options anew."""
        if self._server is not None:
            self._server.renew()

    def run(self) -> None:
        """Returns after `stop`, when the last request was answered or WORKER_KILL_S have passed.

        Granian stops for good when a worker dies twice in short order; we begin again instead.
        """
        multiprocessing.set_start_method("spawn", force=True)
        while not self.is_stopping:
            self._server = self._make()
            try:
                self._server.serve(target_loader=self._load, wrap_loader=False)
            except SystemExit:
                if not self.is_stopping:
                    self.restarts += self.count
                    log.error("workers_stopped", remedy="they are started again")
            except Exception as error:  # noqa: BLE001 whatever granian met, somebody must answer pixels
                log.error("workers_stopped", error=repr(error), remedy="they are started again")
                self._server._stop_workers()  # type: ignore[no-untyped-call] # granian's
                self._stopping.wait(AGAIN_S)

    def _make(self) -> InheritingServer:
        server = self._server_type(
            self._listening,
            self._on_change,
            self._note_death,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,  # with `auto` a silent connection is never timed out
            http1_settings=HTTP1Settings(
                header_read_timeout=HEADER_READ_TIMEOUT_MS, max_buffer_size=HEAD_BYTES_MAX
            ),
            loop=Loops.uvloop,
            websockets=False,
            backpressure=CONNECTIONS_MAX,
            backlog=BACKLOG,
            respawn_failed_workers=True,
            respawn_interval=REPLACE_S,
            workers_kill_timeout=WORKER_KILL_S,
            log_level=LogLevels.error,
            log_dictconfig=GRANIAN_LOG,
        )
        server.on_startup(self._heed_stop)
        return server

    def _heed_stop(self) -> None:
        """Told while there was no server to tell, or another."""
        if self.is_stopping and self._server is not None:
            self._server.interrupt()

    def _note_death(self, number: int, status: int | None) -> None:
        self.restarts += 1
        log.error("process_died", process=f"worker-{number + 1}", status=status, remedy="it is started again")
