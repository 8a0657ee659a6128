"""A clock that stands still until it is told to go on."""


class ManualClock:
    """Both clocks of `pixelwire.clock.Clock`; they go on together, and wall time can jump alone."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_s = 1_000.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Time passes."""
        assert seconds >= 0, "time does not go back; see jump"
        self._monotonic_s += seconds
        self._now_ms += round(seconds * 1_000)

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock, forward or back."""
        self._now_ms += round(seconds * 1_000)
