"""What blocks runs beside the event loop and holds nothing up."""

import asyncio
import threading

import pytest

from pixelwire.destinations.kafka.background import in_background


def test_results_and_errors_come_back() -> None:
    """To whoever waits, as if it had been called here."""

    async def run() -> int:
        with pytest.raises(ZeroDivisionError):
            await in_background(lambda: 1 // 0)
        return await in_background(lambda: 6 * 7)

    assert asyncio.run(run()) == 42


def test_who_waits_can_be_cancelled() -> None:
    """The function goes on, its result is nobody's, and the loop can end before it."""
    may_end, has_ended = threading.Event(), threading.Event()

    def slow() -> None:
        may_end.wait(10)
        has_ended.set()

    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_background(slow)

    asyncio.run(run())
    may_end.set()
    assert has_ended.wait(10)


def test_it_does_not_hold_up_the_end_of_the_process() -> None:
    """Its thread is a daemon."""
    assert asyncio.run(in_background(lambda: threading.current_thread().daemon))
