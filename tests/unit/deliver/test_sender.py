"""Slots that send, with destinations that misbehave in ways a webhook can not."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pixelwire.deliver.sender import Sender
from pixelwire.deliver.state import Deliveries, Delivery
from pixelwire.destinations.base import (
    BatchLimits,
    GiveUp,
    ItemResult,
    Misconfigured,
    Refused,
    Retry,
    Sent,
    Unreachable,
)
from pixelwire.routing.route import Route, Routed, parse_route
from pixelwire.testing.manual_clock import ManualClock
from support.engine import Answer, Engine, Scripted, Stored, an_engine

ORDERED = BatchLimits(events_max=4, keeps_order=True)


def deliver(
    data_dir: Path,
    answer: Answer,
    *,
    events: int = 4,
    limits: BatchLimits = BatchLimits(events_max=4),  # noqa: B008 a value that does not change
    until: Callable[[list[Delivery]], bool],
    visitor: str | None = None,
) -> tuple[Scripted, list[Delivery], Sender]:
    """Sends events of as many visitors (or all of one), one slot, until the deliveries are as wanted.

    A second passes at every look.
    """
    clock = ManualClock()
    stored = Stored([visitor or f"v{seq}" for seq in range(1, events + 1)])
    scripted = Scripted(answer)

    async def run() -> tuple[list[Delivery], Sender]:
        door = Deliveries(data_dir)
        async with an_engine(data_dir, stored, scripted, limits, clock=clock) as engine, asyncio.timeout(10):
            while not until(found := [door.of_event(["d"], seq)[0] for seq in range(1, events + 1)]):
                clock.advance(1.0)
                engine.sender.wake()
                await asyncio.sleep(0.005)
        door.close()
        return found, engine.sender

    found, sender = asyncio.run(run())
    return scripted, found, sender


def states(found: list[Delivery]) -> list[str]:
    return [delivery.state for delivery in found]


def all_sent(found: list[Delivery]) -> bool:
    return set(states(found)) == {"sent"}


def test_a_batch_holds_as_many_as_it_may(tmp_path: Path) -> None:
    """Events of several visitors travel together, up to the limit."""
    scripted, _, _ = deliver(
        tmp_path,
        lambda seqs: [Sent()] * len(seqs),
        events=7,
        limits=BatchLimits(events_max=3),
        until=all_sent,
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

    gone = [Unreachable("gone")]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        if len(seqs) == 4:
            raise Refused("too much")
        if seqs == [3, 4] and gone:
            raise gone.pop()
        return [Sent()] * len(seqs)

    scripted, found, _ = deliver(tmp_path, answer, until=all_sent)
    assert scripted.asked == [[1, 2, 3, 4], [1, 2], [3, 4], [3, 4]]
    assert [delivery.attempts for delivery in found] == [1, 1, 2, 2]


def test_each_item_has_its_own_end(tmp_path: Path) -> None:
    """A batch can be sent, refused and put off at once; what is put off comes again by itself."""
    first = [Sent(), GiveUp("no"), Retry("later"), Retry("later")]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        return first if len(seqs) == 4 else [Sent()] * len(seqs)

    scripted, found, _ = deliver(tmp_path, answer, until=lambda found: states(found)[2:] == ["sent", "sent"])
    assert states(found) == ["sent", "dead", "sent", "sent"]
    assert scripted.asked == [[1, 2, 3, 4], [3, 4]]
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


def test_a_batch_holds_a_visitor_often_where_the_order_is_kept(tmp_path: Path) -> None:
    """In the order of seq, up to the limit."""
    scripted, _, _ = deliver(
        tmp_path,
        lambda seqs: [Sent()] * len(seqs),
        events=7,
        limits=ORDERED,
        visitor="ann",
        until=all_sent,
    )
    assert scripted.asked == [[1, 2, 3, 4], [5, 6, 7]]


def test_what_fails_in_a_batch_keeps_what_is_behind_it(tmp_path: Path) -> None:
    """Its visitor's later events wait, in the batch and after it, and only the one that failed has tried."""
    first = [Sent(), Retry("later"), Retry("after 2"), Retry("after 2")]
    answers = [first]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        return answers.pop() if answers else [Sent()] * len(seqs)

    scripted, found, _ = deliver(tmp_path, answer, events=7, limits=ORDERED, visitor="ann", until=all_sent)
    assert scripted.asked == [[1, 2, 3, 4], [2, 3, 4, 5], [6, 7]]
    assert [delivery.attempts for delivery in found] == [1, 2, 1, 1, 1, 1, 1]


