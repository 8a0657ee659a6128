"""All that one destination has yet to send."""

from pixelwire.deliver.backlog import Backlog
from pixelwire.deliver.parking import LINES_MAX, Parked
from pixelwire.deliver.tickets import Ticket, ticket_of
from pixelwire.event import StoredEvent


def make_stored(seq: int, visitor: str) -> StoredEvent:
    return StoredEvent(
        seq, 1, 0, 0, 0, b'{"messageId":"m%d","anonymousId":"%s"}' % (seq, visitor.encode()), b""
    )


def filled(*visitors: str) -> Backlog:
    backlog = Backlog(0)
    backlog.admit([make_stored(seq, visitor) for seq, visitor in enumerate(visitors, 1)], len(visitors))
    return backlog


def take(backlog: Backlog) -> list[Ticket]:
    return backlog.take(100, 1_000_000)


def test_an_event_that_fails_takes_those_behind_it_along() -> None:
    """They are parked after it, the cursor passes them all, and others pass."""
    backlog = filled("ann", "bob", "ann")
    first, other = take(backlog)
    row, behind = backlog.park(first)
    assert (row.seq, [one.seq for one in behind]) == (1, [3])
    backlog.pass_by(other)
    assert backlog.cursor == 3


def test_what_comes_later_of_a_parked_identity_is_parked_behind_it() -> None:
    """So the order holds although the cursor has passed."""
    backlog = filled("ann", "bob")
    backlog.park(take(backlog)[0])
    followers = backlog.admit([make_stored(3, "ann"), make_stored(4, "cid")], 4)
    assert [row.seq for row in followers] == [3]
    assert [ticket.seq for ticket in take(backlog)] == [4]


def test_what_is_parked_never_stops_the_reading() -> None:
    """However many they are: the others must be tried."""
    backlog = Backlog(0, [(Parked(seq, 0, 1, 0, 0), 1) for seq in range(1, LINES_MAX + 1)])
    assert backlog.is_full
    assert backlog.wants_more


def test_parked_events_go_one_after_the_other() -> None:
    """Each when the end of the one before is durable, and then the identity is free again."""
    backlog = filled("ann", "ann")
    [first] = take(backlog)
    row, _ = backlog.park(first)
    assert backlog.take_parked(1_000) is None
    backlog.again(row)
    assert backlog.take_parked(1_000) is row
    assert backlog.take_parked(1_000) is None
    backlog.free(first)
    second = backlog.take_parked(1_000)
    assert second is not None
    assert second.seq == 2
    backlog.free(Ticket(2, 1, 0, 0, "m2", "ann", second.identity_key, b"", second, 1))
    assert backlog.admit([make_stored(3, "ann")], 3) == []
    assert [ticket.seq for ticket in take(backlog)] == [3]


def test_what_was_not_sent_is_taken_back_where_it_came_from() -> None:
    """New events to the front of the window, parked ones to their place."""
    parked = Parked(1, 0, 2, 0, 0)
    backlog = Backlog(1, [(parked, 1)])
    backlog.admit([make_stored(2, "bob")], 2)
    assert backlog.take_parked(0) is parked
    backlog.take_back([*take(backlog), Ticket(1, 1, 0, 0, "m1", "", 0, b"", parked, 2)])
    assert backlog.take_parked(0) is parked
    assert [ticket.seq for ticket in take(backlog)] == [2]


def letter(backlog: Backlog, seq: int, visitor: str) -> Parked:
    """A dead letter that was brought back, durable."""
    key = ticket_of(make_stored(seq, visitor)).identity_key
    row = Parked(seq, key, 0, 0, 0, letter=seq, attempts_before=3)
    backlog.recall(row)
    return row


def test_a_letter_waits_until_the_window_has_done_with_its_visitor() -> None:
    """What is under way and what waits there goes first; what comes later follows the letter."""
    backlog = filled("x", "ann", "ann")
    [_, second] = take(backlog)
    row = letter(backlog, 1, "ann")
    backlog.again(row)
    assert backlog.take_parked(0) is None
    assert [one.seq for one in backlog.admit([make_stored(4, "ann")], 4)] == [4]
    backlog.free(second)
    assert backlog.take_parked(0) is None
    [third] = take(backlog)
    backlog.free(third)
    assert backlog.take_parked(0) is row
    assert backlog.take_parked(0) is None
    backlog.free(Ticket(1, 1, 0, 0, "m1", "ann", row.identity_key, b"", row))
    follower = backlog.take_parked(0)
    assert follower is not None
    assert follower.seq == 4


def test_a_letter_goes_before_an_event_that_failed_beside_it() -> None:
    """The visitor's event that was under way is parked behind the letter, and both keep one at a time."""
    backlog = filled("x", "ann", "ann")
    [_, second] = take(backlog)
    row = letter(backlog, 1, "ann")
    backlog.again(row)
    failed, behind = backlog.park(second)
    assert [one.seq for one in behind] == [3]
    backlog.again(failed)
    assert backlog.take_parked(0) is row
    assert backlog.take_parked(0) is None
    backlog.free(Ticket(1, 1, 0, 0, "m1", "ann", row.identity_key, b"", row))
    assert backlog.take_parked(0) is failed


def test_a_letter_may_be_durable_after_its_visitor_was_parked() -> None:
    """Whatever comes first of the two, the letter is taken once."""
    backlog = filled("x", "ann")
    [_, second] = take(backlog)
    row = letter(backlog, 1, "ann")
    failed, _ = backlog.park(second)
    backlog.again(failed)
    assert backlog.take_parked(0) is None
    backlog.again(row)
    assert backlog.take_parked(0) is row
    assert backlog.take_parked(0) is None


def test_letters_of_nobody_wait_for_nothing() -> None:
    """Each stands by itself."""
    backlog = filled("anonymous", "anonymous")
    rows = [letter(backlog, seq, "anonymous") for seq in (7, 5)]
    for row in rows:
        backlog.again(row)
    assert {backlog.take_parked(0), backlog.take_parked(0)} == set(rows)


def test_a_letter_older_than_its_line_is_looked_up_later() -> None:
    """It joins the line in the file; when the rows in memory are gone it comes first."""
    backlog = filled("x", "ann", "ann")
    [_, second] = take(backlog)
    failed, behind = backlog.park(second)
    backlog.again(failed)
    row = letter(backlog, 1, "ann")
    backlog.again(row)
    for parked in (failed, *behind):
        assert backlog.take_parked(0) is parked
        key = backlog.free(Ticket(parked.seq, 1, 0, 0, "m", "ann", parked.identity_key, b"", parked))
    assert key == row.identity_key
    backlog.load(key, [row])
    assert backlog.take_parked(0) is row
