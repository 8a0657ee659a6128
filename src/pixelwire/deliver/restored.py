"""Cursors after a restore: what rows say of events that this store does not have is let go.

Knows neither the courier, which does it when the owner says so, nor `pixelwire restore`, which may at once.
"""

from typing import Final

import apsw

from pixelwire.deliver.statements import load

_SQL: Final = load("restored.sql")
_CUTS: Final = ("cut_sent", "cut_dropped", "cut_filtered", "cut_parked", "set_dead_apart", "cut_expired")


def cut(connection: apsw.Connection, head: int) -> None:
    """No destination is further than `head`. Inside the caller's transaction.

    Seqs after it are given to other events: a row that stayed would have one of those passed by.
    """
    for statement in ("cut_cursors", "cut_replays", *_CUTS):
        connection.execute(_SQL[statement], (head,))


def cut_one(connection: apsw.Connection, number: int, head: int) -> None:
    """The same for the rows of one destination."""
    for statement in _CUTS:
        connection.execute(f"{_SQL[statement]} AND destination = ?2", (head, number))
    connection.execute(f"{_SQL['cut_replays'].rstrip(';')} WHERE number = ?2", (head, number))


def accept(connection: apsw.Connection, store: str) -> None:
    """Every cursor is one of this store from now on."""
    connection.execute(_SQL["accept"], (store,))
