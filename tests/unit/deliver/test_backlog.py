"""All that one destination has yet to send."""

from pixelwire.deliver.backlog import Backlog
from pixelwire.deliver.bounds import IDENTITY_EVENTS_MAX, bounds_of
from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.parking import LINE_ROWS_MAX, LINES_MAX, Parked
from pixelwire.deliver.tickets import Ticket, ticket_of
from pixelwire.destinations.base import BatchLimits
from support.engine import make_stored

MANY = bounds_of(BatchLimits(events_max=100))


def make_key(visitor: str) -> int:
    return ticket_of(make_stored(1, visitor)).identity_key


def filled(*visitors: str) -> Backlog:
    backlog = Backlog(0, bounds=MANY)
    backlog.admit([make_stored(seq, visitor) for seq, visitor in enumerate(visitors, 1)], len(visitors))
    return backlog


def take(backlog: Backlog) -> list[Ticket]:
    return backlog.take()


def test_an_event_that_fails_takes_those_behind_it_along() -> None:
    """They are parked after it, the cursor passes them all, and others pass."""
    backlog = filled("ann", "bob", "ann")
    first, other = take(backlog)
    assert [row.seq for row in backlog.park([first])] == [1, 3]
    backlog.pass_by(other)
    assert backlog.cursor == 3


def test_what_comes_later_of_a_parked_identity_is_parked_behind_it() -> None:
    """So the order holds although the cursor has passed."""
    backlog = filled("ann", "bob")
    backlog.park(take(backlog)[:1])
    followers = backlog.admit([make_stored(3, "ann"), make_stored(4, "cid")], 4)
    assert [row.seq for row in followers] == [3]
    assert [ticket.seq for ticket in take(backlog)] == [4]


def test_what_is_parked_never_stops_the_reading() -> None:
    """However many they are: the others must be tried."""
    backlog = Backlog(0, [(Parked(seq, 0, 1, 0, 0), 1, None) for seq in range(1, LINES_MAX + 1)])
    assert backlog.is_full
    assert backlog.wants_more


def test_parked_events_go_one_after_the_other() -> None:
    """Each when the end of the one before is durable, and then the identity is free again."""
    backlog = filled("ann", "ann")
    [first] = take(backlog)
    row, _ = backlog.park([first])
    assert backlog.take_parked(1_000) is None
    backlog.again([row])
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
    backlog = Backlog(1, [(parked, 1, None)])
    backlog.admit([make_stored(2, "bob")], 2)
    assert backlog.take_parked(0) is parked
    backlog.take_back([*take(backlog), Ticket(1, 1, 0, 0, "m1", "", 0, b"", parked, 2)])
    assert backlog.take_parked(0) is parked
    assert [ticket.seq for ticket in take(backlog)] == [2]


def test_a_busy_visitor_has_its_share_of_the_window() -> None:
    """What is beyond waits on disk, the cursor may pass it, and it goes when the window has no more of it."""
    share = IDENTITY_EVENTS_MAX
    backlog = filled(*["busy"] * (share + 3), "ann")
    assert [row.seq for row in backlog.admit([make_stored(100, "busy")], 100)] == [100]
    assert backlog.parked == 4
    ended = []
    while tickets := take(backlog):
        assert backlog.take_parked(0) is None
        for ticket in tickets:
            backlog.pass_by(ticket)
            backlog.free(ticket)
            ended.append(ticket.seq)
    assert sorted(ended) == [*range(1, share + 1), share + 4]
    assert backlog.cursor == 100
    line = []
    while row := backlog.take_parked(0):
        line.append(row.seq)
        backlog.free(Ticket(row.seq, 1, 0, 0, "m", "busy", row.identity_key, b"", row))
    assert line == [share + 1, share + 2, share + 3, 100]
    assert backlog.admit([make_stored(101, "busy")], 101) == []


def test_where_the_order_is_kept_one_visitor_may_fill_the_window() -> None:
    """All of it can go at once."""
    backlog = Backlog(0, bounds=bounds_of(BatchLimits(events_max=500, keeps_order=True)))
    assert backlog.admit([make_stored(seq, "busy") for seq in range(1, 501)], 500) == []
    assert len(take(backlog)) == 500


def test_after_a_restart_earlier_events_go_before_the_line_on_disk() -> None:
    """They were in memory when the courier ended, while later ones of theirs were parked already."""
    key = make_key("busy")
    backlog = Backlog(0, [(Parked(5, key, 0, 0, 0), 2, 5)], MANY)
    assert backlog.take_parked(0) is None
    assert backlog.admit([make_stored(seq, "busy") for seq in (1, 2)], 3) == []
    backlog.reached()
    assert [row.seq for row in backlog.admit([make_stored(7, "busy")], 7)] == [7]
    backlog.reached()
    for seq in (1, 2):
        assert backlog.take_parked(0) is None
        [ticket] = take(backlog)
        assert ticket.seq == seq
        backlog.pass_by(ticket)
        backlog.free(ticket)
    row = backlog.take_parked(0)
    assert row is not None
    assert row.seq == 5


