"""Whether a destination is up: tells one that is down (everything fails) from an event that fails while
others pass. Pure: times are handed in; knows no event.

While it is down, one event at a time is tried, ever more rarely, and the clock by which events age stands
still, back to the last sign of life: nothing dies because its destination was away.
"""

from collections.abc import Callable
from typing import Final

from pixelwire.deliver.retry import RetryPolicy, bounded_after_s, probe_delay_s

NOT_BEFORE_NEWS: Final = float("inf")


class Health:
    """Times are monotonic seconds."""

    def __init__(
        self, policy: RetryPolicy, chance: Callable[[], float], *, now_s: float, up_ms: int = 0
    ) -> None:
        self._policy = policy
        self._chance = chance
        self._up_ms = up_ms  # until _up_from_s
        self._up_from_s: float | None = now_s  # None while down
        self._alive_s = now_s
        self._failures = 0
        self._probes = 0
        self._is_probing = False
        self._resume_s = now_s

    @property
    def is_down(self) -> bool:
        return self._up_from_s is None

    @property
    def probes(self) -> int:
        """How many probes failed since it went down."""
        return self._probes

    def up_ms(self, now_s: float) -> int:
        """How long it has been up in all; stands still while it is down."""
        since = 0.0 if self._up_from_s is None else now_s - self._up_from_s
        return self._up_ms + int(since * 1_000)

    def wait_s(self, now_s: float) -> float:
        """0 when something may be sent now, else how long to wait; NOT_BEFORE_NEWS while a probe is out."""
        if self._is_probing:
            return NOT_BEFORE_NEWS
        return self.resumes_in_s(now_s)

    def resumes_in_s(self, now_s: float) -> float:
        """How long nothing is sent, whether or not a probe is out."""
        return max(0.0, self._resume_s - now_s)

    def sending(self) -> bool:
        """Something is sent now. True when it is the probe: what is sent while it is down."""
        self._is_probing = self.is_down
        return self._is_probing

    def gave_up_probing(self) -> None:
        """The probe was not sent after all."""
        self._is_probing = False

    def answered(self, now_s: float) -> bool:
        """It took an event, or refused one for good: it is alive. True when it was down."""
        was_down = self.is_down
        self._failures = self._probes = 0
        self._is_probing = False
        self._alive_s = now_s
        if was_down:
            self._up_from_s = self._resume_s = now_s
        return was_down

    def failed(self, now_s: float, after_s: float | None = None, *, is_probe: bool = False) -> bool:
        """An attempt failed. True when it is down since just now."""
        self._failures += 1
        if self.is_down:
            if is_probe:
                self._probes += 1
                self._is_probing = False
                self._leave_alone(now_s, after_s)
            return False
        if self._failures < self._policy.failures_to_down:
            return False
        assert self._up_from_s is not None
        self._up_ms += int(max(0.0, self._alive_s - self._up_from_s) * 1_000)
        self._up_from_s = None
        self._leave_alone(now_s, after_s)
        return True

    def hold(self, now_s: float, after_s: float) -> None:
        """It asks for silence, as a rate limit does."""
        self._resume_s = max(self._resume_s, now_s + bounded_after_s(self._policy, after_s))

    def _leave_alone(self, now_s: float, after_s: float | None) -> None:
        delay_s = probe_delay_s(self._policy, probes=self._probes, after_s=after_s, chance=self._chance())
        self._resume_s = max(self._resume_s, now_s + delay_s)
