"""What blocks, in a daemon thread: a resolver that hangs must not hold up the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar, cast

Result = TypeVar("Result")


async def in_background(function: Callable[[], Result]) -> Result:
    """The function's result. When this is cancelled the function goes on, and its result is nobody's."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("Result", result))

    def run() -> None:
        result: Result | None = None
        error: Exception | None = None
        try:
            result = function()
        except Exception as exc:  # noqa: BLE001 whoever waits gets it
            error = exc
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            pass  # the loop has ended, and with it who waited

    threading.Thread(target=run, daemon=True).start()
    return await future
