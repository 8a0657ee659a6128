"""The events a loop holds in memory."""

import random

from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.tickets import Ticket
from pixelwire.deliver.window import Window


def make_ticket(seq: int, identity_key: int = NOBODY, size: int = 10) -> Ticket:
    return Ticket(seq, 1, 0, 0, f"m{seq}", "", identity_key, b"x" * size)


def filled(*identity_keys: int) -> Window:
    window = Window()
    for seq, key in enumerate(identity_keys, 1):
        window.add(make_ticket(seq, key))
    return window


def take_one(window: Window) -> Ticket | None:
    taken = window.take(1, 1_000_000)
    return taken[0] if taken else None


def take_all(window: Window) -> list[int]:
    return [ticket.seq for ticket in window.take(1_000, 1_000_000)]


def test_of_an_identity_one_is_under_way() -> None:
    """The others wait for it, while other identities and nobody's events pass."""
    window = filled(7, 7, 8, NOBODY, NOBODY, 7)
    assert take_all(window) == [1, 3, 4, 5]
    assert take_all(window) == []


def test_the_oldest_goes_first() -> None:
    """When the end of one is durable, the next of its identity takes its place by age."""
    window = filled(7, 8, 7, 9)
    first = take_one(window)
    assert first is not None
    window.pass_by(first)
    window.free(first)
    assert take_all(window) == [2, 3, 4]


def test_the_cursor_stops_at_the_first_event_that_has_not_passed() -> None:
    """Events may end in any order; the cursor follows the oldest."""
    window = filled(NOBODY, NOBODY, NOBODY)
    one, two, three = window.take(3, 1_000_000)
    assert window.cursor(9) == 0
    window.pass_by(two)
    assert window.cursor(9) == 0
    window.pass_by(one)
    assert window.cursor(9) == 2
    window.pass_by(three)
    assert window.cursor(9) == 9


def test_what_was_not_sent_goes_first_again() -> None:
    """In the order in which it was taken."""
    window = filled(NOBODY, NOBODY, NOBODY)
    window.put_back(window.take(2, 1_000_000))
    assert take_all(window) == [1, 2, 3]


def test_a_batch_is_bounded() -> None:
    """By events and by bytes; a single event that is larger goes alone."""
    window = Window()
    for seq, size in enumerate([500, 40, 40, 40], 1):
        window.add(make_ticket(seq, size=size))
    assert [ticket.seq for ticket in window.take(10, 100)] == [1]
    assert [ticket.seq for ticket in window.take(10, 100)] == [2, 3]


def test_an_identity_can_be_withdrawn() -> None:
    """With the event that was under way go those behind it, and the cursor may pass them all."""
    window = filled(7, 8, 7, 7)
    first = window.take(1, 1_000_000)[0]
    assert [ticket.seq for ticket in window.withdraw(first)] == [1, 3, 4]
    assert window.cursor(4) == 1
    assert take_all(window) == [2]
    assert len(window) == 1


def test_it_is_low_while_a_page_more_fits() -> None:
    """Half empty, by events and by bytes."""
    window = Window(events_max=4, bytes_max=1_000)
    window.add(make_ticket(1))
    window.add(make_ticket(2))
    assert window.is_low
    window.add(make_ticket(3))
    assert not window.is_low
    heavy = Window(events_max=100, bytes_max=1_000)
    heavy.add(make_ticket(1, size=501))
    assert not heavy.is_low


def test_order_holds_whatever_happens() -> None:
    """Any mixture of taking, putting back and ending keeps each identity in order and loses nothing."""
    chance = random.Random(4711)
    window, under_way, ended = Window(), [], []
    keys = [chance.choice([NOBODY, 1, 2, 3]) for _ in range(400)]
    for seq, key in enumerate(keys, 1):
        window.add(make_ticket(seq, key))
    while len(ended) < len(keys):
        under_way += window.take(chance.randint(1, 3), 1_000_000)
        busy = [ticket.identity_key for ticket in under_way if ticket.identity_key]
        assert len(busy) == len(set(busy))
        ticket = under_way.pop(chance.randrange(len(under_way)))
        if chance.random() < 0.3:
            window.put_back([ticket])
            continue
        window.pass_by(ticket)
        window.free(ticket)
        ended.append(ticket)
    for key in (1, 2, 3):
        seqs = [ticket.seq for ticket in ended if ticket.identity_key == key]
        assert seqs == sorted(seqs)
    assert (len(window), window.cursor(len(keys))) == (0, len(keys))
