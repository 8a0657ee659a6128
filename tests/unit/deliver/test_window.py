"""The events a loop holds in memory."""

import random

import pytest
from msgspec.structs import replace

from pixelwire.deliver.bounds import bounds_of
from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.tickets import Ticket
from pixelwire.deliver.window import AT_ONCE, Window
from pixelwire.destinations.base import BatchLimits

MANY = BatchLimits(events_max=1_000)
ORDERED = BatchLimits(events_max=1_000, keeps_order=True)


def make_ticket(seq: int, identity_key: int = NOBODY, size: int = 10, held_s: float = 0.0) -> Ticket:
    return Ticket(seq, 1, 0, 0, f"m{seq}", "", identity_key, b"x" * size, held_s=held_s)


def filled(*identity_keys: int, limits: BatchLimits = MANY) -> Window:
    window = Window(bounds_of(limits))
    for seq, key in enumerate(identity_keys, 1):
        window.add(make_ticket(seq, key))
    return window


def seqs(tickets: list[Ticket]) -> list[int]:
    return [ticket.seq for ticket in tickets]


def take_all(window: Window) -> list[int]:
    return seqs(window.take())


def end(window: Window, *tickets: Ticket) -> None:
    for ticket in tickets:
        window.pass_by(ticket)
        window.free(ticket)


def test_of_an_identity_one_is_under_way() -> None:
    """The others wait for it, while other identities and nobody's events pass."""
    window = filled(7, 7, 8, NOBODY, NOBODY, 7)
    assert take_all(window) == [1, 3, 4, 5]
    assert take_all(window) == []


def test_the_oldest_goes_first() -> None:
    """When the end of one is durable, the next of its identity takes its place by age."""
    window = filled(7, 8, 7, 9)
    end(window, *window.take(1))
    assert take_all(window) == [2, 3, 4]


def test_the_cursor_stops_at_the_first_event_that_has_not_passed() -> None:
    """Events may end in any order; the cursor follows the oldest."""
    window = filled(NOBODY, NOBODY, NOBODY)
    one, two, three = window.take()
    assert window.cursor(9) == 0
    window.pass_by(two)
    assert window.cursor(9) == 0
    window.pass_by(one)
    assert window.cursor(9) == 2
    window.pass_by(three)
    assert window.cursor(9) == 9


def test_what_was_not_sent_comes_again_as_it_was() -> None:
    """The same batch, although more could join it by now."""
    window = filled(NOBODY, 7, NOBODY)
    batch = window.take()
    window.put_back(batch)
    window.add(make_ticket(4))
    assert window.ready_s() == AT_ONCE
    assert window.take() == batch
    assert take_all(window) == [4]


def test_a_probe_of_what_was_not_sent_is_one_event() -> None:
    """The first; the rest of the batch is free to be cut anew, in its order."""
    window = filled(7, NOBODY, 7, 8, limits=ORDERED)
    window.put_back(window.take())
    [probe] = window.take(1)
    assert probe.seq == 1
    assert take_all(window) == [2, 4]
    end(window, probe)
    assert take_all(window) == [3]


def test_a_batch_is_bounded() -> None:
    """By events and by bytes; a single event that is larger goes alone."""
    window = Window(bounds_of(BatchLimits(events_max=10, bytes_max=100)))
    for seq, size in enumerate([500, 40, 40, 40], 1):
        window.add(make_ticket(seq, size=size))
    assert take_all(window) == [1]
    assert take_all(window) == [2, 3]
    assert take_all(window) == [4]


def test_where_the_order_is_kept_a_batch_holds_an_identity_often() -> None:
    """In the order of seq; what is left of it waits for the whole batch."""
    window = filled(7, 8, 7, NOBODY, 7, limits=BatchLimits(events_max=4, keeps_order=True))
    first, second, third, fourth = window.take()
    assert seqs([first, second, third, fourth]) == [1, 2, 3, 4]
    assert take_all(window) == []
    end(window, first)
    assert take_all(window) == []
    end(window, third)
    assert take_all(window) == [5]
    assert window.cursor(9) == 1


def test_what_failed_in_a_batch_is_withdrawn_with_what_waits() -> None:
    """What was sent of the same identity in the same batch leaves by itself."""
    window = filled(7, 7, 7, 7, 8, limits=BatchLimits(events_max=3, keeps_order=True))
    one, two, three = window.take()
    window.pass_by(one)
    assert seqs(window.withdraw([two, three])) == [4]
    assert window.cursor(9) == 4
    assert not window.free(one)
    assert (len(window), window.count(7)) == (1, 0)
    assert take_all(window) == [5]


