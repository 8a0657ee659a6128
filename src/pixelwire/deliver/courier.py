"""The courier: tells the loops what is new on disk and in the catalog, and does the chores of all of them.

Knows no single event. Only delivery.db failing ends it.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.clock import Clock, SystemClock
from pixelwire.deliver.keeping import Keeping
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.loop import Heads
from pixelwire.deliver.options import CourierOptions
from pixelwire.deliver.orders import Orders
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.source import Source
from pixelwire.deliver.sweep import sweep
from pixelwire.destinations.base import Surroundings
from pixelwire.limits import CATALOG_TICK_S
from pixelwire.record.reader import Reader
from pixelwire.telemetry import logger

POLL_S: Final = 0.05  # how soon an event on disk is seen
QUIET_POLL_S: Final = 0.2  # the same when none came for a while: every look from sleep costs 0.3 ms
QUIET_AFTER_S: Final = 2.0
NOTE_S: Final = 1.0  # how soon the state of a destination is seen by others
LET_GO_S: Final = 10.0
SWEEP_S: Final = 60.0
SWEEP_MORE_S: Final = 0.2


class Courier:
    def __init__(
        self,
        options: CourierOptions,
        *,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        data_dir = Path(options.data_dir)
        clock = clock or SystemClock()
        self._reader = Reader(data_dir)  # the heads, on the event loop's thread; pages are read in another
        self._catalog = Snapshot(data_dir)
        self._shared = Shared(
            source=Source(data_dir, options.recorder_socket),
            ledger=Ledger(data_dir),
            policy=options.retry,
            clock=clock,
            chance=chance,
            pixel_id=self._pixel_id,
            surroundings=Surroundings(clock, options.allow_private_destinations),
        )
        self._keeping = Keeping(self._shared)
        self._orders = Orders(self._shared.ledger, clock, self._keeping.changed)
        self._heads = Heads("", 0)
        self._is_catalog_read = False
        self._catalog_at_s = 0.0
        self._news_at_s = 0.0
        self._pixel_ids: dict[int, str] = {}
        self._trouble = ""
        self._put_off: set[str] = set()
        self._log = logger("deliver")

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Until `stop` is set. DeliveryError when delivery.db fails: then only a new start helps."""
        ledger = asyncio.create_task(self._shared.ledger.run())
        chores = [
            asyncio.create_task(chore())
            for chore in (self._poll, self._note, self._sweep, self._let_go, self._orders.run)
        ]
        stopped = asyncio.create_task(stop.wait())
        on_ready()
        try:
            await asyncio.wait([ledger, stopped, *chores], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopped, *chores):
                task.cancel()
            await self._keeping.end()
            self._shared.ledger.finish()
            await asyncio.gather(ledger, return_exceptions=True)
            self._close()
        for task in (ledger, *chores):
            if task.done() and not task.cancelled():
                task.result()

    # -- What is new -------------------------------------------------------------------------------

    async def _poll(self) -> None:
        while True:
            try:
                self._look()
                self._trouble = ""
            except Exception as exc:  # noqa: BLE001 a loop's top: what can not be read now is read later
                if str(exc) != self._trouble:  # once, not twice a second
                    self._log.warning("delivery_waits", reason=str(exc))
                self._trouble = str(exc)
            await asyncio.sleep(CATALOG_TICK_S if self._trouble else self._poll_s())

    def _poll_s(self) -> float:
        if self._keeping.is_idle:
            return CATALOG_TICK_S
        is_quiet = self._shared.clock.monotonic_s() > self._news_at_s + QUIET_AFTER_S
        return QUIET_POLL_S if is_quiet else POLL_S

    def _look(self) -> None:
        """First how far the events go, then the catalog: so the pixel of every event up to there is in it."""
        heads = self._heads
        head = self._reader.head()
        if head != heads.head:
            heads = Heads(heads.store or self._reader.store_id(), head)
            self._news_at_s = self._shared.clock.monotonic_s()
        now_s = self._shared.clock.monotonic_s()
        if heads is self._heads and self._is_catalog_read and now_s < self._catalog_at_s + CATALOG_TICK_S:
            return
        self._catalog_at_s = now_s
        if self._catalog.has_changed() or not self._is_catalog_read:
            self._is_catalog_read = False
            self._keeping.apply(self._catalog.destinations())
            self._orders.offer(self._catalog.orders(self._orders.seen))
            self._is_catalog_read = True
        self._heads = heads
        self._keeping.announce(heads)

    def _pixel_id(self, number: int) -> str:
        if number not in self._pixel_ids:
            entry = self._catalog.pixel_by_number(number)
            if entry is None:
                return ""
            self._pixel_ids[number] = entry.id
        return self._pixel_ids[number]

    # -- Chores ------------------------------------------------------------------------------------

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(NOTE_S)
            self._keeping.note()

    async def _let_go(self) -> None:
        while True:
            await asyncio.sleep(LET_GO_S)
            with self._later("let_go_waits"):
                await self._shared.source.let_go()

    async def _sweep(self) -> None:
        """Takes out what nobody can ask for any more, a little at a time."""
        has_more = False
        while True:
            await asyncio.sleep(SWEEP_MORE_S if has_more else SWEEP_S)
            has_more = False
            with self._later("sweep_waits"):
                has_more = await self._sweep_some(await self._shared.source.oldest())

    async def _sweep_some(self, oldest_seq: int) -> bool:
        has_more = [False]

        def chore(connection: apsw.Connection) -> None:
            has_more[0] = sweep(connection, oldest_seq=oldest_seq, now_ms=self._shared.clock.now_ms())

        group = self._shared.ledger.gather()
        group.chores.append(chore)
        await group.durable.wait()
        return has_more[0]

    @contextmanager
    def _later(self, event: str) -> Iterator[None]:
        """A chore that can wait must not end the courier: what can not be read now is read later."""
        try:
            yield
            self._put_off.discard(event)
        except Exception as exc:  # noqa: BLE001 a loop's top
            if event not in self._put_off:  # once, not again and again
                self._log.warning(event, reason=str(exc))
            self._put_off.add(event)

    def _close(self) -> None:
        self._shared.source.close()
        self._shared.ledger.close()
        self._catalog.close()
        self._reader.close()
