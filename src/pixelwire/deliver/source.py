"""Reads events for the loops. Knows no destination.

In a thread of its own: a page from a cold disk must not hold the event loop up.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from pixelwire.event import StoredEvent
from pixelwire.record.condition import report
from pixelwire.record.reader import Page, Reader

PAGE_EVENTS_MAX: Final = 512
PAGE_BYTES_MAX: Final = 2 * 1_048_576

Answer = TypeVar("Answer")


class Source:
    """The one Reader of the courier's loops. Their questions are answered one after the other."""

    def __init__(self, data_dir: Path, recorder_socket: str = "") -> None:
        # Opens no file yet: all of them belong to the thread below.
        self._reader = (
            Reader(data_dir, partial(report, recorder_socket)) if recorder_socket else Reader(data_dir)
        )
        self._thread = ThreadPoolExecutor(1, "read")

    async def page(self, after: int, pixels: frozenset[int]) -> Page:
        return await self._ask(
            lambda: self._reader.read(after, limit=PAGE_EVENTS_MAX, pixels=pixels, bytes_max=PAGE_BYTES_MAX)
        )

    async def get(self, seq: int) -> StoredEvent | None:
        return await self._ask(lambda: self._reader.get(seq))

    async def head(self) -> tuple[str, int]:
        """The store and its newest event, as they are now."""
        return await self._ask(lambda: (self._reader.store_id(), self._reader.head()))

    async def oldest(self) -> int:
        return await self._ask(self._reader.oldest)

    async def let_go(self) -> None:
        """Of files that retention has removed: they would keep their room on the disk."""
        await self._ask(self._reader.forget_removed)

    def close(self) -> None:
        self._thread.submit(self._reader.close)
        self._thread.shutdown()

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)