def test_the_last_of_an_identity_is_told() -> None:
    """Then those of it that wait on disk may go."""
    window = filled(7, 7, NOBODY)
    assert window.count(7) == 2
    first, nobodys = window.take()
    assert not window.free(nobodys)
    assert not window.free(first)
    [second] = window.take()
    assert window.free(second)
    assert window.count(7) == 0


def test_a_batch_lingers_until_it_is_full() -> None:
    """Counted from its oldest event; only what one batch could take counts."""
    window = Window(bounds_of(BatchLimits(events_max=3, linger_s=5.0)))
    assert window.ready_s() is None
    for seq, key in enumerate([7, 7, 7, 8], 1):
        window.add(make_ticket(seq, key, held_s=float(seq)))
    assert window.ready_s() == 6.0
    window.add(make_ticket(5, 9))
    assert window.ready_s() == AT_ONCE
    first, *_ = window.take()
    assert window.ready_s() is None
    end(window, first)
    assert window.ready_s() == 7.0


def test_where_the_order_is_kept_an_identity_alone_fills_a_batch() -> None:
    """By events or by bytes, and no longer when it is under way."""
    limits = BatchLimits(events_max=3, bytes_max=25, linger_s=5.0, keeps_order=True)
    window = filled(7, 7, limits=limits)
    assert window.ready_s() == 5.0
    window.add(make_ticket(3, 7))
    assert window.ready_s() == AT_ONCE
    end(window, *window.take())
    assert window.ready_s() == 5.0


def test_nothing_lingers_where_nothing_can_join() -> None:
    """A window full of one visitor's events would wait for each of them."""
    bounds = replace(bounds_of(BatchLimits(events_max=3, linger_s=5.0)), window_events=4, page_events=2)
    window = Window(bounds)
    for seq in (1, 2, 3):
        window.add(make_ticket(seq, 7))
    assert not window.has_room
    assert window.ready_s() == AT_ONCE
    window.take()
    window.add(make_ticket(4, 8))
    assert window.ready_s() == 5.0


def test_an_identity_can_be_withdrawn() -> None:
    """With the event that was under way go those behind it, and the cursor may pass them all."""
    window = filled(7, 8, 7, 7)
    first = window.take(1)[0]
    assert seqs(window.withdraw([first])) == [3, 4]
    assert window.cursor(4) == 1
    assert take_all(window) == [2]
    assert len(window) == 1


def test_there_is_room_while_a_page_more_fits() -> None:
    """By events and by bytes."""
    bounds = replace(bounds_of(MANY), window_events=4, page_events=2, window_bytes=1_000, page_bytes=500)
    window = Window(bounds)
    window.add(make_ticket(1))
    window.add(make_ticket(2))
    assert window.has_room
    window.add(make_ticket(3))
    assert not window.has_room
    heavy = Window(bounds)
    heavy.add(make_ticket(1, size=501))
    assert not heavy.has_room


@pytest.mark.parametrize("keeps_order", [False, True])
def test_order_holds_whatever_happens(keeps_order: bool) -> None:
    """Any mixture of taking, putting back and ending keeps each identity in order and loses nothing."""
    chance = random.Random(4711)
    window = Window(bounds_of(BatchLimits(events_max=3, keeps_order=keeps_order)))
    under_way: list[list[Ticket]] = []
    ended: list[Ticket] = []
    keys = [chance.choice([NOBODY, 1, 2, 3]) for _ in range(400)]
    for seq, key in enumerate(keys, 1):
        window.add(make_ticket(seq, key))
    while len(ended) < len(keys):
        if batch := window.take(chance.choice([None, None, 1, 2])):
            under_way.append(batch)
        identities = [{ticket.identity_key for ticket in one} - {NOBODY} for one in under_way]
        assert sum(map(len, identities)) == len(set().union(*identities))
        batch = under_way.pop(chance.randrange(len(under_way)))
        if chance.random() < 0.3:
            window.put_back(batch)
            continue
        chance.shuffle(batch)
        end(window, *batch)
        ended += sorted(batch, key=lambda ticket: ticket.seq)
    for key in (1, 2, 3):
        found = [ticket.seq for ticket in ended if ticket.identity_key == key]
        assert found == sorted(found)
    assert (len(window), window.cursor(len(keys)), window.ready_s()) == (0, len(keys), None)
