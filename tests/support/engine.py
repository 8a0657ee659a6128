"""One destination's intake, slots and books over events in memory and a real ledger; no catalog, no courier.

An engine that is cut ends as after a kill: what was not durable is gone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from pixelwire.clock import Clock
from pixelwire.deliver.books import Books
from pixelwire.deliver.bounds import Bounds, bounds_of
from pixelwire.deliver.dispatch import Dispatch
from pixelwire.deliver.fetch import Fetch
from pixelwire.deliver.intake import Intake
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.routes import Routes
from pixelwire.deliver.sender import Sender
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.source import Source
from pixelwire.destinations.base import Batch, BatchLimits, BatchResult, Destination, ItemResult, Surroundings
from pixelwire.event import StoredEvent
from pixelwire.record.reader import Page
from pixelwire.routing.route import Route, parse_route
from pixelwire.testing.manual_clock import ManualClock

Answer = Callable[[list[int]], Sequence[ItemResult]]
NOBODY = "anonymous"


class Scripted:
    """A destination whose answer to the seqs of a batch is a function; it remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[list[int]] = []
        self.attempts: dict[int, int] = {}

    async def open(self) -> None: ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, batch: Batch) -> BatchResult:
        seqs = [item.seq for item in batch.items]
        self.asked.append(seqs)
        self.attempts |= {item.seq: item.attempt for item in batch.items}
        await asyncio.sleep(0)
        return BatchResult(self.answer(seqs))


class Stored:
    """Events in memory, in the place of segments; seqs count from 1."""

    def __init__(self, visitors: Sequence[str]) -> None:
        self.events = [make_stored(seq, visitor) for seq, visitor in enumerate(visitors, 1)]

    async def page(self, after: int, pixels: frozenset[int], bounds: Bounds) -> Page:
        events = self.events[after : after + bounds.page_events]
        return Page(events, after + len(events), at_head=after + len(events) == len(self.events))

    async def some(self, seqs: Sequence[int], bytes_max: int) -> list[StoredEvent | None]:
        return [self.events[seq - 1] for seq in seqs]


class Engine:
    def __init__(self, shared: Shared, books: Books, sender: Sender, intake: Intake) -> None:
        self.shared = shared
        self.books = books
        self.sender = sender
        self.intake = intake
        self.cut = False


def make_stored(seq: int, visitor: str, pixel: int = 1) -> StoredEvent:
    payload = b'{"messageId":"m%d","anonymousId":"%s"}' % (seq, visitor.encode())
    return StoredEvent(seq, pixel, 0, 0, 0, payload, b"")


@asynccontextmanager
async def an_engine(
    data_dir: Path,
    stored: Stored,
    destination: Destination,
    limits: BatchLimits,
    *,
    clock: Clock | None = None,
    policy: RetryPolicy | None = None,
    chance: Callable[[], float] = lambda: 0.5,
    bounds: Bounds | None = None,
    route: Route | None = None,
) -> AsyncIterator[Engine]:
    """Runs within the block. At its end everything handed in is durable, unless it is `cut`."""
    clock = clock or ManualClock()
    ledger = Ledger(data_dir)
    committing = asyncio.create_task(ledger.run())
    shared = Shared(
        source=cast("Source", stored),
        ledger=ledger,
        policy=policy or RetryPolicy(failures_to_down=1_000),
        clock=clock,
        chance=chance,
        pixel_id=str,
        surroundings=Surroundings(clock),
    )
    progress = await ledger.adopt("d", store="s", start_after=0, now_ms=1)
    books = Books(shared, progress, "d", bounds or bounds_of(limits))
    routes = Routes(route or parse_route(None, None), str)
    dispatch = Dispatch(destination, routes, books.backlog.bounds.batch_bytes)
    sender = Sender(shared, books, Fetch(shared, progress.number, books), dispatch)
    intake = Intake(shared, progress.number, books, sender, routes)
    engine = Engine(shared, books, sender, intake)
    intake.announce(len(stored.events), frozenset({1}))
    slots = [asyncio.create_task(sender.run_slot()) for _ in range(limits.concurrency)]
    reading = asyncio.create_task(intake.run())
    try:
        yield engine
    finally:
        if not engine.cut:
            sender.stop()
            await asyncio.wait(slots, timeout=10)
        routes.close()
        for task in (reading, *slots):
            task.cancel()
        await asyncio.gather(reading, *slots, return_exceptions=True)
        if engine.cut:
            committing.cancel()
        ledger.finish()
        await asyncio.gather(committing, return_exceptions=True)
        ledger.close()
