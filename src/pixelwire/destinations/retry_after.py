"""The `Retry-After` header: seconds or an HTTP-date (RFC 9110, 10.2.3). Knows no HTTP library."""

from datetime import UTC
from email.utils import parsedate_to_datetime


def retry_after_s(value: str | None, now_ms: int) -> float | None:
    """Seconds to wait from `now_ms` on, never below 0. None when absent or neither of the two forms."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:  # "-0000": the header has no other zone than GMT
        at = at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now_ms / 1_000)