def test_what_fails_before_a_line_that_was_not_reached_waits_with_it() -> None:
    """Between the two, events may still be read that belong there."""
    key = make_key("busy")
    backlog = Backlog(0, [(Parked(5, key, 0, 0, 0), 1, 5)], MANY)
    backlog.admit([make_stored(1, "busy")], 1)
    backlog.reached()
    tickets = take(backlog)
    backlog.again(backlog.park(tickets)[:1])
    assert backlog.take_parked(0) is None
    assert [row.seq for row in backlog.admit([make_stored(3, "busy")], 5)] == [3]
    backlog.reached()
    line = []
    while row := backlog.take_parked(0):
        line.append(row.seq)
        backlog.free(Ticket(row.seq, 1, 0, 0, "m", "busy", key, b"", row))
    assert line == [1, 3, 5]


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
    backlog.again([row])
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
    backlog.again([row])
    failed, *behind = backlog.park([second])
    assert [one.seq for one in behind] == [3]
    backlog.again([failed])
    assert backlog.take_parked(0) is row
    assert backlog.take_parked(0) is None
    backlog.free(Ticket(1, 1, 0, 0, "m1", "ann", row.identity_key, b"", row))
    assert backlog.take_parked(0) is failed


def test_a_letter_may_be_durable_after_its_visitor_was_parked() -> None:
    """Whatever comes first of the two, the letter is taken once."""
    backlog = filled("x", "ann")
    [_, second] = take(backlog)
    row = letter(backlog, 1, "ann")
    failed, *_ = backlog.park([second])
    backlog.again([failed])
    assert backlog.take_parked(0) is None
    backlog.again([row])
    assert backlog.take_parked(0) is row
    assert backlog.take_parked(0) is None


def test_letters_of_nobody_wait_for_nothing() -> None:
    """Each stands by itself."""
    backlog = filled("anonymous", "anonymous")
    rows = [letter(backlog, seq, "anonymous") for seq in (7, 5)]
    for row in rows:
        backlog.again([row])
    assert {backlog.take_parked(0), backlog.take_parked(0)} == set(rows)


def test_a_letter_older_than_its_line_goes_first() -> None:
    """Also where the line's first could have been taken by now: that one waits for the letter."""
    backlog = filled("x", "ann", "ann")
    [_, second] = take(backlog)
    failed, *behind = backlog.park([second])
    backlog.again([failed])
    assert backlog.next_ms() == 0
    row = letter(backlog, 1, "ann")
    assert backlog.next_ms() is None
    backlog.again([row])
    for parked in (row, failed, *behind):
        assert backlog.take_parked(0) is parked
        assert backlog.take_parked(0) is None
        backlog.free(Ticket(parked.seq, 1, 0, 0, "m", "ann", parked.identity_key, b"", parked))
    assert backlog.parked == 0


def test_a_letter_lets_no_line_go_before_it_was_reached() -> None:
    """After a restart, events that belong between the letter and the rest of its line may still be read."""
    key = make_key("ann")
    backlog = Backlog(3, [(Parked(1, key, 0, 0, 0, letter=1), 2, 5)], MANY)
    assert backlog.take_parked(0) is None
    assert [row.seq for row in backlog.admit([make_stored(4, "ann")], 5)] == [4]
    assert backlog.take_parked(0) is None
    backlog.reached()
    first = backlog.take_parked(0)
    assert first is not None
    assert first.seq == 1


def test_a_letter_that_comes_while_its_line_runs_out_is_looked_up() -> None:
    """The line's rows in memory go while the letter is on its way to the disk: then somebody must be told."""
    backlog = Backlog(LINE_ROWS_MAX + 1)
    rows = [letter(backlog, seq, "ann") for seq in range(1, LINE_ROWS_MAX + 2)]
    assert backlog.again(rows) == []
    for row in rows[: LINE_ROWS_MAX - 1]:
        assert backlog.take_parked(0) is row
        assert backlog.free(Ticket(row.seq, 1, 0, 0, "m", "ann", row.identity_key, b"", row)) == NOBODY
    last = backlog.take_parked(0)
    assert last is rows[LINE_ROWS_MAX - 1]
    late = letter(backlog, LINE_ROWS_MAX + 2, "ann")
    assert backlog.free(Ticket(last.seq, 1, 0, 0, "m", "ann", last.identity_key, b"", last)) == NOBODY
    assert backlog.take_parked(0) is None
    assert backlog.again([late]) == [late.identity_key]
    assert backlog.is_starved(late.identity_key)
    backlog.load(late.identity_key, [rows[LINE_ROWS_MAX], late])
    assert not backlog.is_starved(late.identity_key)
    assert backlog.take_parked(0) is rows[LINE_ROWS_MAX]
