"""The worker's way to the recorder: gathers events into batches, one under way at a time, and tells each
request what became of its batch. Holds what it has, bounded, while the recorder comes back. Knows
neither HTTP nor disks.

The ledger travels with the batches: `received` and outcomes of a stretch of time are committed with the
events of that stretch. What the recorder counted in a batch whose requests were answered otherwise (too
late) is corrected with a later batch, so that the sums say what was answered.
"""

import asyncio
import secrets
from collections import Counter, deque
from typing import Final, NamedTuple

from pixelwire.clock import HOUR_MS
from pixelwire.collect.fate import BatchResult, Fate
from pixelwire.event import RECEIVED, Event, Failure, Outcome, Tally
from pixelwire.frames import ABSENT, COMMITTED, STORED, Ack, Batch, Hello, Welcome
from pixelwire.limits import (
    BATCH_BYTES_MAX,
    BATCH_EVENTS_MAX,
    HELD_BYTES_MAX,
    HELD_EVENTS_MAX,
    HOLD_S,
    TALLY_INTERVAL_S,
    TALLY_ROWS_MAX,
)
from pixelwire.record.client import RecorderClient

LINGER_S: Final = 0.001  # how long a batch waits to become as large as the one before
EXPECTED_MAX: Final = 64  # beyond it a sync is shared well enough
TICK_S: Final = 0.1  # how exactly HOLD_S is kept
IDLE_TICK_S: Final = 0.25  # with nothing held; tallies still reach the recorder within a second
assert IDLE_TICK_S + TALLY_INTERVAL_S < 1.0


class Gathering:
    """A batch while it is filled, sent and answered."""

    __slots__ = ("bytes", "events", "fate", "number", "since_s", "tallies")

    def __init__(self, since_s: float) -> None:
        self.events: list[Event] = []
        self.bytes = 0
        self.fate = Fate()
        self.since_s = since_s  # of the event loop's clock
        self.number = 0
        self.tallies: list[Tally] = []


class Pending(NamedTuple):
    """Where a request's event is; `pending.batch.fate` tells what became of it."""

    batch: Gathering
    position: int


