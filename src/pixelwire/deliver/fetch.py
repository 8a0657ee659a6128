"""From parked rows that are due to tickets: looks their events up again. Knows no destination.

What failed before never travels with new events, but with others that failed: several at once where the
destination takes several, and of a line several where it keeps the order.
"""

from collections.abc import Sequence
from typing import Final

from pixelwire.deliver.books import Books
from pixelwire.deliver.parking import Parked
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.tickets import Ticket, ticket_of
from pixelwire.event import StoredEvent

# What waited for its turn already does not wait for minutes more; that is enough to come together.
LINGER_S_MAX: Final = 5.0


class Fetch:
    def __init__(self, shared: Shared, number: int, books: Books) -> None:
        self._shared = shared
        self._number = number
        self._books = books
        self._backlog = books.backlog
        self._bounds = books.backlog.bounds
        self._linger_s = min(self._bounds.linger_s, LINGER_S_MAX)

    def due_in_s(self) -> float | None:
        """When a batch may be taken: how full it is is not known, so it lingers. None: not before news."""
        next_ms = self._backlog.next_ms()
        if next_ms is None:
            return None
        return max(0.0, (next_ms - self._shared.clock.now_ms()) / 1_000 + self._linger_s)

    async def take(self, *, is_probe: bool) -> list[Ticket]:
        """A batch in the order of seq; a probe is one event, due or not. What is gone is written down."""
        if is_probe:
            row = self._backlog.take_parked(self._shared.clock.now_ms(), is_early=True)
            rows = [row] if row else []
        else:
            rows = sorted(self._rows(), key=lambda row: row.seq) if self.due_in_s() == 0 else []
        if not rows:
            return []
        events = await self._events(rows)
        self._backlog.again(rows[len(events) :])
        gone: list[Parked] = []
        tickets: list[Ticket] = []
        for row, event in zip(rows, events, strict=False):
            if event is None:
                gone.append(row)
            else:
                tickets.append(ticket_of(event, row))
        if gone:
            await self._books.expire(gone)
        return tickets

    async def _events(self, rows: Sequence[Parked]) -> list[StoredEvent | None]:
        """As many as fit into a batch. A dead letter holds its event itself: that may be all that is left."""
        bytes_max = self._bounds.batch_bytes
        seqs = [row.seq for row in rows if not row.letter]
        stored = dict(zip(seqs, await self._shared.source.some(seqs, bytes_max), strict=False))
        events: list[StoredEvent | None] = []
        size = 0
        for row in rows:
            if not row.letter and row.seq not in stored:
                break
            event = self._shared.ledger.letter(row.letter) if row.letter else stored[row.seq]
            size += len(event.payload) if event else 0
            if events and size > bytes_max:
                break
            events.append(event)
        return events

    def _rows(self) -> list[Parked]:
        now_ms, room = self._shared.clock.now_ms(), self._bounds.batch_events
        rows: list[Parked] = []
        while len(rows) < room and (first := self._backlog.take_parked(now_ms)) is not None:
            rows.append(first)
            if self._bounds.keeps_order and len(rows) < room:
                rows += self._behind(first, room - len(rows))
        return rows

    def _behind(self, first: Parked, room: int) -> list[Parked]:
        rows = self._backlog.take_line(first, room)
        if len(rows) < room and self._backlog.lacks(first):
            last = rows[-1] if rows else first
            more = self._shared.ledger.next_in_line(
                self._number, first.identity_key, room - len(rows), after=last.seq
            )
            self._backlog.take_loaded(more)
            rows += more
        return rows