def test_what_was_sent_behind_one_that_failed_stays_sent(tmp_path: Path) -> None:
    """A destination must not do so; nothing is sent twice for it."""
    answers = [[Retry("later"), Sent(), GiveUp("no"), Retry("after 1")]]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        return answers.pop() if answers else [Sent()] * len(seqs)

    scripted, found, _ = deliver(
        tmp_path,
        answer,
        events=5,
        limits=ORDERED,
        visitor="ann",
        until=lambda found: states(found)[3:] == ["sent", "sent"],
    )
    assert scripted.asked == [[1, 2, 3, 4], [1, 4, 5]]
    assert states(found) == ["sent", "sent", "dead", "sent", "sent"]


def test_a_half_that_fails_holds_its_visitors_in_the_other_half(tmp_path: Path) -> None:
    """Halving a batch never sends an event after an earlier one of its visitor that waits."""
    answers: list[Refused | list[ItemResult]] = [Refused("no"), [Sent(), Retry("later")]]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        found = answers.pop(0) if answers else [Sent()] * len(seqs)
        if isinstance(found, Refused):
            raise found
        return found

    scripted, _, _ = deliver(tmp_path, answer, limits=ORDERED, visitor="ann", until=all_sent)
    assert scripted.asked == [[1, 2, 3, 4], [1, 2], [2, 3, 4]]


def test_a_batch_that_is_not_full_waits_for_more(tmp_path: Path) -> None:
    """Until its oldest event was held for as long as it may linger; a full one goes at once."""
    clock_s: list[float] = []
    clock = ManualClock()
    limits = BatchLimits(events_max=3, linger_s=5.0)

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        clock_s.append(clock.monotonic_s() - 1_000.0)
        return [Sent()] * len(seqs)

    scripted = Scripted(answer)

    async def run() -> None:
        async with an_engine(tmp_path, Stored(list("abcd")), scripted, limits, clock=clock) as engine:
            while len(scripted.asked) < 2:
                await asyncio.sleep(0.002)
                clock.advance(0.5)
                engine.sender.wake()

    asyncio.run(run())
    assert scripted.asked == [[1, 2, 3], [4]]
    assert clock_s[0] < 1.0
    assert clock_s[1] >= 5.0


def test_a_stop_does_not_wait_for_a_batch_to_fill(tmp_path: Path) -> None:
    """What lingers is not sent; it is still on disk."""
    scripted = Scripted(lambda seqs: [Sent()] * len(seqs))
    limits = BatchLimits(events_max=3, linger_s=3_600.0)

    async def run() -> None:
        async with (
            asyncio.timeout(5),
            an_engine(tmp_path, Stored(["a"]), scripted, limits) as engine,
        ):
            while engine.books.backlog.ready_s() is None:
                await asyncio.sleep(0.002)

    asyncio.run(run())
    assert scripted.asked == []


def test_what_was_put_back_comes_again_as_it_was(tmp_path: Path) -> None:
    """Although more could join it by now: the target may have it already, under the name of this batch."""
    scripted = Scripted(lambda seqs: [Sent()] * len(seqs))
    stored, limits = Stored(list("ab")), BatchLimits(events_max=10)

    async def run() -> None:
        async with an_engine(tmp_path, stored, scripted, limits) as engine:

            def answer(seqs: list[int]) -> Sequence[ItemResult]:
                if engine.books.backlog.scanned_to < 4:
                    raise Unreachable("no answer in time")
                return [Sent()] * len(seqs)

            scripted.answer = answer
            while not scripted.asked:
                await asyncio.sleep(0.002)
            stored.events += Stored(list("abcd")).events[2:]
            engine.intake.announce(4, frozenset({1}))
            while engine.books.backlog.cursor < 4:
                await asyncio.sleep(0.002)

    asyncio.run(run())
    *before, last = scripted.asked
    assert len(before) > 1
    assert before == [[1, 2]] * len(before)
    assert last == [3, 4]


