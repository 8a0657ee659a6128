"""The events a loop holds in memory: which may be sent next, which wait for their identity, and how far the
cursor may go. Bounded by events and bytes (bounds.py). Pure: no disk, no clock.

Invariants:
- Of one identity at most one batch is under way, and its events are taken in the order of their seq: one a
  batch, or as many as fit where the destination keeps the order.
- Results are settled event by event: what is free leaves, and the next of its identity can be taken when all
  of it that was under way is free, or has been withdrawn.
- A batch that was put back comes again as it was, unless only a probe may be sent.
- The cursor stands before the first event that was neither passed by nor withdrawn.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

import msgspec

from pixelwire.deliver.bounds import Bounds, bounds_of
from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.tickets import Ticket
from pixelwire.destinations.base import BatchLimits

AT_ONCE: Final = float("-inf")


class Queue(msgspec.Struct, eq=False):
    """The events of one identity; one of nobody's stands alone."""

    waiting: deque[Ticket]  # not under way
    waiting_bytes: int = 0
    under_way: int = 0


class Window:
    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or bounds_of(BatchLimits())
        self._queues: dict[int, Queue] = {}  # by identity
        self._ready: list[tuple[int, Queue]] = []  # heap by the first seq: queues with nothing under way
        self._ready_events = 0  # of all ready queues, as many as one batch could take
        self._ready_bytes = 0
        self._again: deque[list[Ticket]] = deque()  # batches put back; their queues are not ready
        self._open: dict[int, None] = {}  # the seqs not passed, in order
        self._events = 0
        self._bytes = 0
        self._under_way = 0

    def __len__(self) -> int:
        return self._events

    @property
    def has_room(self) -> bool:
        """Whether a page more should be read: one fits without passing the bounds."""
        bounds = self._bounds
        return (
            self._events + bounds.page_events <= bounds.window_events
            and self._bytes + bounds.page_bytes <= bounds.window_bytes
        )

    @property
    def has_ready(self) -> bool:
        return bool(self._ready or self._again)

    def ready_s(self) -> float | None:
        """From when on a batch may be taken, by the clock of `held_s`; None while nothing is ready.

        One that is not full waits until its oldest event has been held for as long as the destination lets
        it linger; not where nothing more could join it.
        """
        if self._again:
            return AT_ONCE
        if not self._ready:
            return None
        bounds = self._bounds
        is_full = self._ready_events >= bounds.batch_events or self._ready_bytes >= bounds.batch_bytes
        if is_full or not (self._under_way or self.has_room):
            return AT_ONCE
        return self._ready[0][1].waiting[0].held_s + bounds.linger_s

    def cursor(self, scanned_to: int) -> int:
        """Every event up to here has been passed, given that all up to `scanned_to` were added."""
        return next(iter(self._open), scanned_to + 1) - 1

    def count(self, identity_key: int) -> int:
        """How many events of an identity are here."""
        queue = self._queues.get(identity_key)
        return len(queue.waiting) + queue.under_way if queue else 0

    def add(self, ticket: Ticket) -> None:
        """Takes an event in, in the order of seq."""
        size = len(ticket.payload)
        self._open[ticket.seq] = None
        self._events += 1
        self._bytes += size
        if ticket.identity_key == NOBODY:
            self._offer(Queue(deque((ticket,)), size))
            return
        queue = self._queues.get(ticket.identity_key)
        if queue is None:
            queue = self._queues[ticket.identity_key] = Queue(deque((ticket,)), size)
            self._offer(queue)
            return
        queue.waiting.append(ticket)
        queue.waiting_bytes += size
        if self._bounds.keeps_order and not queue.under_way:
            self._ready_events += 1
            self._ready_bytes += size

    def take(self, events_max: int | None = None) -> list[Ticket]:
        """The next batch, in the order of seq; empty when none may be sent. `events_max`: of a probe."""
        if events_max is None and self._again:
            batch = self._again.popleft()
            self._under_way += len(batch)
            return batch
        while self._again:
            self._resolve(self._again.popleft())
        batch = self._gather(min(events_max or self._bounds.batch_events, self._bounds.batch_events))
        self._under_way += len(batch)
        return batch

    def put_back(self, batch: list[Ticket]) -> None:
        """What was taken and not sent is ready again."""
        self._under_way -= len(batch)
        self._again.append(batch)

    def pass_by(self, ticket: Ticket) -> None:
        """The event's end is being written: the cursor may go past it with the same write."""
        self._open.pop(ticket.seq, None)

    def free(self, ticket: Ticket) -> bool:
        """The event's end is durable. True when it was the last one here of its identity."""
        self._under_way -= 1
        self._forget(ticket)
        queue = self._queues.get(ticket.identity_key)
        if queue is None:  # nobody's, or the rest of it was withdrawn
            return False
        queue.under_way -= 1
        if queue.under_way:
            return False
        if queue.waiting:
            self._offer(queue)
            return False
        del self._queues[ticket.identity_key]
        return True

    def withdraw(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Takes out events of one identity that were under way, and all that wait behind them, which it
        returns; the cursor may pass them. Others of the same batch may still have to be freed.
        """
        queue = self._queues.pop(tickets[0].identity_key, None)
        behind = list(queue.waiting) if queue else []
        self._under_way -= len(tickets)
        for one in (*tickets, *behind):
            self.pass_by(one)
            self._forget(one)
        return behind

    # -- Private -----------------------------------------------------------------------------------

    def _gather(self, events_max: int) -> list[Ticket]:
        batch: list[Ticket] = []
        begun: list[tuple[int, Queue]] = []  # heap: queues this batch has taken of and may take more of
        size = 0
        while len(batch) < events_max and (self._ready or begun):
            is_begun = bool(begun) and (not self._ready or begun[0] < self._ready[0])
            heap = begun if is_begun else self._ready
            queue = heap[0][1]
            ticket = queue.waiting[0]
            size += len(ticket.payload)
            if batch and size > self._bounds.batch_bytes:
                break
            heappop(heap)
            if not is_begun:
                self._claim(queue)
            batch.append(ticket)
            queue.waiting.popleft()
            queue.waiting_bytes -= len(ticket.payload)
            queue.under_way += 1
            if self._bounds.keeps_order and queue.waiting:
                heappush(begun, (queue.waiting[0].seq, queue))
        return batch

    def _resolve(self, batch: list[Ticket]) -> None:
        """A batch that was put back becomes single events again."""
        queues = {}
        for ticket in reversed(batch):
            queue = self._queues.get(ticket.identity_key) or Queue(deque())
            queue.waiting.appendleft(ticket)
            queue.waiting_bytes += len(ticket.payload)
            queue.under_way = 0
            queues[ticket.identity_key or -ticket.seq] = queue
        for queue in queues.values():
            self._offer(queue)

    def _offer(self, queue: Queue) -> None:
        heappush(self._ready, (queue.waiting[0].seq, queue))
        events, size = self._worth(queue)
        self._ready_events += events
        self._ready_bytes += size

    def _claim(self, queue: Queue) -> None:
        events, size = self._worth(queue)
        self._ready_events -= events
        self._ready_bytes -= size

    def _worth(self, queue: Queue) -> tuple[int, int]:
        """What one batch could take of a queue."""
        if self._bounds.keeps_order:
            return len(queue.waiting), queue.waiting_bytes
        return 1, len(queue.waiting[0].payload)

    def _forget(self, ticket: Ticket) -> None:
        self._events -= 1
        self._bytes -= len(ticket.payload)
