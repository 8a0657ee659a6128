"""What is made of measured windows."""

import pytest

from summary import percentile, summarise
from windows import Window


def window(rung: str, turn: int, rate: float, **changed: object) -> Window:
    values = {
        "way": "keep-alive",
        "answers": 1_000,
        "not_200": 0,
        "socket_errors": 0,
        "late": 0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "p999_ms": 3.0,
        "cpu_us": {},
        "memory": {},
        "syncs_per_s": 0.0,
        "others_percent": 0.0,
    } | changed
    return Window(rung=rung, turn=turn, rate=rate, **values)


def test_a_ratio_compares_within_a_turn() -> None:
    """A turn in which the whole machine was slow changes no ratio."""
    windows = [
        *(window("nginx", 0, 1_000.0), window("ours", 0, 250.0)),
        *(window("nginx", 1, 100.0), window("ours", 1, 25.0)),
        *(window("nginx", 2, 1_000.0), window("ours", 2, 260.0)),
    ]
    ours = summarise(windows, "nginx")["ours", "keep-alive"]
    assert (ours.rate, ours.ratio) == (250.0, 0.25)
    assert (ours.rate_lowest, ours.rate_highest) == (25.0, 260.0)


def test_each_way_has_its_own_ceiling() -> None:
    """A new connection for each request is compared with nginx that way."""
    windows = [
        *(window("nginx", 0, 1_000.0), window("ours", 0, 100.0)),
        *(window("nginx", 0, 200.0, way="new"), window("ours", 0, 100.0, way="new")),
    ]
    found = summarise(windows, "nginx")
    assert found["ours", "keep-alive"].ratio == 0.1
    assert found["ours", "new"].ratio == 0.5


def test_failures_are_summed_and_not_averaged() -> None:
    """One answer that is not 200 in one of the turns is seen."""
    windows = [window("nginx", turn, 10.0, not_200=int(turn == 1), socket_errors=turn) for turn in range(3)]
    assert summarise(windows, "nginx")["nginx", "keep-alive"].failures == 1 + 0 + 1 + 2


def test_a_role_that_was_idle_in_a_turn_counts_as_nothing_there() -> None:
    """The median over the turns knows every role."""
    windows = [
        window("ours", 0, 1.0, cpu_us={"worker": 30.0}),
        window("ours", 1, 1.0, cpu_us={"worker": 50.0, "courier": 1.0}),
        window("ours", 2, 1.0, cpu_us={"worker": 40.0}),
    ]
    ours = summarise(windows, "ours")["ours", "keep-alive"]
    assert ours.cpu_us == {"worker": 40.0, "courier": 0.0}
    assert ours.cpu_us_all == 40.0


@pytest.mark.parametrize(
    ("part", "expected"), [(0.0, 1), (0.5, 5), (0.51, 6), (0.9, 9), (0.99, 10), (1.0, 10)]
)
def test_a_percentile_is_one_of_the_values(part: float, expected: int) -> None:
    """The smallest value that so many of all do not exceed."""
    assert percentile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], part) == expected
