"""All that one destination has yet to send: the window of new events and the parked ones. No disk, no clock.

Invariant: an identity stands in the window or in the parking, so its order holds. In both it stands only
while a dead letter that is to be sent again waits for the window to be done with it.
"""

from collections.abc import Iterable, Sequence

from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.parking import Parked, Parking
from pixelwire.deliver.tickets import Ticket, ticket_of
from pixelwire.deliver.window import Window
from pixelwire.event import StoredEvent


class Backlog:
    def __init__(self, scanned_to: int, lines: Iterable[tuple[Parked, int]] = ()) -> None:
        self.scanned_to = scanned_to
        self._window = Window()
        self._parking = Parking(lines)
        self._held: set[int] = set()  # identities of dead letters that wait for the window to let go of them

    @property
    def wants_more(self) -> bool:
        """Whatever is parked: what fails must not keep the others from being tried."""
        return self._window.is_low

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
        return self._window.has_ready

    @property
    def cursor(self) -> int:
        """Every event up to here is passed: sent, filtered, dead or parked."""
        return self._window.cursor(self.scanned_to)

    def next_ms(self) -> int | None:
        """When a parked event is due."""
        return self._parking.next_ms()

    def admit(self, events: Sequence[StoredEvent], scanned_to: int) -> list[Parked]:
        """Takes in the next events, in order. Returns those parked behind an earlier one of theirs."""
        followers = []
        for event in events:
            ticket = ticket_of(event)
            if self._parking.holds(ticket.identity_key):
                followers.append(self._follow(ticket))
            else:
                self._window.add(ticket)
        self.scanned_to = scanned_to
        return followers

    def take(self, events_max: int, bytes_max: int) -> list[Ticket]:
        """New events to send, each of another identity."""
        return self._window.take(events_max, bytes_max)

    def take_parked(self, now_ms: int, *, is_early: bool = False) -> Parked | None:
        """A parked event that is due; with `is_early` the first one, due or not."""
        return self._parking.take_any() if is_early else self._parking.take(now_ms)

    def take_back(self, tickets: Sequence[Ticket]) -> None:
        """What was taken and not sent is ready again."""
        self._window.put_back([ticket for ticket in tickets if ticket.row is None])
        for ticket in tickets:
            if ticket.row is not None:
                self._parking.again(ticket.row)

    def park(self, ticket: Ticket) -> tuple[Parked, list[Parked]]:
        """The row for another attempt, and those of what waited behind it. It is taken until `again`."""
        if ticket.row is not None:
            return ticket.row, []
        _, *behind = self._window.withdraw(ticket)
        row = ticket.row = self._follow(ticket)
        followers = [self._follow(one) for one in behind]
        self._let_go(ticket.identity_key)
        return row, followers

    def recall(self, row: Parked) -> None:
        """Takes in a dead letter that is to be sent again; it can be taken after `again`."""
        self._parking.add(row)

    def again(self, row: Parked) -> None:
        """A parked row is durable: it can be taken when it is due and the first of its identity.

        Of a dead letter's identity there may be events in the window: they go first, and what comes later
        follows the letter.
        """
        if self._window.holds(row.identity_key):
            self._held.add(row.identity_key)
        else:
            self._parking.again(row)

    def pass_by(self, ticket: Ticket) -> None:
        """The event's end is being written: the cursor may go past it with the same write."""
        if ticket.row is None:
            self._window.pass_by(ticket)

    def free(self, ticket: Ticket) -> int:
        """The event's end is durable: the next of its identity may go.

        Returns the identity whose next rows must be looked up for `load`, NOBODY for none.
        """
        if ticket.row is None:
            self._window.free(ticket)
            self._let_go(ticket.identity_key)
            return NOBODY
        return ticket.row.identity_key if self._parking.done(ticket.row) else NOBODY

    def load(self, identity_key: int, rows: Iterable[Parked]) -> None:
        """The next parked rows of an identity."""
        self._parking.load(identity_key, rows)

    def holds_many_up(self, row: Parked) -> bool:
        """Whether a crowd waits behind a parked event."""
        return self._parking.has_crowd(row.identity_key)

    def hasten(self, now_ms: int) -> None:
        """All that is parked is due."""
        self._parking.hasten(now_ms)

    def _let_go(self, identity_key: int) -> None:
        if identity_key in self._held and not self._window.holds(identity_key):
            self._held.discard(identity_key)
            self._parking.release(identity_key)

    def _follow(self, ticket: Ticket) -> Parked:
        row = Parked(ticket.seq, ticket.identity_key, 0, 0, 0)
        self._parking.add(row)
        return row
