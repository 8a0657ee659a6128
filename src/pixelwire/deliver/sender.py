"""Sends one destination's events in several slots at a time: what is taken when. Knows not how it is sent,
nor what is written down of it.

A slot is free again only when the end of its events is durable, so that a kill repeats at most what the
slots held.
"""

import asyncio

from pixelwire.deliver.books import Books
from pixelwire.deliver.dispatch import Dispatch
from pixelwire.deliver.fetch import Fetch
from pixelwire.deliver.health import NOT_BEFORE_NEWS
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.tickets import Ticket
from pixelwire.destinations.base import Misconfigured, Unreachable


class Sender:
    def __init__(self, shared: Shared, books: Books, fetch: Fetch, dispatch: Dispatch) -> None:
        self._shared = shared
        self._books = books
        self._backlog = books.backlog
        self._health = books.health
        self._fetch = fetch
        self._dispatch = dispatch
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
        started_s = clock.monotonic_s()
        try:
            outcomes = await self._dispatch.send(tickets)
        except Unreachable as exc:
            self._backlog.take_back(tickets)
            self._books.failed(str(exc), is_probe=is_probe)
        except Misconfigured as exc:
            self._backlog.take_back(tickets)
            self.misconfigured = exc
            self.stop()
        else:
            took_ms = round((clock.monotonic_s() - started_s) * 1_000)
            await self._books.settle(tickets, outcomes, took_ms=took_ms, is_probe=is_probe)
        if is_probe:
            self._work.set()  # the others waited for its result
