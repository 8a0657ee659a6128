"""All that one destination has yet to send: the window of new events and the parked ones. No disk, no clock.

Invariant: of an identity, events are under way from the window or from the parking, never from both. Those in
the window go first: they are earlier than those in the parking, but for dead letters that are sent again.
What comes later goes behind both. So its order holds.
"""

from collections.abc import Iterable, Sequence

from pixelwire.deliver.bounds import Bounds, bounds_of
from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.parking import Parked, Parking
from pixelwire.deliver.tickets import Ticket, ticket_of
from pixelwire.deliver.window import Window
from pixelwire.destinations.base import BatchLimits
from pixelwire.event import StoredEvent


class Backlog:
    def __init__(
        self,
        scanned_to: int,
        lines: Iterable[tuple[Parked, int, int | None]] = (),
        bounds: Bounds | None = None,
    ) -> None:
        self.scanned_to = scanned_to
        self.bounds = bounds or bounds_of(BatchLimits())
        self._window = Window(self.bounds)
        self._parking = Parking(lines)

    @property
    def wants_more(self) -> bool:
        """Whatever is parked: what fails must not keep the others from being tried."""
        return self._window.has_room

    @property
    def is_full(self) -> bool:
        """So many are parked that new ones must be tried with care."""
        return self._parking.is_full

    @property
    def trouble(self) -> str:
        """What the destination's owner should know of its parked events."""
        return self._parking.trouble

    @property
    def has_ready(self) -> bool:
        """Whether there is a new event that may be sent, soon if not now."""
        return self._window.has_ready

    @property
    def cursor(self) -> int:
        """Every event up to here is passed: sent, filtered, dead or parked."""
        return self._window.cursor(self.scanned_to)

    @property
    def parked(self) -> int:
        """How many events wait for another attempt, or behind one that does."""
        return len(self._parking)

    def ready_s(self) -> float | None:
        """From when on a batch of new events may be taken, by the clock of `admit`; None for no event."""
        return self._window.ready_s()

    def next_ms(self) -> int | None:
        """When a parked event is due."""
        return self._parking.next_ms()

    # -- In ----------------------------------------------------------------------------------------

    def admit(self, events: Sequence[StoredEvent], scanned_to: int, now_s: float = 0.0) -> list[Parked]:
        """Takes in the next events, in order. Returns those parked behind an earlier one of theirs.

        So is what comes of an identity that has its share of the window: it must not fill it. When the rows
        are durable `reached` is due.
        """
        followers = []
        for event in events:
            ticket = ticket_of(event, held_s=now_s)
            key = ticket.identity_key
            if key == NOBODY:
                self._window.add(ticket)
            elif self._parking.holds(key, ticket.seq):
                followers.append(self._follow(ticket))
            elif self._window.count(key) < self.bounds.identity_events:
                self._window.add(ticket)
                self._parking.stand_behind(key)
            else:
                followers.append(self._follow(ticket))
                self._parking.stand_behind(key)
        self.scanned_to = scanned_to
        return followers

    def recall(self, row: Parked) -> None:
        """Takes in a dead letter that is to be sent again; it can be taken after `again`."""
        self._parking.add(row, is_under_way=True)
        if self._window.count(row.identity_key):
            self._parking.stand_behind(row.identity_key)

    def reached(self) -> None:
        """All that was admitted is in memory or durable: lines up to there may be taken."""
        self._parking.reached(self.scanned_to)

    # -- Out ---------------------------------------------------------------------------------------

    def take(self, events_max: int | None = None) -> list[Ticket]:
        """The next batch of new events; `events_max` is a probe's."""
        return self._window.take(events_max)

    def take_parked(self, now_ms: int, *, is_early: bool = False) -> Parked | None:
        """A parked event that is due, the first of its line; with `is_early` due or not."""
        return self._parking.take_any() if is_early else self._parking.take(now_ms)

    def take_line(self, row: Parked, rows_max: int) -> list[Parked]:
        """What follows in the line of a row just taken, as far as it is in memory."""
        return self._parking.take_more(row.identity_key, rows_max) if row.identity_key != NOBODY else []

    def lacks(self, row: Parked) -> bool:
        """Whether more of a row's line could be taken if it was looked up for `take_loaded`."""
        return row.identity_key != NOBODY and self._parking.lacks(row.identity_key)

    def take_loaded(self, rows: Sequence[Parked]) -> None:
        """Rows of one line that were looked up are taken too."""
        if rows:
            self._parking.take_loaded(rows[0].identity_key, rows)

    def take_back(self, tickets: Sequence[Ticket]) -> None:
        """What was taken and not sent is ready again."""
        self.again([ticket.row for ticket in tickets if ticket.row is not None])
        if new := [ticket for ticket in tickets if ticket.row is None]:
            self._window.put_back(new)

    # -- What came of it -----------------------------------------------------------------------------

    def park(self, tickets: Sequence[Ticket]) -> list[Parked]:
        """The rows to be written for events of one identity that are not at their end, and of what waited
        behind them. Each of the tickets has its row then, and is under way until `again`.
        """
        if tickets[0].row is not None:
            return [tickets[0].row]
        behind = self._window.withdraw(tickets)
        for ticket in tickets:
            ticket.row = self._follow(ticket, is_under_way=True)
        rows = [ticket.row for ticket in tickets if ticket.row is not None]
        rows += [self._follow(ticket) for ticket in behind]
        self._parking.step_up(tickets[0].identity_key)
        return rows

    def again(self, rows: Sequence[Parked]) -> list[int]:
        """Rows that are durable, or were taken and not sent, can be taken when they are due.

        Returns the identities whose next rows must be looked up for `load`.
        """
        return [row.identity_key for row in rows if self._parking.again(row)]

    def pass_by(self, ticket: Ticket) -> None:
        """The event's end is being written: the cursor may go past it with the same write."""
        if ticket.row is None:
            self._window.pass_by(ticket)

    def free(self, ticket: Ticket) -> int:
        """The event's end is durable: the next of its identity may go.

        Returns the identity whose next rows must be looked up for `load`, NOBODY for none.
        """
        key = ticket.identity_key
        if ticket.row is not None:
            return key if self._parking.done(ticket.row) else NOBODY
        is_last = self._window.free(ticket)
        return key if is_last and self._parking.step_up(key) else NOBODY

    def is_starved(self, identity_key: int) -> bool:
        """Whether an identity has parked rows, and none of them in memory."""
        return self._parking.is_starved(identity_key)

    def load(self, identity_key: int, rows: Iterable[Parked]) -> None:
        """The next parked rows of an identity that is starved."""
        self._parking.load(identity_key, rows)

    def holds_many_up(self, row: Parked) -> bool:
        """Whether a crowd waits behind a parked event."""
        return self._parking.has_crowd(row.identity_key)

    def hasten(self, now_ms: int) -> None:
        """All that is parked is due."""
        self._parking.hasten(now_ms)

    # -- Private -----------------------------------------------------------------------------------

    def _follow(self, ticket: Ticket, *, is_under_way: bool = False) -> Parked:
        row = Parked(ticket.seq, ticket.identity_key, 0, 0, 0)
        self._parking.add(row, is_under_way=is_under_way)
        return row
