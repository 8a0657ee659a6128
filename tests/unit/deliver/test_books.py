"""What results say of a destination, and of the event itself."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from pixelwire.deliver.books import Books
from pixelwire.deliver.bounds import bounds_of
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.source import Source
from pixelwire.deliver.tickets import Ticket
from pixelwire.destinations.base import BatchLimits, Retry, Sent, Surroundings
from pixelwire.event import StoredEvent
from pixelwire.testing.manual_clock import ManualClock

POISONED = RetryPolicy().failures_to_down + 2


@pytest.mark.parametrize("others_pass", [True, False])
def test_what_fails_while_others_pass_takes_nothing_down(tmp_path: Path, others_pass: bool) -> None:
    """However many they are: only when nothing passed in between it may be the destination."""
    clock = ManualClock()
    events = [
        StoredEvent(seq, 1, 0, 0, 0, b'{"anonymousId":"v%d"}' % seq, b"") for seq in range(1, POISONED + 3)
    ]

    async def fail(books: Books, tickets: list[Ticket]) -> None:
        clock.advance(10.0)
        for ticket in tickets:
            await books.settle([ticket], [Retry("500")], took_ms=1, is_probe=False)

    async def use(books: Books) -> None:
        books.admit(events, len(events))
        *poisoned, first, second = books.backlog.take()
        for well, some in ((first, poisoned[::2]), (second, poisoned[1::2])):
            await fail(books, some)
            if others_pass:
                await books.settle([well], [Sent()], took_ms=1, is_probe=False)
        await fail(books, poisoned)
        assert books.health.is_down is not others_pass
        assert books.progress_now().last_error == "500"

    async def run() -> None:
        ledger = Ledger(tmp_path)
        committing = asyncio.create_task(ledger.run())
        shared = Shared(
            source=cast("Source", None),
            ledger=ledger,
            policy=RetryPolicy(),
            clock=clock,
            chance=lambda: 0.5,
            pixel_id=str,
            surroundings=Surroundings(clock),
        )
        progress = await ledger.adopt("d", store="s", start_after=0, now_ms=1)
        await use(Books(shared, progress, "d", bounds_of(BatchLimits(events_max=100))))
        ledger.finish()
        await committing
        ledger.close()

    asyncio.run(run())
