"""Events that wait for another attempt."""

from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.parking import CROWD_MIN, LINE_ROWS_MAX, LINES_MAX, Parked, Parking


def make_row(seq: int, identity_key: int = NOBODY, *, next_ms: int = 0, attempts: int = 1) -> Parked:
    return Parked(seq, identity_key, attempts, 0, next_ms)


def alone(*rows: Parked) -> Parking:
    """Each the only one of its line."""
    return Parking([(row, 1, None) for row in rows])


def take(parking: Parking, now_ms: int) -> list[int]:
    seqs = []
    while row := parking.take(now_ms):
        seqs.append(row.seq)
    return seqs


def test_a_row_waits_until_it_is_due() -> None:
    """By time, then by seq."""
    parking = alone(make_row(1, next_ms=50), make_row(2, next_ms=20), make_row(3, next_ms=20))
    assert parking.next_ms() == 20
    assert take(parking, 19) == []
    assert take(parking, 20) == [2, 3]
    assert take(parking, 60) == [1]
    assert parking.next_ms() is None


def test_a_restart_finds_each_identity_in_order() -> None:
    """Of an identity only the first is in memory; the others are looked up when it is gone."""
    first, second = make_row(3, 7, next_ms=40), make_row(9, 7, attempts=0)
    parking = Parking([(first, 2, None), (make_row(5, 8), 1, None)])
    assert take(parking, 30) == [5]
    assert take(parking, 40) == [3]
    assert len(parking) == 3
    assert parking.done(first)
    assert parking.holds(7, 99)
    parking.load(7, [second])
    assert take(parking, 40) == [9]
    assert not parking.done(second)
    assert not parking.holds(7, 99)


def test_the_next_of_an_identity_follows_a_durable_end() -> None:
    """And when the last is gone, the identity is free."""
    first, second = make_row(3, 7), make_row(9, 7)
    parking = alone(first)
    parking.add(second)
    assert take(parking, 0) == [3]
    parking.done(first)
    assert parking.holds(7, 99)
    assert take(parking, 0) == [9]
    parking.done(second)
    assert not parking.holds(7, 99)
    assert len(parking) == 0


def test_a_new_row_can_not_be_taken_before_it_is_durable() -> None:
    """Adding holds the identity; `again` makes the row available."""
    parking, row = Parking(), make_row(1, 7)
    parking.add(row, is_under_way=True)
    assert parking.holds(7, 99)
    assert take(parking, 1_000) == []
    parking.again(row)
    assert take(parking, 1_000) == [1]


def test_nobodys_events_hold_nobody() -> None:
    """They are parked each by itself."""
    parking = alone(make_row(1), make_row(2))
    assert not parking.holds(NOBODY, 99)
    assert take(parking, 0) == [1, 2]


def test_all_can_be_hastened() -> None:
    """When the destination is back, everything is due."""
    parking = alone(make_row(1, next_ms=9_000), make_row(2, next_ms=8_000))
    parking.hasten(100)
    assert take(parking, 100) == [1, 2]


def test_the_first_can_be_taken_early() -> None:
    """As a probe."""
    parking = alone(make_row(1, next_ms=9_000), make_row(2, next_ms=8_000))
    row = parking.take_any()
    assert row is not None
    assert row.seq == 2


def test_a_line_is_bounded_in_memory() -> None:
    """Of a visitor who comes again and again only the first rows are kept; others are looked up."""
    rows = [make_row(seq, 7) for seq in range(1, 3 * LINE_ROWS_MAX + 1)]
    parking = alone(rows[0])
    for row in rows[1:]:
        parking.add(row)
    assert len(parking) == len(rows)
    taken = []
    while parking.holds(7, 99):
        [seq] = take(parking, 0)
        taken.append(seq)
        if parking.done(parking_row := rows[seq - 1]):
            assert parking_row.seq % LINE_ROWS_MAX == 0
            parking.load(7, rows[seq : seq + LINE_ROWS_MAX])
    assert taken == [row.seq for row in rows]
    assert len(parking) == 0


def test_who_joins_a_line_whose_rows_are_looked_up_is_last() -> None:
    """Between the end of the last row in memory and the answer nobody slips in."""
    rows = [make_row(seq, 7) for seq in (1, 2, 3)]
    parking = Parking([(rows[0], 2, None)])
    assert take(parking, 0) == [1]
    assert parking.done(rows[0])
    parking.add(rows[2])
    assert take(parking, 0) == []
    parking.load(7, rows[1:])
    assert take(parking, 0) == [2]


