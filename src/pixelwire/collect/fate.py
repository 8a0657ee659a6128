"""What becomes of a batch, told once to everyone who asked: many requests wait for one. Knows neither."""

import asyncio
from collections.abc import Callable, Generator
from functools import partial
from typing import NamedTuple

from pixelwire.event import Failure


class BatchResult(NamedTuple):
    """What became of a batch: stored but for its duplicates, or failed whole."""

    failure: Failure | None
    duplicates: frozenset[int] = frozenset()


class Fate:
    """Belongs to one event loop. Who asks by `then` is called without a task or a future of its own, which
    would cost each request 10 us; `await` is for those who have a task anyway."""

    __slots__ = ("_asking", "result")

    def __init__(self) -> None:
        self.result: BatchResult | None = None
        self._asking: list[Callable[[BatchResult], None]] = []

    def tell(self, result: BatchResult) -> None:
        """Once. What those who asked do with it must not raise."""
        assert self.result is None
        self.result = result
        asking, self._asking = self._asking, []
        for ask in asking:
            ask(result)

    def then(self, ask: Callable[[BatchResult], None]) -> None:
        """Calls `ask` with the result, now if it is known."""
        if self.result is None:
            self._asking.append(ask)
        else:
            ask(self.result)

    def __await__(self) -> Generator[asyncio.Future[BatchResult], None, BatchResult]:
        if self.result is not None:
            return self.result
        future: asyncio.Future[BatchResult] = asyncio.get_running_loop().create_future()
        self.then(partial(_settle, future))
        return (yield from future)


def _settle(future: "asyncio.Future[BatchResult]", result: BatchResult) -> None:
    if not future.done():  # who waited may have been cancelled
        future.set_result(result)
