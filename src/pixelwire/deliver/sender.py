"""Sends one destination's events in several slots at a time. Knows not what is written down of it.

A slot is free again only when the end of its events is durable, so that a kill repeats at most what the
slots held.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from pixelwire.deliver.books import Books
from pixelwire.deliver.fetch import Fetch
from pixelwire.deliver.health import NOT_BEFORE_NEWS
from pixelwire.deliver.routes import Routes
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.tickets import FOLLOWS, Ticket
from pixelwire.destinations.base import (
    Batch,
    Destination,
    GiveUp,
    Item,
    ItemResult,
    Misconfigured,
    Refused,
    Retry,
    Unreachable,
)
from pixelwire.telemetry import logger

SEND_S_MAX: Final = 600.0  # a destination bounds its own sends; this is for one that does not


class Sender:
    def __init__(
        self, shared: Shared, books: Books, fetch: Fetch, destination: Destination, routes: Routes
    ) -> None:
        self._shared = shared
        self._books = books
        self._backlog = books.backlog
        self._health = books.health
        self._fetch = fetch
        self._destination = destination
        self._routes = routes
        self._is_news_turn = False
        self._work = asyncio.Event()
        self.stopping = asyncio.Event()
        self.settled = asyncio.Event()  # set when events have come to their end
        self.misconfigured: Misconfigured | None = None

    def wake(self) -> None:
        """There may be something to send."""
        self._work.set()

    def stop(self) -> None:
        """Lets every slot end when what it has taken is done."""
        self.stopping.set()
        self._work.set()

    async def run_slot(self) -> None:
        while not self.stopping.is_set():
            self._work.clear()
            wait_s = self._health.wait_s(self._shared.clock.monotonic_s())
            if wait_s > 0:
                await self._rest(None if wait_s == NOT_BEFORE_NEWS else wait_s)
                continue
            is_probe = self._health.sending()
            tickets = await self._take(is_probe)
            if tickets:
                await self._deliver(tickets, is_probe)
                self.settled.set()
            else:
                if is_probe:
                    self._health.gave_up_probing()
                await self._rest(self._due_in_s())

    # -- Taking ------------------------------------------------------------------------------------

    async def _take(self, is_probe: bool) -> list[Ticket]:
        # New events and parked ones take turns: those that fail neither keep it down nor the others waiting.
        self._is_news_turn = self._health.probes % 2 == 1 if is_probe else not self._is_news_turn
        if self._is_news_turn and (tickets := self._take_new(is_probe)):
            return tickets
        return await self._take_parked(is_probe=is_probe) or self._take_new(is_probe)

    def _take_new(self, is_probe: bool) -> list[Ticket]:
        if is_probe:
            return self._backlog.take(events_max=1)
        if self._new_in_s() != 0:
            return []
        tickets = self._backlog.take()
        if self._backlog.has_ready:
            self._work.set()  # another slot may have looked before this was ready
        return tickets

    async def _take_parked(self, *, is_probe: bool) -> list[Ticket]:
        tickets = await self._fetch.take(is_probe=is_probe)
        if self._fetch.due_in_s() == 0:
            self._work.set()  # there may be more for another slot
        return tickets

    async def _rest(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._work.wait()
        except TimeoutError:
            pass  # something is due

    def _due_in_s(self) -> float | None:
        """When there will be something to take. None: not before news."""
        waits = [wait_s for wait_s in (self._new_in_s(), self._fetch.due_in_s()) if wait_s is not None]
        return min(waits, default=None)

    def _new_in_s(self) -> float | None:
        """When a batch of new events may be taken: full, or held for long enough."""
        ready_s = self._backlog.ready_s()
        if ready_s is None:
            return None
        return max(0.0, ready_s - self._shared.clock.monotonic_s(), self._books.new_wait_s())

    # -- Sending -----------------------------------------------------------------------------------

    async def _deliver(self, tickets: list[Ticket], is_probe: bool) -> None:
        clock = self._shared.clock
        shaped = self._routes.shape(tickets)
        if is_probe and not shaped.items:
            self._health.gave_up_probing()  # it does not go at all: another one will tell
        started_s = clock.monotonic_s()
        try:
            results = await self._send(shaped.items) if shaped.items else []
        except Unreachable as exc:
            self._backlog.take_back(tickets)
            self._books.failed(str(exc), is_probe=is_probe)
        except Misconfigured as exc:
            self._backlog.take_back(tickets)
            self.misconfigured = exc
            self.stop()
        else:
            took_ms = round((clock.monotonic_s() - started_s) * 1_000)
            await self._books.settle(shaped, results, took_ms=took_ms, is_probe=is_probe)
        if is_probe:
            self._work.set()  # the others waited for its result

    async def _send(self, items: Sequence[Item]) -> Sequence[ItemResult]:
        """One result for each item. Unreachable or Misconfigured when nothing was sent."""
        try:
            async with asyncio.timeout(SEND_S_MAX):
                results = (await self._destination.send(Batch(items))).results
        except (Unreachable, Misconfigured):
            raise
        except Refused as exc:
            return [GiveUp(str(exc))] if len(items) == 1 else await self._send_halves(items)
        except TimeoutError:
            return [Retry(f"no result within {SEND_S_MAX:.0f} s")] * len(items)
        except Exception as exc:  # noqa: BLE001 a fault of a plug-in costs this attempt, not the loop
            logger("deliver").exception("send_failed")
            return [Retry(f"the destination failed: {type(exc).__name__}")] * len(items)
        if len(results) != len(items):
            reason = f"the destination gave {len(results)} results for {len(items)} events"
            return [Retry(reason)] * len(items)
        return results

    async def _send_halves(self, items: Sequence[Item]) -> Sequence[ItemResult]:
        """Of an identity nothing is sent after an item of the first half that must be tried again."""
        middle = len(items) // 2
        first = await self._send_half(items[:middle])
        waiting = {
            item.identity
            for item, result in zip(items, first, strict=False)
            if item.identity and isinstance(result, Retry)
        }
        going = [item for item in items[middle:] if item.identity not in waiting]
        second = iter(await self._send_half(going)) if going else iter(())
        follows = Retry(FOLLOWS)
        return [
            *first,
            *(follows if item.identity in waiting else next(second) for item in items[middle:]),
        ]

    async def _send_half(self, items: Sequence[Item]) -> Sequence[ItemResult]:
        """The other half may have been sent: nothing is raised that would have it sent again."""
        try:
            return await self._send(items)
        except (Unreachable, Misconfigured) as exc:
            return [Retry(str(exc))] * len(items)
