"""The two clocks: wall time for what is written down, monotonic time for how long something takes."""

import time
from typing import Protocol

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Clock(Protocol):
    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary point; never goes back."""


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()
