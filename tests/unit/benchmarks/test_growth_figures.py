"""What is made of figures at several sizes."""

from growth_figures import P99, RATE, flatness
from results import GrowthPoint


def test_a_size_is_compared_with_the_fewest_events_of_the_same_turn() -> None:
    """A slow turn is slow for all sizes, and that is no loss."""
    points = [
        *(GrowthPoint(0, "collect", 0, rate=100.0), GrowthPoint(10, "collect", 0, rate=90.0)),
        *(GrowthPoint(0, "collect", 1, rate=10.0), GrowthPoint(10, "collect", 1, rate=9.0)),
    ]
    fewest, most = flatness(points)
    assert (fewest.stored, fewest.deviation) == (0, None)
    assert (most.stored, round(most.deviation or 0, 6), round(most.worsening, 6)) == (10, -0.1, 0.1)


def test_more_milliseconds_are_worse_and_a_higher_rate_is_not() -> None:
    """What is called worse depends on the figure."""
    points = [
        GrowthPoint(0, "collect", 0, rate=100.0, p99_ms=10.0),
        GrowthPoint(10, "collect", 0, rate=110.0, p99_ms=11.0),
    ]
    worsening = {one.what: round(one.worsening, 6) for one in flatness(points) if one.stored}
    assert worsening == {RATE: -0.1, P99: 0.1}


def test_reading_is_compared_with_the_fewest_events_that_are_there() -> None:
    """A new server has no week to show."""
    points = [GrowthPoint(size, "get-pixel", 0, p99_ms=1.0 + size) for size in (0, 1, 3)]
    assert [one.deviation for one in flatness(points)] == [None, None, 1.0]
