"""Reads events for the loops. Knows no destination.

In a thread of its own: a page from a cold disk must not hold the event loop up.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from pixelwire.deliver.bounds import Bounds
from pixelwire.event import StoredEvent
from pixelwire.record.condition import report
from pixelwire.record.reader import Page, Reader

Answer = TypeVar("Answer")


class Source:
    """The one Reader of the courier's loops. Their questions are answered one after the other."""

    def __init__(self, data_dir: Path, recorder_socket: str = "") -> None:
        # Opens no file yet: all of them belong to the thread below.
        self._reader = (
            Reader(data_dir, partial(report, recorder_socket)) if recorder_socket else Reader(data_dir)
        )
        self._thread = ThreadPoolExecutor(1, "read")

    async def page(self, after: int, pixels: frozenset[int], bounds: Bounds) -> Page:
        limit, bytes_max = bounds.page_events, bounds.page_bytes
        return await self._ask(
            lambda: self._reader.read(after, limit=limit, pixels=pixels, bytes_max=bytes_max)
        )

    async def some(self, seqs: Sequence[int], bytes_max: int) -> list[StoredEvent | None]:
        """The events of the first of these seqs, as many as fit, one at least; None for one that is gone."""
        return await self._ask(lambda: self._some(seqs, bytes_max))

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

    def _some(self, seqs: Sequence[int], bytes_max: int) -> list[StoredEvent | None]:
        found: list[StoredEvent | None] = []
        size = 0
        for seq in seqs:
            event = self._reader.get(seq)
            size += len(event.payload) if event else 0
            if found and size > bytes_max:
                break
            found.append(event)
        return found

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)
