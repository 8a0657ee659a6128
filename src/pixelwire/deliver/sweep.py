"""Takes out of delivery.db what nobody can ask for any more. Knows no destination and no event."""

from typing import Final

import apsw

from pixelwire.clock import DAY_MS
from pixelwire.deliver.statements import load

_SQL: Final = load("ledger.sql")
SWEEP_ROWS_MAX: Final = 2_000  # in one transaction: the event loop stands still for a few milliseconds
REMOVED_KEPT_MS: Final = DAY_MS
REPLAY_KEPT_MS: Final = 30 * DAY_MS  # after its end; while it has dead letters it stays


def sweep(connection: apsw.Connection, *, oldest_seq: int, now_ms: int) -> bool:
    """Inside the caller's transaction. True when there may be more.

    Receipts go with their events, those before `oldest_seq`. What belongs to a destination that was deleted
    goes a day later; replays go a month after their end.
    """
    times = (now_ms - REMOVED_KEPT_MS, oldest_seq, now_ms - REPLAY_KEPT_MS)
    sweepable = connection.execute(_SQL["sweepable"], times).fetchall()
    for number, before_seq, is_removed in sweepable:
        connection.execute(_SQL["sweep_sent"], (number, before_seq, SWEEP_ROWS_MAX, is_removed))
        if connection.changes():
            return connection.changes() == SWEEP_ROWS_MAX or bool(is_removed)
        for statement in ("sweep_dropped", "sweep_filtered"):
            connection.execute(_SQL[statement], (number, before_seq, SWEEP_ROWS_MAX))
            if connection.changes():
                return connection.changes() == SWEEP_ROWS_MAX or bool(is_removed)
        if is_removed:
            connection.execute(_SQL["sweep_retried"], (number, SWEEP_ROWS_MAX))
            if connection.changes():
                return True
            connection.execute(_SQL["sweep_parked"], (number, SWEEP_ROWS_MAX))
            if connection.changes():
                return True
            connection.execute(_SQL["sweep_expired"], (number,))
            connection.execute(_SQL["sweep_dead"], (number, SWEEP_ROWS_MAX))
            if not connection.changes():
                connection.execute(_SQL["sweep_replay"], (number,))
                connection.execute(_SQL["sweep_destination"], (number,))
            return True
    return False
