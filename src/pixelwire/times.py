"""Times as text: RFC 3339 in UTC, with milliseconds for events and without for the management API."""

from datetime import UTC, datetime

from pixelwire.clock import DAY_MS, HOUR_MS


def iso_ms(at_ms: int) -> str:
    """`2026-01-23T04:56:07.089Z`"""
    seconds, milliseconds = divmod(at_ms, 1_000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}Z"


def iso_s(at_ms: int) -> str:
    """`2026-01-23T04:56:07Z`"""
    return f"{_to_the_second(at_ms // 1_000)}Z"


def hour_of(at_ms: int) -> int:
    """The number of whole hours since 1970: the key under which an event is counted."""
    return at_ms // HOUR_MS


def hour_iso(hour: int) -> str:
    """The start of an hour as text."""
    return iso_s(hour * HOUR_MS)


def day_start_ms(text: str) -> int:
    """The first millisecond of a `yyyy-MM-dd` day, UTC. ValueError for any other form."""
    if len(text) != 10:
        raise ValueError("a day is written yyyy-MM-dd")
    return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) // 86_400 * DAY_MS


def _to_the_second(seconds: int) -> str:
    # Not strftime: its %Y has fewer than four digits for a year before 1000, which people may ask for.
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
