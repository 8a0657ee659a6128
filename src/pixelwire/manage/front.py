"""What happens to every request before and after its route. Plain ASGI: knows no path.

HEAD is answered as GET without the body, no answer is sniffed or kept by caches unless its route says so,
a request that takes too long ends, and what nobody caught becomes a problem and not a broken connection.
"""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixelwire.limits import EVENTS_WAIT_S_MAX
from pixelwire.manage.problems import TookTooLong, answer_crash, answer_error

REQUEST_S_MAX: Final = EVENTS_WAIT_S_MAX + 30

_DEFAULTS: Final = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}


class Front:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                await self._app(exchange.scope, receive, exchange.send)
        except Exception as exc:
            if exchange.has_started:
                if isinstance(exc, TimeoutError):
                    return  # a client too slow for its answer: the server closes the connection
                raise
            response = (
                await answer_error(Request(exchange.scope), TookTooLong())
                if isinstance(exc, TimeoutError)
                else answer_crash(exchange.scope, exc)
            )
            await response(exchange.scope, receive, exchange.send)


class _Exchange:
    """One request and what is sent for it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._is_head = scope["method"] == "HEAD"
        self._send = send
        self.has_started = False
        self.scope = {**scope, "method": "GET", "pixelwire.method": "HEAD"} if self._is_head else scope

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            headers = list(message.get("headers", ()))
            given = {name.lower() for name, _ in headers}
            headers += [header for header in _DEFAULTS.items() if header[0] not in given]
            message = {**message, "headers": headers}
        elif self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)
