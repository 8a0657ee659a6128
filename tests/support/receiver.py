"""A webhook's other side on the loopback: takes events and fails on command."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
from aiohttp import web

from pixelwire.destinations.webhook import MESSAGE_ID_HEADER
from pixelwire.testing.check_destination import Behaviour

STATUSES = {
    Behaviour.TAKES: 200,
    Behaviour.IS_BUSY: 503,
    Behaviour.REFUSES: 422,
    Behaviour.LOCKS_OUT: 401,
    Behaviour.IS_GONE: 503,  # what was under way when it went
}


class Arrival(NamedTuple):
    """One request, and how it was answered."""

    message_id: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int


Answer = web.Response | None  # None: the connection is cut
Decide = Callable[[web.Request, bytes], Answer]


class Receiver:
    """Lives on one event loop. `decide`, when given, answers while it TAKES."""

    def __init__(self, decide: Decide | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.arrivals: list[Arrival] = []
        self.port = 0
        self.decide = decide
        self._tls = tls
        self.waiting = 0  # requests under way while it is silent
        self.silent_for = b""  # requests with this in them get no answer until the behaviour is set anew
        self._behaviour = Behaviour.TAKES
        self._changed = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=path-secret"

    async def start(self) -> "Receiver":
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            self._behaviour, self.silent_for = Behaviour.IS_GONE, b""
            self._changed.set()
            await self._runner.cleanup()
            self._runner = None

    async def behave(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._changed.set()
        self._changed = asyncio.Event()
        if behaviour is Behaviour.IS_GONE:
            await self.stop()
        elif self._runner is None:
            await self.start()

    def hang(self) -> None:
        """Silent from now on; for a test on another thread than the receiver's."""
        self._behaviour = Behaviour.IS_SILENT

    async def received(self) -> list[str]:
        """The message ids answered with 200, in order."""
        return [arrival.message_id for arrival in self.arrivals if arrival.status == 200]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.waiting += 1
        try:
            while self._behaviour is Behaviour.IS_SILENT or (self.silent_for and self.silent_for in body):
                await self._changed.wait()
        finally:
            self.waiting -= 1
        answer = self._answer(request, body)
        if request.method != "OPTIONS":
            self._note(request, body, answer.status if answer is not None else 0)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    def _answer(self, request: web.BaseRequest, body: bytes) -> Answer:
        if self._behaviour is Behaviour.TAKES and self.decide is not None:
            return self.decide(request, body)  # type: ignore[arg-type] # a BaseRequest has what is used
        return web.Response(status=STATUSES[self._behaviour], text=f"I am {self._behaviour.name.lower()}")

    def _note(self, request: web.BaseRequest, body: bytes, status: int) -> None:
        message_id = unquote(request.headers.get(MESSAGE_ID_HEADER, ""))
        headers = dict(request.headers)
        self.arrivals.append(Arrival(message_id, request.method, request.path_qs, headers, body, status))


class ReceiverThread:
    """A receiver in a thread with its own event loop, beside a test that does other things."""

    def __init__(self, decide: Decide | None = None) -> None:
        self._ready = threading.Event()
        self._decide = decide
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))

    def __enter__(self) -> Receiver:
        self._thread.start()
        assert self._ready.wait(10)
        return self.receiver

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.receiver = await Receiver(self._decide).start()
        self._ready.set()
        await self._stop.wait()
        await self.receiver.stop()


def identity_of(body: bytes) -> str:
    payload = msgspec.json.decode(body)
    return str(payload.get("userId") or payload["anonymousId"])
