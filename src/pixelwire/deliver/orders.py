"""Carries out what owners ordered through the catalog, each order once, whatever ends the courier in between.

An order's row here is written before or together with its first effect, and how far it got together with each
further one. Knows rows only, no loop: whoever runs them is told that something changed.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import apsw
import msgspec

from pixelwire.catalog.wishes import (
    ORDER_LAPSES_MS,
    CancelReplay,
    DropLetters,
    Letters,
    Order,
    RetryLetters,
    StartReplay,
    Wish,
    read_wish,
)
from pixelwire.clock import Clock
from pixelwire.deliver import replays
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.statements import load
from pixelwire.telemetry import logger

_SQL: Final = load("orders.sql")
STEP_LETTERS_MAX: Final = 1_000  # in one transaction: the event loop stands still for a few milliseconds
LAPSED: Final = "the courier did not run for 30 days after it was given"
NOT_GOING: Final = "there was no such replay, or it was at its end"
FORGET_MS: Final = 2 * ORDER_LAPSES_MS
UNMET_S: Final = 0.5  # a replay to a destination that was made a moment ago


class Orders:
    """On the event loop's thread. `on_change` hears of destinations whose letters or replays were changed."""

    def __init__(self, ledger: Ledger, clock: Clock, on_change: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._on_change = on_change
        self._known = {row[0] for row in ledger.ask(_SQL["known"])}
        self._new: list[Order] = []
        self._in_catalog: list[str] | None = None  # when all of them were just read
        self.seen = 0  # the last number that was offered: only later ones have to be read
        self._news = asyncio.Event()
        self._news.set()  # something may have been left under way
        self._log = logger("deliver")

    def offer(self, orders: Sequence[Order]) -> None:
        """Those in the catalog after the last one seen, so at first all. Those not known yet are taken."""
        if not self.seen:
            self._in_catalog = [order.id for order in orders]
        self.seen = max([self.seen, *(order.number for order in orders)])
        self._new += [order for order in orders if order.id not in self._known]
        if self._new:
            self._news.set()

    async def run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while True:
                await self._take()
                under_way = [UnderWay(*row) for row in self._ledger.ask(_SQL["under_way"])]
                if not under_way:
                    break
                done = [await self._step(order) for order in under_way]
                if not any(done):
                    await asyncio.sleep(UNMET_S)

    async def _take(self) -> None:
        """Writes down those that are new."""
        if not self._new:
            return
        orders, now_ms, in_catalog = self._new, self._clock.now_ms(), self._in_catalog
        self._new, self._in_catalog = [], None
        self._known.update(order.id for order in orders)

        def chore(connection: apsw.Connection) -> None:
            if in_catalog is not None:
                _forget(connection, now_ms, in_catalog)
            for order in orders:
                _take(connection, order, now_ms)

        await self._write(chore)
        for order in orders:
            verb = order.wish.__struct_config__.tag
            self._log.info("order_taken", order=order.id, destination=order.destination_id, verb=verb)

    async def _step(self, order: "UnderWay") -> bool:
        """Does a part of one, or all of it. False when it has to wait."""
        is_done = [False]
        now_ms = self._clock.now_ms()

        def chore(connection: apsw.Connection) -> None:
            is_done[0] = _step(connection, order, now_ms)

        await self._write(chore)
        self._on_change(order.destination_id)
        return is_done[0]

    async def _write(self, chore: Callable[[apsw.Connection], None]) -> None:
        group = self._ledger.gather()
        group.chores.append(chore)
        await group.durable.wait()


class UnderWay(NamedTuple):
    """A row of `-- name: under_way`."""

    number: int
    id: str
    destination_id: str
    text: str
    looked_to: int
    letters_to: int

    @property
    def wish(self) -> Wish:
        wish = read_wish(self.text)
        assert wish is not None, "it was read before it was taken"
        return wish


def _take(connection: apsw.Connection, order: Order, now_ms: int) -> None:
    text = msgspec.json.encode(order.wish).decode()
    named = order.wish.number if isinstance(order.wish, Letters) else None
    connection.execute(_SQL["take"], (order.id, order.destination_id, text, now_ms, named))
    if order.created_ms < now_ms - ORDER_LAPSES_MS:
        connection.execute(_SQL["refuse"], (order.id, now_ms, LAPSED))


def _step(connection: apsw.Connection, order: UnderWay, now_ms: int) -> bool:
    wish = order.wish
    if isinstance(wish, StartReplay):
        if not replays.make(connection, order.id, order.destination_id, wish, now_ms):
            return False
    elif isinstance(wish, CancelReplay):
        if not replays.cancel(connection, order.destination_id, wish, now_ms):
            connection.execute(_SQL["refuse"], (order.id, now_ms, NOT_GOING))
            return True
    else:
        return _letters_step(connection, order, wish, now_ms)
    connection.execute(_SQL["went_on"], (order.number, 0, 0, now_ms))
    return True


def _letters_step(connection: apsw.Connection, order: UnderWay, wish: Letters, now_ms: int) -> bool:
    place = (order.destination_id, order.looked_to, order.letters_to, STEP_LETTERS_MAX)
    up_to = connection.execute(_SQL["step"], place).get
    if up_to is None:
        connection.execute(_SQL["went_on"], (order.number, order.letters_to, 0, now_ms))
        return True
    selected = _selection(order.destination_id, wish, order.looked_to, up_to)
    found = connection.execute(_SQL["letters"], selected).fetchall()
    if isinstance(wish, RetryLetters):
        connection.executemany(_SQL["retry"], [(*letter, now_ms) for letter in found])
        replays.reopen(connection)
    elif isinstance(wish, DropLetters):
        connection.executemany(_SQL["note_dropped"], [(letter, now_ms) for _, letter in found])
        connection.executemany(_SQL["drop"], [(letter,) for _, letter in found])
        connection.execute(_SQL["count_dropped"], (order.destination_id, len(found)))
    done_ms = now_ms if up_to >= order.letters_to else None
    connection.execute(_SQL["went_on"], (order.number, up_to, len(found), done_ms))
    return True


def _forget(connection: apsw.Connection, now_ms: int, in_catalog: Sequence[str]) -> None:
    kept = msgspec.json.encode(in_catalog).decode()
    connection.execute(_SQL["forget"], (now_ms - FORGET_MS, kept))


def _selection(destination_id: str, letters: Letters, after: int, up_to: int) -> dict[str, Any]:
    """The bindings of `-- name: letters`."""
    return {
        "destination_id": destination_id,
        "after": after,
        "up_to": up_to,
        "reason": letters.reason,
        "from_ms": letters.from_ms,
        "to_ms": letters.to_ms,
    }
