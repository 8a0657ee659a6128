"""Carries out what owners ordered through the catalog, each order once, whatever ends the courier in between.

An order's row here is written before or together with its first effect, and how far it got together with each
further one. Knows dead letters by their rows, and no loop: whoever runs them is told that there is work.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw
import msgspec

from pixelwire.catalog.wishes import ORDER_LAPSES_MS, DropLetters, Letters, Order, RetryLetters, read_wish
from pixelwire.clock import Clock
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.statements import load
from pixelwire.telemetry import logger

_SQL: Final = load("orders.sql")
STEP_LETTERS_MAX: Final = 1_000  # in one transaction: the event loop stands still for a few milliseconds
LAPSED: Final = "the courier did not run for 30 days after it was given"
FORGET_MS: Final = 2 * ORDER_LAPSES_MS


class Orders:
    """On the event loop's thread. `on_letters` hears of destinations with letters to be sent again."""

    def __init__(self, ledger: Ledger, clock: Clock, on_letters: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._on_letters = on_letters
        self._known = {row[0] for row in ledger.ask(_SQL["known"])}
        self._new: list[Order] = []
        self._in_catalog: list[str] = []
        self._news = asyncio.Event()
        self._news.set()  # something may have been left under way
        self._log = logger("deliver")

    def offer(self, orders: Sequence[Order]) -> None:
        """All that stand in the catalog; those not known yet are taken."""
        self._in_catalog = [order.id for order in orders]
        self._new = [order for order in orders if order.id not in self._known]
        if self._new:
            self._news.set()

    async def run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while await self._take() or await self._step():
                pass

    async def _take(self) -> bool:
        """Writes down those that are new. False when none is."""
        if not self._new:
            return False
        orders, now_ms, in_catalog = self._new, self._clock.now_ms(), self._in_catalog
        self._new = []
        self._known.update(order.id for order in orders)

        def chore(connection: apsw.Connection) -> None:
            _forget(connection, now_ms, in_catalog)
            for order in orders:
                _take(connection, order, now_ms)

        await self._write(chore)
        for order in orders:
            verb = order.wish.__struct_config__.tag
            self._log.info("order_taken", order=order.id, destination=order.destination_id, verb=verb)
        return True

    async def _step(self) -> bool:
        """A step of each that is under way. False when none is."""
        under_way = self._ledger.ask(_SQL["under_way"])
        if not under_way:
            return False
        now_ms = self._clock.now_ms()
        for number, destination_id, text, looked_to, letters_to in under_way:
            wish = read_wish(text)

            def chore(
                connection: apsw.Connection,
                row: tuple[int, str, Letters, int, int] = (
                    number,
                    destination_id,
                    wish,
                    looked_to,
                    letters_to,
                ),
            ) -> None:
                _step(connection, *row, now_ms)

            await self._write(chore)
            if isinstance(wish, RetryLetters):
                self._on_letters(destination_id)
        return True

    async def _write(self, chore: Callable[[apsw.Connection], None]) -> None:
        group = self._ledger.gather()
        group.chores.append(chore)
        await group.durable.wait()


def _take(connection: apsw.Connection, order: Order, now_ms: int) -> None:
    text = msgspec.json.encode(order.wish).decode()
    connection.execute(_SQL["take"], (order.id, order.destination_id, text, now_ms, order.wish.number))
    if order.created_ms < now_ms - ORDER_LAPSES_MS:
        connection.execute(_SQL["refuse"], (order.id, now_ms, LAPSED))


def _step(
    connection: apsw.Connection,
    number: int,
    destination_id: str,
    wish: Letters,
    looked_to: int,
    letters_to: int,
    now_ms: int,
) -> None:
    up_to = connection.execute(_SQL["step"], (destination_id, looked_to, letters_to, STEP_LETTERS_MAX)).get
    if up_to is None:
        connection.execute(_SQL["went_on"], (number, letters_to, 0, now_ms))
        return
    found = connection.execute(_SQL["letters"], selection(destination_id, wish, looked_to, up_to)).fetchall()
    if isinstance(wish, RetryLetters):
        connection.executemany(_SQL["retry"], [(*letter, now_ms) for letter in found])
    elif isinstance(wish, DropLetters):
        connection.executemany(_SQL["note_dropped"], [(letter, now_ms) for _, letter in found])
        connection.executemany(_SQL["drop"], [(letter,) for _, letter in found])
        connection.execute(_SQL["count_dropped"], (destination_id, len(found)))
    done_ms = now_ms if up_to >= letters_to else None
    connection.execute(_SQL["went_on"], (number, up_to, len(found), done_ms))


def _forget(connection: apsw.Connection, now_ms: int, in_catalog: Sequence[str]) -> None:
    kept = msgspec.json.encode(in_catalog).decode()
    connection.execute(_SQL["forget"], (now_ms - FORGET_MS, kept))


def selection(destination_id: str, letters: Letters, after: int, up_to: int) -> dict[str, Any]:
    """The bindings of `-- name: letters`."""
    return {
        "destination_id": destination_id,
        "after": after,
        "up_to": up_to,
        "reason": letters.reason,
        "from_ms": letters.from_ms,
        "to_ms": letters.to_ms,
    }