def test_it_is_full_by_lines_not_by_rows() -> None:
    """One visitor alone never fills it; many who fail do, nobody's events included."""
    parking = Parking([(make_row(1, 1), 2 * LINES_MAX, None)])
    assert not parking.is_full
    for seq in range(2, LINES_MAX):
        parking.add(make_row(seq, seq if seq % 2 else NOBODY))
    assert not parking.is_full
    parking.add(make_row(LINES_MAX))
    assert parking.is_full
    assert "of 10000 visitors are parked" in parking.trouble


def test_a_crowd_behind_one_is_told() -> None:
    """From the first above the bound until enough of them are gone."""
    head = make_row(1, 7)
    parking = Parking([(head, CROWD_MIN, None)])
    assert (parking.has_crowd(7), parking.trouble) == (False, "")
    parking.add(make_row(CROWD_MIN + 1, 7))
    assert parking.has_crowd(7)
    assert parking.trouble.startswith(f"{CROWD_MIN + 1} events are parked")
    assert take(parking, 0) == [1]
    parking.done(head)
    assert (parking.has_crowd(7), parking.trouble) == (False, "")


def test_a_line_of_which_nothing_failed_is_no_trouble() -> None:
    """They only wait for their turn, behind events in the window."""
    parking = Parking([(make_row(1, 7, attempts=0), CROWD_MIN + 1, None)])
    assert parking.has_crowd(7)
    assert parking.trouble == ""


def test_a_line_waits_for_what_is_before_it_in_the_window() -> None:
    """And then goes by itself."""
    parking = Parking()
    parking.add(make_row(5, 7, attempts=0))
    parking.stand_behind(7)
    parking.add(make_row(6, 7, attempts=0))
    assert parking.holds(7, 8)
    assert take(parking, 0) == []
    parking.step_up(7)
    parking.step_up(7)
    assert take(parking, 0) == [5]
    assert take(parking, 0) == []


def test_what_fails_in_the_window_goes_before_the_line_behind_it() -> None:
    """By seq, whatever came in first."""
    parking = Parking()
    for seq in (5, 6):
        parking.add(make_row(seq, 7, attempts=0))
        parking.stand_behind(7)
    first = make_row(2, 7)
    parking.add(first, is_under_way=True)
    parking.add(make_row(3, 7, attempts=0))
    parking.step_up(7)
    assert take(parking, 0) == []
    parking.again(first)
    taken = []
    while row := parking.take(0):
        taken.append(row.seq)
        parking.done(row)
    assert taken == [2, 3, 5, 6]


def test_a_line_that_begins_after_what_was_read_waits() -> None:
    """Earlier events of its identity may come; nobody's events wait for nothing."""
    parking = Parking([(make_row(50, 7), 1, 50), (make_row(60), 1, None)])
    assert not parking.holds(7, 40)
    assert parking.holds(7, 51)
    assert take(parking, 0) == [60]
    parking.reached(49)
    assert take(parking, 0) == []
    parking.reached(50)
    assert take(parking, 0) == [50]


def test_several_of_a_line_can_be_under_way() -> None:
    """Those in memory, then those looked up; what failed of them stays first, and its memory is bounded."""
    rows = [make_row(seq, 7, attempts=0) for seq in range(1, 21)]
    parking = alone(rows[0])
    for row in rows[1:]:
        parking.add(row)
    first = parking.take(0)
    assert first is rows[0]
    assert parking.take_more(7, 3) == rows[1:4]
    assert not parking.lacks(7)
    assert parking.take_more(7, 30) == rows[4:LINE_ROWS_MAX]
    assert parking.lacks(7)
    parking.take_loaded(7, rows[LINE_ROWS_MAX:15])
    for row in (*rows[:2], *rows[3:15]):
        assert not parking.done(row)
        assert take(parking, 0) == []
    parking.again(rows[2])
    assert take(parking, 0) == [3]
    assert parking.lacks(7)
    assert parking.done(rows[2])
    parking.load(7, rows[15:])
    assert take(parking, 0) == [16]
    assert len(parking) == 5
