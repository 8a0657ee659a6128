"""Rate limits: how much comes in, and that the table of addresses is bounded and no way around them."""

import ipaddress

import pytest

from pixelwire.collect import rate
from pixelwire.collect.address import packed
from pixelwire.collect.rate import Door, RateLimit
from pixelwire.testing.manual_clock import ManualClock


def taken(limit: RateLimit[int], key: int, times: int) -> int:
    return sum(limit.takes(key) for _ in range(times))


def test_a_burst_comes_in_at_once_and_no_more() -> None:
    """As many seconds' worth as was chosen."""
    assert taken(RateLimit(5, 10, ManualClock()), 1, 100) == 50


def test_after_the_burst_requests_come_in_at_the_rate() -> None:
    """Not one more over a minute, and not one fewer."""
    clock = ManualClock()
    limit: RateLimit[int] = RateLimit(5, 10, clock)
    taken(limit, 1, 1_000)
    came_in = 0
    for _ in range(600):
        clock.advance(0.1)
        came_in += taken(limit, 1, 3)
    assert came_in == 300


def test_what_stays_below_the_rate_is_never_refused() -> None:
    """Whatever the fractions of a second do in binary."""
    clock = ManualClock()
    limit: RateLimit[int] = RateLimit(3, 1, clock)
    for _ in range(10_000):
        assert limit.takes(1)
        clock.advance(1 / 3)


def test_refused_requests_cost_nothing() -> None:
    """Who goes on asking is let in at the same rate as who waits."""
    clock = ManualClock()
    limit: RateLimit[int] = RateLimit(1, 1, clock)
    assert taken(limit, 1, 1_000) == 1
    clock.advance(1)
    assert taken(limit, 1, 1_000) == 1


def test_a_pause_saves_up_one_burst() -> None:
    """A day of silence is not a day's worth of requests."""
    clock = ManualClock()
    limit: RateLimit[int] = RateLimit(2, 5, clock)
    taken(limit, 1, 100)
    clock.advance(86_400)
    assert taken(limit, 1, 100) == 10


def test_the_wall_clock_is_not_asked() -> None:
    """Setting it neither lifts a limit nor lets one last."""
    clock = ManualClock()
    limit: RateLimit[int] = RateLimit(1, 1, clock)
    assert taken(limit, 1, 5) == 1
    clock.jump(86_400)
    assert taken(limit, 1, 5) == 0
    clock.jump(-2 * 86_400)
    clock.advance(1)
    assert taken(limit, 1, 5) == 1


def test_each_key_has_its_own() -> None:
    """One that asks too much takes nothing from another."""
    limit: RateLimit[int] = RateLimit(1, 2, ManualClock())
    assert (taken(limit, 1, 10), taken(limit, 2, 10)) == (2, 2)


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full buckets are forgotten for new ones."""
    monkeypatch.setattr(rate, "RATE_BUCKETS_MAX", 100)
    clock = ManualClock()
    limit: RateLimit[int] = RateLimit(10, 1, clock)
    for key in range(10_000):
        assert limit.takes(key)
        clock.advance(0.01)
    assert len(limit) == 100


def test_a_crowd_of_new_addresses_does_not_lift_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bucket that is used up outlasts any number of strangers that came once."""
    monkeypatch.setattr(rate, "RATE_BUCKETS_MAX", 100)
    limit: RateLimit[int] = RateLimit(1, 10, ManualClock())
    assert taken(limit, -1, 100) == 10
    for key in range(10_000):
        assert limit.takes(key)
    assert (taken(limit, -1, 100), len(limit)) == (0, 100)


def test_a_table_of_empty_buckets_lets_strangers_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd that used up everything does not shut the door for who comes first."""
    monkeypatch.setattr(rate, "RATE_BUCKETS_MAX", 100)
    limit: RateLimit[int] = RateLimit(1, 2, ManualClock())
    for key in range(100):
        assert taken(limit, key, 10) == 2
    assert taken(limit, 1_000, 10) == 2
    assert len(limit) == 100


def test_one_network_of_ipv6_is_one_address() -> None:
    """A customer has 2^64 addresses at hand, and one limit."""
    door = Door(ManualClock(), per_address=1, burst_s=3)
    network = ipaddress.ip_network("2001:db8:1:2::/64")
    came_in = [door.is_open(network[number].packed, 7) for number in range(10)]
    assert came_in == [True] * 3 + [False] * 7
    assert door.is_open(packed("2001:db8:1:3::1"), 7)


@pytest.mark.parametrize("other", ["192.0.2.2", "::ffff:192.0.2.2"])
def test_each_address_of_ipv4_is_its_own(other: str) -> None:
    """Also in IPv6's clothes."""
    door = Door(ManualClock(), per_address=1)
    assert door.is_open(packed("192.0.2.1"), 7)
    assert not door.is_open(packed("::ffff:192.0.2.1"), 7)
    assert door.is_open(packed(other), 7)


def test_an_address_past_its_limit_takes_nothing_of_the_pixels() -> None:
    """One sender alone can not use up what a pixel gets from all."""
    door = Door(ManualClock(), per_address=1, per_pixel=3)
    assert [door.is_open(packed("192.0.2.1"), 7) for _ in range(10)] == [True] + [False] * 9
    others = [door.is_open(packed(f"192.0.2.{number}"), 7) for number in range(2, 6)]
    assert others == [True, True, False, False]


def test_who_has_no_address_has_no_limit_of_one() -> None:
    """Strangers are not one sender."""
    door = Door(ManualClock(), per_address=1, per_pixel=5)
    assert [door.is_open(b"", 7) for _ in range(7)] == [True] * 5 + [False] * 2
