"""From a failed attempt to what is done about it."""

import pytest

from pixelwire.deliver.retry import Again, Die, RetryPolicy, back_off_s, decide, probe_delay_s

POLICY = RetryPolicy()
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("attempts", "failing_ms", "expected"),
    [
        (1, 0, Again(0.5)),
        (2, 1_000, Again(1.0)),
        (5, 1_000, Again(8.0)),
        (11, 1_000, Again(300.0)),
        (10_000, 1_000, Again(300.0)),
        (9, 24 * HOUR_MS, Again(128.0)),  # long enough, not often enough
        (10, 3 * HOUR_MS - 1, Again(256.0)),  # often enough, not long enough
        (10, 3 * HOUR_MS, Die()),
        (500, 3 * HOUR_MS, Die()),
    ],
)
def test_what_becomes_of_a_failed_event(attempts: int, failing_ms: int, expected: Again | Die) -> None:
    """It waits twice as long each time, and dies after 3 hours and 10 attempts, never before both."""
    assert decide(POLICY, attempts=attempts, failing_ms=failing_ms, after_s=None, chance=0.5) == expected


@pytest.mark.parametrize(
    ("after_s", "delay_s"), [(None, 0.5), (0.0, 0.5), (-3.0, 0.5), (30.0, 30.0), (1e9, 3_600.0)]
)
def test_the_wish_of_a_destination_is_granted_within_bounds(after_s: float | None, delay_s: float) -> None:
    """Retry-After can make the wait longer, up to an hour, and never shorter."""
    assert decide(POLICY, attempts=1, failing_ms=0, after_s=after_s, chance=0.5) == Again(delay_s)


def test_the_jitter_is_full() -> None:
    """Any wait from none up to the whole: events that failed together come back apart."""
    assert back_off_s(1.0, 600.0, 4, 0.0) == 0.0
    assert back_off_s(1.0, 600.0, 4, 0.999) == pytest.approx(7.992)


def test_probes_keep_their_distance() -> None:
    """A destination that is down is never asked twice at once, and at least once a minute."""
    delays = [probe_delay_s(POLICY, probes=probes, after_s=None, chance=0.0) for probes in range(12)]
    assert delays[0] == 0.25
    assert delays == sorted(delays)
    assert probe_delay_s(POLICY, probes=99, after_s=None, chance=0.999) <= POLICY.probe_delay_s_max
    assert probe_delay_s(POLICY, probes=0, after_s=90.0, chance=0.0) == 90.0
