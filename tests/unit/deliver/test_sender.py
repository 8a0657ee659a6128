"""Slots that send, with destinations that misbehave in ways a webhook can not."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from pixelwire.deliver.books import Books
from pixelwire.deliver.ledger import Ledger
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.sender import Sender
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.source import Source
from pixelwire.deliver.state import Deliveries, Delivery
from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    GiveUp,
    ItemResult,
    Misconfigured,
    Refused,
    Retry,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.event import StoredEvent
from pixelwire.testing.manual_clock import ManualClock

Answer = Callable[[list[int]], Sequence[ItemResult]]


class Scripted:
    """A destination whose answer to the seqs of a batch is a function; it remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[list[int]] = []
        self.attempts: dict[int, int] = {}

    async def open(self) -> None: ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, batch: Batch) -> BatchResult:
        seqs = [item.seq for item in batch.items]
        self.asked.append(seqs)
        self.attempts |= {item.seq: item.attempt for item in batch.items}
        return BatchResult(self.answer(seqs))


class Stored:
    """Where parked events are read again."""

    def __init__(self, events: list[StoredEvent]) -> None:
        self._events = {event.seq: event for event in events}

    async def get(self, seq: int) -> StoredEvent | None:
        return self._events.get(seq)


def deliver(
    data_dir: Path,
    answer: Answer,
    *,
    events: int = 4,
    events_max: int = 4,
    until: Callable[[list[Delivery]], bool],
    visitor: str | None = None,
) -> tuple[Scripted, list[Delivery], Sender]:
    """Sends events of as many visitors (or all of one), one slot, until the deliveries are as wanted."""
    clock = ManualClock()
    stored = [
        StoredEvent(
            seq, 1, 0, 0, 0, b'{"messageId":"m","anonymousId":"%s"}' % (visitor or f"v{seq}").encode(), b""
        )
        for seq in range(1, events + 1)
    ]
    scripted = Scripted(answer)

    async def run() -> tuple[list[Delivery], Sender]:
        ledger = Ledger(data_dir)
        committing = asyncio.create_task(ledger.run())
        shared = Shared(
            source=cast("Source", Stored(stored)),
            ledger=ledger,
            policy=RetryPolicy(failures_to_down=1_000),
            clock=clock,
            chance=lambda: 0.5,
            pixel_id=str,
            surroundings=Surroundings(clock),
        )
        books = Books(shared, await ledger.adopt("d", store="s", start_after=0, now_ms=1), "d")
        sender = Sender(shared, books, scripted, BatchLimits(events_max=events_max))
        books.admit(stored, events)
        slot = asyncio.create_task(sender.run_slot())
        door = Deliveries(data_dir)
        async with asyncio.timeout(10):
            while not until(found := [door.of_event(["d"], seq)[0] for seq in range(1, events + 1)]):
                clock.advance(1.0)
                sender.wake()
                await asyncio.wait([slot], timeout=0.005)
        sender.stop()
        await slot
        ledger.finish()
        await committing
        ledger.close()
        door.close()
        return found, sender

    found, sender = asyncio.run(run())
    return scripted, found, sender


def states(found: list[Delivery]) -> list[str]:
    return [delivery.state for delivery in found]


def all_sent(found: list[Delivery]) -> bool:
    return set(states(found)) == {"sent"}


def test_a_batch_holds_as_many_as_it_may(tmp_path: Path) -> None:
    """Events of several visitors travel together, up to the limit."""
    scripted, _, _ = deliver(
        tmp_path, lambda seqs: [Sent()] * len(seqs), events=7, events_max=3, until=all_sent
    )
    assert scripted.asked == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_batch_holds_a_visitor_once(tmp_path: Path) -> None:
    """One that half succeeds can not put a visitor's events out of order."""
    scripted, _, _ = deliver(tmp_path, lambda seqs: [Sent()] * len(seqs), visitor="ann", until=all_sent)
    assert scripted.asked == [[1], [2], [3], [4]]


def test_the_event_that_spoils_a_batch_is_found(tmp_path: Path) -> None:
    """A batch that is refused whole is halved until one event is left: it dies, the others are sent."""

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        if 3 in seqs:
            raise Refused("row 1: bad value")
        return [Sent()] * len(seqs)

    scripted, found, _ = deliver(tmp_path, answer, until=lambda found: "pending" not in states(found))
    assert scripted.asked == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert states(found) == ["sent", "sent", "dead", "sent"]
    assert found[2].reason == "row 1: bad value"


def test_a_half_that_can_not_be_sent_repeats_no_other(tmp_path: Path) -> None:
    """When the destination goes away between two halves, only the second waits."""

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        if len(seqs) == 4:
            raise Refused("too much")
        if seqs == [3, 4]:
            raise Unreachable("gone")
        return [Sent()] * len(seqs)

    scripted, found, _ = deliver(tmp_path, answer, until=all_sent)
    assert scripted.asked == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert [delivery.attempts for delivery in found] == [1, 1, 2, 2]


def test_each_item_has_its_own_end(tmp_path: Path) -> None:
    """A batch can be sent, refused and put off at once; what is put off comes again alone."""
    first = [Sent(), GiveUp("no"), Retry("later"), Retry("later")]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        return first if len(seqs) == 4 else [Sent()]

    scripted, found, _ = deliver(tmp_path, answer, until=lambda found: states(found)[2:] == ["sent", "sent"])
    assert states(found) == ["sent", "dead", "sent", "sent"]
    assert scripted.asked == [[1, 2, 3, 4], [3], [4]]
    assert scripted.attempts == {1: 1, 2: 1, 3: 2, 4: 2}


def test_what_was_not_tried_is_no_attempt(tmp_path: Path) -> None:
    """Unreachable costs no event anything."""
    answers = iter([Unreachable("gone"), Unreachable("gone")])

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        for error in answers:
            raise error
        return [Sent()] * len(seqs)

    scripted, found, _ = deliver(tmp_path, answer, until=all_sent)
    assert scripted.asked == [[1, 2, 3, 4]] * 3
    assert {delivery.attempts for delivery in found} == {1}


def test_a_fault_of_a_plug_in_costs_an_attempt(tmp_path: Path) -> None:
    """An exception that is none of the contract's, and a result too few, are retried; the slot goes on."""
    answers = iter([ZeroDivisionError("oops"), None])

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        for error in answers:
            if error:
                raise error
            return [Sent()] * (len(seqs) + 1)
        return [Sent()] * len(seqs)

    _, found, _ = deliver(tmp_path, answer, events=1, until=all_sent)
    assert found[0].attempts == 3


def test_what_the_owner_must_correct_ends_the_slots(tmp_path: Path) -> None:
    """Nothing is lost: the events wait as they are."""

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        raise Misconfigured("401")

    asked: list[int] = []
    scripted, found, sender = deliver(
        tmp_path, answer, until=lambda found: bool(asked.append(1) or len(asked) > 5)
    )
    assert isinstance(sender.misconfigured, Misconfigured)
    assert scripted.asked == [[1, 2, 3, 4]]
    assert states(found) == ["pending"] * 4
