"""The stretch of time that is compared. Knows what is sure at its ends, and no log."""

from typing import Final, NamedTuple

from pixelwire.clock import HOUR_MS
from pixelwire.times import hour_of

SKEW_MS: Final = 1_000  # between the proxy's clock and the server's
SLACK_MS: Final = 60_000  # between receiving an event and the line that tells of it, at most


class Period(NamedTuple):
    """From `from_ms` to `to_ms`, in the time of the logs.

    An end is sure when somebody said that the logs hold everything up to it. Else it is where their lines
    begin or end, and what is stored near it may stand in a log that was not given.
    """

    from_ms: int
    to_ms: int
    is_from_sure: bool = True
    is_to_sure: bool = True

    @property
    def hours(self) -> range:
        """Every hour it touches."""
        return range(hour_of(self.from_ms), hour_of(max(self.to_ms - 1, self.from_ms)) + 1)

    def covers(self, hour: int) -> bool:
        """Whether the logs hold everything of an hour."""
        return self.inner_from_ms <= hour * HOUR_MS and (hour + 1) * HOUR_MS <= self.inner_to_ms

    @property
    def inner_from_ms(self) -> int:
        """From here on every event must be in the logs."""
        return self.from_ms if self.is_from_sure else self.from_ms + SLACK_MS

    @property
    def inner_to_ms(self) -> int:
        """Up to here every event must be in the logs."""
        return self.to_ms if self.is_to_sure else self.to_ms - SLACK_MS
