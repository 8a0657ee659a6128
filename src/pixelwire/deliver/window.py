"""The events a loop holds in memory: which may be sent next, which wait for their identity, and how far the
cursor may go. Bounded by events and bytes. Pure: no disk, no clock.

Invariant: of one identity at most one event is under way, and its events are taken in the order of their seq.
"""

from collections import deque
from heapq import heappop, heappush
from typing import Final

from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.tickets import Ticket

WINDOW_EVENTS_MAX: Final = 2_048
WINDOW_BYTES_MAX: Final = 8 * 1_048_576


class Window:
    def __init__(self, events_max: int = WINDOW_EVENTS_MAX, bytes_max: int = WINDOW_BYTES_MAX) -> None:
        self._events_max = events_max
        self._bytes_max = bytes_max
        self._ready: list[tuple[int, Ticket]] = []  # heap: the oldest goes first
        self._waiting: dict[int, deque[Ticket]] = {}  # by identity that is ready or under way
        self._order: deque[int] = deque()  # seqs as added; those passed are taken out when they lead
        self._passed: set[int] = set()
        self._events = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._events

    @property
    def is_low(self) -> bool:
        """Whether a page more should be read: one fits without passing the bounds."""
        return self._events * 2 <= self._events_max and self._bytes * 2 <= self._bytes_max

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def holds(self, identity_key: int) -> bool:
        """Whether an event of this identity is here, ready, under way or waiting."""
        return identity_key in self._waiting

    def cursor(self, scanned_to: int) -> int:
        """Every event up to here has been passed, given that all up to `scanned_to` were added."""
        order, passed = self._order, self._passed
        while order and order[0] in passed:
            passed.remove(order.popleft())
        return order[0] - 1 if order else scanned_to

    def add(self, ticket: Ticket) -> None:
        """Takes an event in, in the order of seq."""
        self._order.append(ticket.seq)
        self._events += 1
        self._bytes += len(ticket.payload)
        if ticket.identity_key == NOBODY:
            heappush(self._ready, (ticket.seq, ticket))
        elif (line := self._waiting.get(ticket.identity_key)) is not None:
            line.append(ticket)
        else:
            self._waiting[ticket.identity_key] = deque()
            heappush(self._ready, (ticket.seq, ticket))

    def take(self, events_max: int, bytes_max: int) -> list[Ticket]:
        """The next events to send, each of another identity; empty when none may be sent."""
        taken: list[Ticket] = []
        size = 0
        while self._ready and len(taken) < events_max:
            size += len(self._ready[0][1].payload)
            if taken and size > bytes_max:
                break
            taken.append(heappop(self._ready)[1])
        return taken

    def put_back(self, tickets: list[Ticket]) -> None:
        """What was taken and not sent is ready again."""
        for ticket in tickets:
            heappush(self._ready, (ticket.seq, ticket))

    def pass_by(self, ticket: Ticket) -> None:
        """The event's end is being written: the cursor may go past it with the same write."""
        self._passed.add(ticket.seq)

    def free(self, ticket: Ticket) -> None:
        """The event's end is durable: the next one of its identity may go."""
        self._forget(ticket)
        if ticket.identity_key == NOBODY:
            return
        line = self._waiting[ticket.identity_key]
        if line:
            following = line.popleft()
            heappush(self._ready, (following.seq, following))
        else:
            del self._waiting[ticket.identity_key]

    def withdraw(self, ticket: Ticket) -> list[Ticket]:
        """Takes out an event that was under way and all that wait behind it; the cursor may pass them."""
        line = [ticket]
        if ticket.identity_key != NOBODY:
            line.extend(self._waiting.pop(ticket.identity_key))
        for one in line:
            self.pass_by(one)
            self._forget(one)
        return line

    def _forget(self, ticket: Ticket) -> None:
        self._events -= 1
        self._bytes -= len(ticket.payload)