class Outbox:
    """Belongs to one event loop."""

    def __init__(self, socket_path: str, *, hold_s: float = HOLD_S) -> None:
        self._worker: Final = secrets.randbits(62) + 1
        self._hold_s = hold_s
        self._client = RecorderClient(
            socket_path,
            greet=lambda: Hello(self._worker, self._number),
            on_welcome=self._on_welcome,
            on_ack=self._on_ack,
            on_lost=lambda: None,  # what is held waits; the tick keeps the time
        )
        self._loop: asyncio.AbstractEventLoop
        self._ticking: asyncio.Task[None] | None = None
        self._number = 0  # of the newest batch that was sent
        self._queue: deque[Gathering] = deque()  # not sent yet; events are added to the last
        self._under_way: Gathering | None = None
        self._held_bytes = 0
        self._held_events = 0
        self._tallies: Counter[tuple[int, int, str, str]] = Counter()
        self._is_flush_due = False
        self._lingering: asyncio.TimerHandle | None = None  # while a batch waits for more
        self._expected = 0  # events in the next batch, going by the one before

    # -- For the app -------------------------------------------------------------------------------

    def put(self, event: Event) -> Pending | Failure:
        """Adds an event to the next batch. A Failure at once when no more can be held; it is the caller's
        to tally then. Whatever becomes of a Pending is tallied here or by the recorder."""
        size = len(event.payload) + len(event.extra)
        if self._held_events >= HELD_EVENTS_MAX or self._held_bytes + size > HELD_BYTES_MAX:
            return Failure.QUEUE_FULL
        queue = self._queue
        batch = queue[-1] if queue else self._new_batch()
        if batch.events and (
            len(batch.events) >= BATCH_EVENTS_MAX
            or batch.bytes + size > BATCH_BYTES_MAX
            # All are held as long: who comes late must not share the fate of who came first.
            or self._loop.time() - batch.since_s > TICK_S
        ):
            batch = self._new_batch()
        batch.events.append(event)
        batch.bytes += size
        self._held_events += 1
        self._held_bytes += size
        position = len(batch.events) - 1
        if self._under_way is None:
            self._flush_when_gathered(position + 1)
        return Pending(batch, position)

    def tally(self, hour: int, pixel: int, outcome: str, reason: str, amount: int = 1) -> None:
        """Counts what needs no event: filtered, refused, failed at once, dropped parameters."""
        if len(self._tallies) >= TALLY_ROWS_MAX and (hour, pixel, outcome, reason) not in self._tallies:
            pixel = 0  # the recorder is long gone and there are very many pixels: the sum stays right
        self._tallies[hour, pixel, outcome, reason] += amount

    def received(self, hour: int) -> None:
        """Counts a request that reached the pixel routes, apart from what becomes of it."""
        self._tallies[hour, 0, RECEIVED, ""] += 1

    # -- Start and stop ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Begins to connect; events are held until the recorder is there."""
        self._loop = asyncio.get_running_loop()
        self._client.open()
        self._ticking = self._loop.create_task(self._tick())

    async def stop(self) -> None:
        """Sends what is held, for at most as long as a request would be held; then fails the rest."""
        deadline = self._loop.time() + self._hold_s
        while (self._under_way or self._queue or self._tallies) and self._loop.time() < deadline:
            self._flush()
            await asyncio.sleep(0.005)
        if self._ticking is not None:
            self._ticking.cancel()
        self._expire(self._loop.time() + 1)
        self._client.close()

    async def _tick(self) -> None:
        flushed_s = self._loop.time()
        while True:
            await asyncio.sleep(TICK_S if self._held_events else IDLE_TICK_S)
            now_s = self._loop.time()
            self._expire(now_s - self._hold_s)
            if now_s - flushed_s >= TALLY_INTERVAL_S:
                flushed_s = now_s
                if self._tallies:
                    self._flush()

    # -- Batches -----------------------------------------------------------------------------------

    def _new_batch(self) -> Gathering:
        batch = Gathering(self._loop.time())
        self._queue.append(batch)
        return batch

    def _flush_when_gathered(self, events: int) -> None:
        """When as many are here as are expected, or LINGER_S have passed: the visitors who were just answered
        come again together, and the first of them must not have a sync for itself alone."""
        if events >= self._expected:
            if not self._is_flush_due:
                # After the requests that are ready in this turn of the loop have put theirs.
                self._is_flush_due = True
                self._loop.call_soon(self._flush)
        elif self._lingering is None:
            self._lingering = self._loop.call_later(LINGER_S, self._flush)

    def _flush(self) -> None:
        """Sends the next batch when none is under way; with the tallies gathered so far."""
        self._is_flush_due = False
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._under_way is not None or not self._client.is_welcome:
            return
        if not self._queue:
            if not self._tallies:
                return
            self._new_batch()
        batch = self._queue.popleft()
        self._number += 1
        batch.number = self._number
        batch.tallies = self._take_tallies()
        self._under_way = batch
        self._send(batch)

    def _send(self, batch: Gathering) -> None:
        self._client.send(Batch(batch.number, batch.tallies, batch.events))

    def _on_ack(self, ack: Ack) -> None:
        batch = self._under_way
        if batch is None or ack.number != batch.number:
            return
        if ack.status == STORED:
            self._settle_stored(batch, ack.duplicates)
        else:
            self._settle_failed(batch, Failure(ack.status))
        # As if those that wait and those just answered took turns: half of them in each batch.
        waiting = self._held_events
        self._expected = min((len(batch.events) + waiting) // 2, EXPECTED_MAX)
        if waiting < self._expected:
            self._flush_when_gathered(waiting)
        else:
            self._flush()

    def _on_welcome(self, welcome: Welcome) -> None:
        """A new connection: first it is settled what became of the batch that was under way."""
        batch = self._under_way
        if batch is not None:
            if welcome.state == COMMITTED:
                self._settle_stored(batch, welcome.duplicates)
            elif welcome.state == ABSENT and batch.fate.result is None:
                self._send(batch)
                return
            else:
                # Answered meanwhile (then this changes nothing), or the recorder can not tell.
                self._settle_failed(batch, Failure.UNCONFIRMED)
        self._flush()

    def _settle_stored(self, batch: Gathering, duplicates: list[int]) -> None:
        self._leave(batch)
        positions = frozenset(duplicates)
        if batch.fate.result is not None:
            # Stored after all, but its requests were told otherwise and tallied so; take back what the
            # recorder counted with it.
            for position, event in enumerate(batch.events):
                outcome = Outcome.DUPLICATE if position in positions else Outcome.STORED
                self.tally(event.received_ms // HOUR_MS, event.pixel, outcome, "", -1)
            return
        batch.fate.tell(BatchResult(None, positions))

    def _settle_failed(self, batch: Gathering, failure: Failure) -> None:
        """The batch is not on disk, or nobody can say: its tallies travel with the next one."""
        self._leave(batch)
        for hour, pixel, outcome, reason, amount in batch.tallies:
            self.tally(hour, pixel, outcome, reason, amount)
        self._fail(batch, failure)

    def _fail(self, batch: Gathering, failure: Failure) -> None:
        """Tells the requests, once, and tallies what they are told."""
        if batch.fate.result is not None:
            return
        for event in batch.events:
            self.tally(event.received_ms // HOUR_MS, event.pixel, Outcome.FAILED, failure)
        batch.fate.tell(BatchResult(failure))

    def _expire(self, before_s: float) -> None:
        """Answers what was held too long. A batch under way stays there until its fate is known."""
        while self._queue and self._queue[0].since_s < before_s and self._queue[0].events:
            batch = self._queue.popleft()
            self._release(batch)
            self._fail(batch, Failure.RECORDER_UNREACHABLE)
        under_way = self._under_way
        if under_way is not None and under_way.since_s < before_s:
            self._fail(under_way, Failure.UNCONFIRMED)

    def _leave(self, batch: Gathering) -> None:
        self._under_way = None
        self._release(batch)

    def _release(self, batch: Gathering) -> None:
        self._held_events -= len(batch.events)
        self._held_bytes -= batch.bytes

    def _take_tallies(self) -> list[Tally]:
        taken = [Tally(*key, amount) for key, amount in self._tallies.items() if amount]
        self._tallies.clear()
        return taken
