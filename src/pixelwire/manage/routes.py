"""The routes that need a token: checked, with a bounded body, before anything else of a request is read."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from pixelwire.errors import BodyTooLarge
from pixelwire.limits import BODY_BYTES_MAX
from pixelwire.manage.auth import authenticate
from pixelwire.manage.office import office_of
from pixelwire.manage.problems import BodyTooSlow

BODY_S_MAX: Final = 10.0

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """GET needs the role read, every other method the role write; a route may ask for more."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        is_reading = self.methods == {"GET"}

        async def guarded(request: Request) -> Response:
            principal = await authenticate(await office_of(request), request)
            principal.require_role("read" if is_reading else "write")
            request.state.principal = principal
            return await handle(request if is_reading else await _with_body(request))

        return guarded


async def _with_body(request: Request) -> Request:
    """The request with its whole body at hand. BodyTooLarge; BodyTooSlow."""
    if int(request.headers.get("content-length", 0)) > BODY_BYTES_MAX:
        raise BodyTooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise BodyTooLarge
    except (TimeoutError, ClientDisconnect):
        raise BodyTooSlow from None
    return Request(_as_json(request.scope), _replay(bytes(body), request.receive))


def _as_json(scope: Scope) -> Scope:
    """Every body is JSON, whatever it is called: `curl -d` says it is a form."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    return {**scope, "headers": [*headers, (b"content-type", b"application/json")]}


def _replay(body: bytes, receive: Receive) -> Receive:
    rest: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return rest.pop() if rest else await receive()

    return replay
