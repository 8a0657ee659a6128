"""Whether a time without events was quiet, or the clock was set."""

from pixelwire.clock import HOUR_MS
from pixelwire.record.retention import Jump
from pixelwire.record.steadiness import Steadiness, uptime_ms

START = 480_000  # hours since 1970


class Machine:
    """A wall clock and the time since the machine started."""

    def __init__(self) -> None:
        self.now_ms = START * HOUR_MS
        self.up_ms = 0
        self.steadiness = Steadiness(lambda: self.now_ms, lambda: self.up_ms)

    def live(self, hours: int) -> None:
        for _ in range(hours):
            self.now_ms += HOUR_MS
            self.up_ms += HOUR_MS
            self.steadiness.look()

    def set_clock(self, hours: int) -> None:
        self.now_ms += hours * HOUR_MS
        self.steadiness.look()


def test_a_stretch_that_was_lived_through_is_covered() -> None:
    """From the hour of the start to the newest look."""
    machine = Machine()
    machine.live(60)
    assert machine.steadiness.covers(Jump(START, START + 60))
    assert not machine.steadiness.covers(Jump(START - 1, START + 60)), "it began before"
    assert not machine.steadiness.covers(Jump(START, START + 61)), "it is not over"


def test_a_clock_that_is_set_begins_anew() -> None:
    """Forward or back: what lies across it is not covered, what comes after it is."""
    for hours in (48, -48):
        machine = Machine()
        machine.live(5)
        machine.set_clock(hours)
        assert not machine.steadiness.covers(Jump(*sorted((START + 5, START + 5 + hours))))
        machine.live(30)
        assert machine.steadiness.covers(Jump(START + 5 + hours, START + 35 + hours))


def test_a_clock_that_is_disciplined_is_steady() -> None:
    """Half a minute an hour is no jump."""
    machine = Machine()
    for _ in range(48):
        machine.now_ms += 30_000
        machine.live(1)
    assert machine.steadiness.covers(Jump(START, START + 48))


def test_the_time_since_the_start_goes_on() -> None:
    """It is the kernel's."""
    assert 0 < uptime_ms() <= uptime_ms()
