"""Serves the management app over a socket that is listening already. Knows uvicorn, and no route."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from pixelwire.manage.office import Office

HEAD_S_MAX: Final = 10.0  # for the head of a request, from the start of a connection or the answer before
KEEP_ALIVE_S: Final = 75
CONNECTIONS_MAX: Final = 1_000
HEAD_BYTES_MAX: Final = 65_536  # a message id in a path may be long once it is percent-encoded
GRACE_S: Final = 0.5


class PatientProtocol(H11Protocol):
    """Ends a connection whose request does not come: uvicorn itself waits for ever."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head(HEAD_S_MAX)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_first = self.timeout_keep_alive_task is not None
        super().data_received(data)
        if is_first:
            self._wait_for_head(HEAD_S_MAX)

    def _wait_for_head(self, seconds: float) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        is_answering = cycle is not None and not cycle.response_complete
        is_idle = self.timeout_keep_alive_task is not None  # uvicorn's own timer runs
        if not is_answering and not is_idle and not self.transport.is_closing():
            self.transport.close()


class ManageServer(uvicorn.Server):
    """Leaves signals to the supervisor, says when it serves, and stops at once when it is let go."""

    def __init__(self, app: FastAPI, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS_MAX,
                h11_max_incomplete_event_size=HEAD_BYTES_MAX,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=1,
            )
        )
        self.config.timeout_graceful_shutdown = GRACE_S  # type: ignore[assignment] # a float does as well
        self._office: Office = app.state.office
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None

    def serve_on(self, listening: socket.socket) -> None:
        """Blocks until `release`."""
        asyncio.run(self.serve([listening]))

    def release(self) -> None:
        """From any thread: whoever waits for events is answered, then the server ends."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def _stop(self) -> None:
        self._stopping = asyncio.ensure_future(self._office.head.stop())
