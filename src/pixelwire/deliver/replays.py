"""Replays in delivery.db: made, cancelled and taken up again. Knows no loop and no destination's options."""

from collections.abc import Iterator
from typing import Final

import apsw
import msgspec

from pixelwire.catalog.wishes import CancelReplay, StartReplay, read_wish
from pixelwire.deliver.course import Course, replayed
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.statements import load

_SQL: Final = load("replays.sql")


def going(ledger: Ledger) -> Iterator[Course]:
    """Those that are to run now: the oldest of each destination; the others wait for it."""
    busy: set[str] = set()
    for id_, destination_id, text, end_seq in ledger.ask(_SQL["going"]):
        if destination_id not in busy:
            busy.add(destination_id)
            wish = read_wish(text)
            assert isinstance(wish, StartReplay), "nothing else makes such a row"
            yield replayed(id_, destination_id, wish, end_seq)


def make(
    connection: apsw.Connection, replay_id: str, destination_id: str, wish: StartReplay, now_ms: int
) -> bool:
    """Inside the caller's transaction. False while the courier has not met the destination."""
    row = (replay_id, destination_id, wish.store, wish.first_seq, now_ms)
    connection.execute(_SQL["make_row"], row)
    text = msgspec.json.encode(wish).decode()
    connection.execute(_SQL["make"], (replay_id, destination_id, text, wish.first_seq, wish.end_seq, now_ms))
    return connection.changes() > 0


def cancel(connection: apsw.Connection, destination_id: str, wish: CancelReplay, now_ms: int) -> bool:
    """Inside the caller's transaction. False when it was not going on."""
    connection.execute(_SQL["cancel"], (wish.replay, destination_id, now_ms))
    if not connection.changes():
        return False
    connection.execute(_SQL["forget_retried"], (wish.replay,))
    connection.execute(_SQL["forget_parked"])
    return True


def reopen(connection: apsw.Connection) -> None:
    """Inside the caller's transaction: replays at their end that have letters to be sent again send them."""
    connection.execute(_SQL["forget_parked"])
    connection.execute(_SQL["reopen"])