def test_parked_events_travel_together(tmp_path: Path) -> None:
    """Where a destination takes many, what is due goes in one batch, and the poison in it is halved out."""
    events = 200
    seen = set()

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        if 77 in seqs and 77 in seen:
            raise Refused("row 77: bad value")
        results: list[ItemResult] = [Sent() if seq in seen else Retry("busy") for seq in seqs]
        seen.update(seqs)
        return results

    scripted, found, _ = deliver(
        tmp_path,
        answer,
        events=events,
        limits=BatchLimits(events_max=events),
        until=lambda found: not {"pending", "retrying"} & set(states(found)),
    )
    assert [seq for seq, state in enumerate(states(found), 1) if state == "dead"] == [77]
    assert len(scripted.asked) < 20


def test_parked_lines_travel_whole_where_the_order_is_kept(tmp_path: Path) -> None:
    """Also what is only on disk of them."""
    events = 100
    answers = [[Retry("busy")] * events]

    def answer(seqs: list[int]) -> Sequence[ItemResult]:
        return answers.pop() if answers else [Sent()] * len(seqs)

    scripted, _, _ = deliver(
        tmp_path,
        answer,
        events=events,
        limits=BatchLimits(events_max=events, keeps_order=True),
        visitor="ann",
        until=all_sent,
    )
    everything = list(range(1, events + 1))
    assert scripted.asked == [everything, everything]


def test_what_its_owner_does_not_want_there_is_written_down(tmp_path: Path) -> None:
    """By filters on the way in and by transforms on the way out: neither is an attempt, both say why."""
    route = parse_route(
        {"conditions": [{"path": "anonymousId", "is_not": "v2"}]}, [{"sample": {"percent": 50}}]
    )
    stored = Stored([f"v{seq}" for seq in range(1, 41)])
    kept = {event.seq for event in stored.events if isinstance(route.apply(event), Routed)}
    assert 2 not in kept
    assert len(kept) > 5

    scripted, found, engine = run_routed(tmp_path, stored, route, lambda seqs: [Sent()] * len(seqs))
    assert {seq for batch in scripted.asked for seq in batch} == kept
    assert {seq for seq, one in enumerate(found, 1) if one.state == "filtered"} == set(range(1, 41)) - kept
    assert found[1].reason == "condition 1 (anonymousId) does not hold"
    assert {one.reason for one in found if one.state == "filtered"} == {found[1].reason, "sampled out"}
    progress = engine.books.progress_now()
    assert (progress.cursor, progress.sent_total, progress.filtered_total) == (40, len(kept), 40 - len(kept))


def test_what_can_not_be_brought_into_shape_is_a_dead_letter(tmp_path: Path) -> None:
    """As it was stored, without an attempt; and it says nothing of the destination, up or down."""
    route = parse_route(None, [{"cast": {"anonymousId": "number"}}])
    stored = Stored(list("abcd"))
    bad = b"no JSON"
    stored.events[1] = msgspec.structs.replace(stored.events[1], payload=bad)
    scripted, found, engine = run_routed(tmp_path, stored, route, lambda seqs: [Sent()] * len(seqs))
    assert scripted.asked == [[1, 3, 4]]
    assert states(found) == ["sent", "dead", "sent", "sent"]
    assert (found[1].attempts, found[1].reason) == (0, "the payload is no JSON object that can be read")
    with Deliveries(tmp_path) as door:
        [letter] = door.dead_letters("d")
        kept = door.dead_letter("d", letter.number)
    assert kept is not None
    assert kept[1] == bad
    assert engine.books.health.answers == 1
    assert engine.books.progress_now().failed_casts_total == 3


def run_routed(
    data_dir: Path, stored: Stored, route: Route, answer: Answer
) -> tuple[Scripted, list[Delivery], Engine]:
    """Until the cursor is at the end."""
    scripted = Scripted(answer)

    async def run() -> Engine:
        limits = BatchLimits(events_max=40)
        async with an_engine(data_dir, stored, scripted, limits, route=route) as engine, asyncio.timeout(10):
            while engine.books.backlog.cursor < len(stored.events):
                await asyncio.sleep(0.002)
        return engine

    engine = asyncio.run(run())
    with Deliveries(data_dir) as door:
        found = [door.of_event(["d"], event.seq)[0] for event in stored.events]
    return scripted, found, engine
