"""Orders to the courier: written down by whoever its owner asks, carried out by the courier alone."""

from typing import Final
from uuid import uuid4

import apsw
import msgspec

from pixelwire.catalog.database import translated, writing
from pixelwire.catalog.destinations import Destinations
from pixelwire.catalog.statements import load
from pixelwire.catalog.wishes import ORDER_LAPSES_MS, Order, Wish, read_wish
from pixelwire.errors import NotFound

_SQL: Final = load("orders.sql")


class Orders(Destinations):
    def give_order(self, destination_id: str, wish: Wish) -> Order:
        """The courier sees it within a second, or when it runs again. NotFound without the destination."""
        order_id, now_ms = str(uuid4()), self._clock.now_ms()
        with writing(self._connection):
            if self._row(_SQL["has_destination"], destination_id) is None:
                raise NotFound("there is no such destination")
            self._run(_SQL["forget"], now_ms - ORDER_LAPSES_MS)
            text = msgspec.json.encode(wish).decode()
            self._run(_SQL["give"], order_id, destination_id, text, now_ms)
            row = self._row(_SQL["of_id"], order_id)
        assert row is not None, "it was just made"
        return Order(row[0], order_id, destination_id, wish, now_ms)

    def orders(self, destination_id: str) -> list[Order]:
        """In the order they were given; those carried out included, until they are forgotten."""
        rows = self._rows(_SQL["of_destination"], destination_id)
        wishes = ((row, read_wish(row[3])) for row in rows)
        return [Order(row[0], row[1], row[2], wish, row[4]) for row, wish in wishes if wish is not None]


def forget_sending(connection: apsw.Connection) -> None:
    """In a restored catalog: nothing is sent again by an order that was given before."""
    with translated():
        connection.execute(_SQL["forget_sending"])
