"""Since when the wall clock has run evenly, measured against the time since the machine started.

A long time without events through which it did is a quiet time and no jump of the clock.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pixelwire.clock import HOUR_MS
from pixelwire.record.retention import Jump

TOLERANCE_MS: Final = 60_000  # between two looks


class Steadiness:
    """Looked at now and then by one thread."""

    def __init__(self, now_ms: Callable[[], int], uptime_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._uptime_ms = uptime_ms
        self._since_ms = self._last_ms = now_ms()
        self._last_uptime_ms = uptime_ms()

    def look(self) -> None:
        now_ms, uptime_ms = self._now_ms(), self._uptime_ms()
        if abs((now_ms - self._last_ms) - (uptime_ms - self._last_uptime_ms)) > TOLERANCE_MS:
            self._since_ms = now_ms  # it was set
        self._last_ms, self._last_uptime_ms = now_ms, uptime_ms

    def covers(self, jump: Jump) -> bool:
        """Whether the clock ran evenly from the last event before it to the first one after it."""
        return self._since_ms < (jump.from_hour + 1) * HOUR_MS and jump.to_hour * HOUR_MS <= self._last_ms


def uptime_ms() -> int:
    """Since the machine started, sleep included. The kernel's own word: no library can bend it, as they do
    with clocks in tests."""
    return int(float(Path("/proc/uptime").read_text().split()[0]) * 1_000)
