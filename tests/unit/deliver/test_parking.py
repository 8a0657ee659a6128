"""Events that wait for another attempt."""

from pixelwire.deliver.envelope import NOBODY
from pixelwire.deliver.parking import PARKED_MAX, Parked, Parking


def make_row(seq: int, identity_key: int = NOBODY, *, next_ms: int = 0, attempts: int = 1) -> Parked:
    return Parked(seq, identity_key, attempts, 0, next_ms)


def take(parking: Parking, now_ms: int) -> list[int]:
    seqs = []
    while row := parking.take(now_ms):
        seqs.append(row.seq)
    return seqs


def test_a_row_waits_until_it_is_due() -> None:
    """By time, then by seq."""
    parking = Parking([make_row(1, next_ms=50), make_row(2, next_ms=20), make_row(3, next_ms=20)])
    assert parking.next_ms() == 20
    assert take(parking, 19) == []
    assert take(parking, 20) == [2, 3]
    assert take(parking, 60) == [1]
    assert parking.next_ms() is None


def test_a_restart_finds_each_identity_in_order() -> None:
    """Of an identity only the oldest can be taken, whatever the others' times say."""
    parking = Parking([make_row(9, 7), make_row(3, 7, next_ms=40), make_row(5, 8)])
    assert take(parking, 30) == [5]
    assert take(parking, 40) == [3]
    assert len(parking) == 3


def test_the_next_of_an_identity_follows_a_durable_end() -> None:
    """And when the last is gone, the identity is free."""
    first, second = make_row(3, 7), make_row(9, 7)
    parking = Parking([first, second])
    assert take(parking, 0) == [3]
    parking.done(first)
    assert parking.holds(7)
    assert take(parking, 0) == [9]
    parking.done(second)
    assert not parking.holds(7)
    assert len(parking) == 0


def test_a_new_row_can_not_be_taken_before_it_is_durable() -> None:
    """Adding holds the identity; `again` makes the row available."""
    parking, row = Parking(), make_row(1, 7)
    assert not parking.add(row)
    assert parking.holds(7)
    assert take(parking, 1_000) == []
    parking.again(row)
    assert take(parking, 1_000) == [1]


def test_nobodys_events_hold_nobody() -> None:
    """They are parked each by itself."""
    parking = Parking([make_row(1), make_row(2)])
    assert not parking.holds(NOBODY)
    assert take(parking, 0) == [1, 2]


def test_all_can_be_hastened() -> None:
    """When the destination is back, everything is due."""
    parking = Parking([make_row(1, next_ms=9_000), make_row(2, next_ms=8_000)])
    parking.hasten(100)
    assert take(parking, 100) == [1, 2]


def test_the_first_can_be_taken_early() -> None:
    """As a probe."""
    parking = Parking([make_row(1, next_ms=9_000), make_row(2, next_ms=8_000)])
    row = parking.take_any()
    assert row is not None
    assert row.seq == 2


def test_parking_is_bounded() -> None:
    """Beyond the bound it says so, and its loop reads nothing new."""
    parking = Parking(make_row(seq) for seq in range(1, PARKED_MAX))
    assert not parking.is_full
    parking.add(make_row(PARKED_MAX))
    assert parking.is_full
