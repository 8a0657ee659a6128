"""An ASGI app that does nothing but answer the pixel's image with the headers of a stored event."""

from collections.abc import Awaitable, Callable
from typing import Any

from pixelwire.collect import answers
from pixelwire.event import Outcome

ANSWER = answers.stored(Outcome.STORED, "019c0000-0000-7000-8000-000000000000", 0, {})


async def app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    await send({"type": "http.response.start", "status": ANSWER.status, "headers": ANSWER.headers})
    await send({"type": "http.response.body", "body": ANSWER.body})
