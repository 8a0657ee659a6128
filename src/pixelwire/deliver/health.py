"""Whether a destination is up: tells one that is down (everything fails) from an event that fails while
others pass. Pure: times are handed in; knows no more of an event than its seq.

While it is down, one event at a time is tried, ever more rarely.
"""

from collections.abc import Callable
from typing import Final

from pixelwire.deliver.retry import RetryPolicy, bounded_after_s, probe_delay_s

NOT_BEFORE_NEWS: Final = float("inf")
EVENTS_TO_DOWN: Final = 2  # one that fails alone may be the fault itself; nothing else was tried


class Health:
    """Times are monotonic seconds."""

    def __init__(self, policy: RetryPolicy, chance: Callable[[], float]) -> None:
        self._policy = policy
        self._chance = chance
        self._failures = 0  # in a row
        self._failed: set[int] = set()  # events of this row of failures, EVENTS_TO_DOWN at most
        self._is_probing = False
        self._resume_s = 0.0
        self.is_down = False
        self.probes = 0  # that failed since it went down
        self.answers = 0  # in all: to tell whether others passed between two attempts

    def wait_s(self, now_s: float) -> float:
        """0 when something may be sent now, else how long to wait; NOT_BEFORE_NEWS while a probe is out."""
        return NOT_BEFORE_NEWS if self._is_probing else self.resumes_in_s(now_s)

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

    def answered(self) -> bool:
        """It took an event, or refused one for good: it is alive. True when it was down."""
        was_down, self.is_down = self.is_down, False
        self.answers += 1
        self._failures = self.probes = 0
        self._failed.clear()
        self._is_probing = False
        if was_down:
            self._resume_s = 0.0
        return was_down

    def failed(
        self, now_s: float, seq: int | None, after_s: float | None = None, *, is_probe: bool = False
    ) -> bool:
        """An attempt failed; `seq` is None when it was not even made. True when it is down since just now."""
        self._failures += 1
        if self.is_down:
            if is_probe:
                self.probes += 1
                self._is_probing = False
                self._leave_alone(now_s, after_s)
            return False
        is_for_all = seq is None
        if seq is not None and len(self._failed) < EVENTS_TO_DOWN:
            self._failed.add(seq)
        if self._failures < self._policy.failures_to_down:
            return False
        self.is_down = is_for_all or len(self._failed) >= EVENTS_TO_DOWN
        if self.is_down:
            self._leave_alone(now_s, after_s)
        return self.is_down

    def hold(self, now_s: float, after_s: float) -> None:
        """It asks for silence, as a rate limit does."""
        self._resume_s = max(self._resume_s, now_s + bounded_after_s(self._policy, after_s))

    def _leave_alone(self, now_s: float, after_s: float | None) -> None:
        delay_s = probe_delay_s(self._policy, probes=self.probes, after_s=after_s, chance=self._chance())
        self._resume_s = max(self._resume_s, now_s + delay_s)
