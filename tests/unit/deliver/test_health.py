"""Whether a destination is up."""

from pixelwire.deliver.health import NOT_BEFORE_NEWS, Health
from pixelwire.deliver.retry import RetryPolicy

POLICY = RetryPolicy(failures_to_down=3, probe_first_s=1.0, probe_delay_s_max=60.0)


def taken_down(at_s: float) -> Health:
    health = Health(POLICY, lambda: 0.0)
    health.answered()
    assert [health.failed(at_s, seq) for seq in (1, 2, 3)] == [False, False, True]
    return health


def test_it_is_up_until_everything_fails() -> None:
    """Failures with successes in between are about events, not about the destination."""
    health = Health(POLICY, lambda: 0.0)
    for at_s in range(100):
        assert not health.failed(at_s, 1)
        assert not health.failed(at_s, 2)
        assert not health.answered()
    assert not health.is_down


def test_enough_failures_in_a_row_take_it_down() -> None:
    """Then nothing is sent for a while."""
    health = taken_down(10.0)
    assert health.is_down
    assert health.wait_s(10.0) == 0.5
    assert health.wait_s(10.5) == 0.0


def test_one_probe_at_a_time() -> None:
    """While its result is out nothing else is sent; when it fails the wait doubles."""
    health = taken_down(10.0)
    assert health.sending()
    assert health.wait_s(11.0) == NOT_BEFORE_NEWS
    health.failed(11.0, 4, is_probe=True)
    assert health.wait_s(11.0) == 1.0
    assert health.sending()
    health.failed(12.0, 5, is_probe=True)
    assert health.wait_s(12.0) == 2.0
    assert health.probes == 2


def test_a_probe_that_was_not_sent_counts_for_nothing() -> None:
    """When there was nothing to send, the next event is the probe."""
    health = taken_down(10.0)
    health.sending()
    health.gave_up_probing()
    assert health.wait_s(11.0) == 0.0
    assert health.probes == 0


def test_late_failures_do_not_lengthen_the_wait() -> None:
    """What was under way when it went down says nothing new."""
    health = taken_down(10.0)
    health.failed(10.25, 4)
    assert health.wait_s(10.25) == 0.25


def test_one_answer_brings_it_back() -> None:
    """Be it a late one or the probe's: everything may be sent at once."""
    health = taken_down(10.0)
    assert health.answered()
    assert not health.is_down
    assert health.wait_s(10.2) == 0.0
    assert not health.sending()


def test_one_event_alone_does_not_take_it_down() -> None:
    """It may be the fault itself: nothing else was tried. The next one that fails settles it."""
    health = Health(POLICY, lambda: 0.0)
    assert not any(health.failed(at_s, 1) for at_s in range(50))
    assert health.wait_s(50.0) == 0.0
    assert health.failed(51.0, 2)


def test_nobody_there_takes_it_down() -> None:
    """No event was even tried, so it is no event's fault."""
    health = Health(POLICY, lambda: 0.0)
    assert [health.failed(1.0, None) for _ in range(3)] == [False, False, True]


def test_the_wish_of_a_destination_is_heard() -> None:
    """A rate limit holds everything; a wish beside a failed probe delays the next one."""
    health = Health(POLICY, lambda: 0.0)
    health.hold(0.0, 7.0)
    assert health.wait_s(1.0) == 6.0
    health.hold(0.0, 1e9)
    assert health.wait_s(0.0) == POLICY.after_s_max
    down = taken_down(10.0)
    down.sending()
    down.failed(11.0, 4, 30.0, is_probe=True)
    assert down.wait_s(11.0) == 30.0
