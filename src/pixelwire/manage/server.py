"""Serves the management app over a socket that is listening already. Knows uvicorn, and no route."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from pixelwire.manage.health_watch import HealthWatch
from pixelwire.manage.office import Office

HEAD_S_MAX: Final = 10.0  # for the head of a request, from the start of a connection or the answer before
KEEP_ALIVE_S: Final = 75
CONNECTIONS_MAX: Final = 1_000
HEAD_BYTES_MAX: Final = 65_536  # a message id in a path may be long once it is percent-encoded
GRACE_S: Final = 0.5


class PatientProtocol(H11Protocol):
    """Ends a connection whose request does not come: uvicorn itself waits for ever, and when it has as many
    connections as it may have it refuses those that do ask. Here the one that has asked for nothing for the
    longest time makes room.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _waits_since_s = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._waits_since_s = self.loop.time()
        self._wait_for_head(HEAD_S_MAX)
        if len(self.connections) > CONNECTIONS_MAX:
            self._make_room()

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

    def on_response_complete(self) -> None:
        self._waits_since_s = self.loop.time()
        super().on_response_complete()

    @property
    def _is_waiting(self) -> bool:
        """For a request, with nothing under way."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return (cycle is None or cycle.response_complete) and not self.transport.is_closing()

    def _give_up(self) -> None:
        is_idle = self.timeout_keep_alive_task is not None  # uvicorn's own timer runs
        if self._is_waiting and not is_idle:
            self.transport.close()

    def _make_room(self) -> None:
        """Where all others are answered just now, this one's request is refused by uvicorn with a 503."""
        others = (one for one in self.connections if isinstance(one, PatientProtocol) and one is not self)
        oldest = min(
            (one for one in others if one._is_waiting), key=lambda one: one._waits_since_s, default=None
        )
        if oldest is not None:
            oldest.transport.close()
            self.connections.discard(oldest)  # counted no more, although its end comes a moment later


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
                limit_concurrency=CONNECTIONS_MAX + 1,  # it refuses from this number on
                h11_max_incomplete_event_size=HEAD_BYTES_MAX,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=1,
            )
        )
        self.config.timeout_graceful_shutdown = GRACE_S  # type: ignore[assignment] # a float does as well
        self._office: Office = app.state.office
        self._health: HealthWatch = app.state.health
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
        """Who waits for news gets none, and that the others end as well is no fault."""
        self._stopping = asyncio.gather(self._office.head.stop(), self._health.stop())
