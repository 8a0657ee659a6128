"""The courier's process: `python -m pixelwire.deliver`, a child of the supervisor (see lifeline)."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import uvloop

from pixelwire.deliver.courier import Courier
from pixelwire.deliver.options import CourierOptions
from pixelwire.deliver.retry import back_off_s
from pixelwire.errors import DeliveryError, PixelwireError
from pixelwire.home import check_home
from pixelwire.lifeline import on_release, say_ready, take_options
from pixelwire.telemetry import configure, logger

# The committing thread gets the interpreter's lock back from a busy event loop after this, not after 5 ms.
SWITCH_INTERVAL_S = 0.0005
# Destinations look names up in threads; one whose name server is silent must not hold the others up.
RESOLVERS_MAX = 64
OPEN_FIRST_S = 0.5  # until delivery.db is tried again
OPEN_MAX_S = 10.0


def main() -> int:
    options = take_options(CourierOptions)
    configure(options.log_format, options.log_level)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        check_home(Path(options.data_dir), options.lock)
        uvloop.run(_run(options))
    except PixelwireError as exc:
        logger("deliver").error("courier_stopped", reason=exc.text, remedy=exc.hint)
        return 1
    return 0


async def _run(options: CourierOptions) -> None:
    event_loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def release() -> None:
        event_loop.call_soon_threadsafe(stop.set)

    on_release(release)
    event_loop.set_default_executor(ThreadPoolExecutor(RESOLVERS_MAX, "resolve"))
    courier = await _open(options, stop)
    if courier is not None:
        await courier.run(stop, on_ready=say_ready)
    # Everything is closed and durable. A thread that waits for a name server could hold the end up for long.
    sys.stderr.flush()
    os._exit(0)


async def _open(options: CourierOptions, stop: asyncio.Event) -> Courier | None:
    """The courier, as soon as delivery.db can be opened; None when it is told to stop before. What keeps it
    from that is told once: a process that ended of it would be started again and again."""
    attempt, told = 0, ""
    while not stop.is_set():
        attempt += 1
        try:
            return Courier(options)
        except DeliveryError as exc:
            if exc.text != told:
                logger("deliver").error("courier_waits", reason=exc.text, remedy=exc.hint)
            told = exc.text
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), back_off_s(OPEN_FIRST_S, OPEN_MAX_S, attempt, 1.0))
    return None


if __name__ == "__main__":
    sys.exit(main())
