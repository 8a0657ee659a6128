"""What is compared with the logs, read through the management API of a server elsewhere. Knows its calls, and
not how they are sent.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.errors import PixelwireError
from pixelwire.event import RECEIVED
from pixelwire.limits import EVENTS_PAGE_MAX, HISTORY_DAYS_MAX, PIXELS_PAGE_MAX
from pixelwire.reconcile.store import Ledger, Mark
from pixelwire.times import hour_of, iso_s

Read = Callable[[str, Mapping[str, Any]], Any]  # path and query to the JSON of the answer

MARGIN_MS: Final = HOUR_MS  # events are in order of seq, and nearly in that of time
SEQ_BITS: Final = 62


class ManagementApi:
    """The store of a server, as its API shows it to a token. Reads every event of the time, in full."""

    def __init__(self, read: Read, pixel_id: str | None = None) -> None:
        """The whole server needs an admin's token without a business; one pixel any that reaches it."""
        self._read = read
        ids = [pixel_id] if pixel_id is not None else list(_pixel_ids(read))
        self._numbers = {id_: number for number, id_ in enumerate(ids, 1)}  # for this comparison only
        self.pixel = None if pixel_id is None else self._numbers[pixel_id]
        self._pixel_id = pixel_id

    def outcomes(self, first_hour: int, last_hour: int) -> Ledger:
        path = "/api/v1/outcomes" if self._pixel_id is None else f"/api/v1/pixels/{self._pixel_id}/outcomes"
        found: Ledger = {}
        span_ms = (HISTORY_DAYS_MAX - 1) * DAY_MS
        for from_ms in range(first_hour * HOUR_MS, (last_hour + 1) * HOUR_MS, span_ms):
            to_ms = min(from_ms + span_ms, (last_hour + 1) * HOUR_MS) - 1
            told = self._read(path, {"from": iso_s(from_ms)[:10], "to": iso_s(to_ms)[:10]})
            rows = [
                (row["hour"], row["outcome"], row["reason"] or "", row["count"]) for row in told["outcomes"]
            ]
            rows += [(row["hour"], RECEIVED, "", row["count"]) for row in told.get("received", [])]
            for time, outcome, reason, amount in rows:
                if first_hour <= (hour := hour_of(_ms(time))) <= last_hour:
                    found[hour, outcome, reason] = amount
        return found

    def events(self, from_ms: int, to_ms: int) -> Iterator[Mark]:
        for pixel_id, number in self._numbers.items():
            for event in self._events_of(pixel_id, from_ms, to_ms):
                received_ms = _ms(event["received_at"])
                if from_ms <= received_ms <= to_ms:
                    yield Mark(event["message_id"], number, received_ms, event["seq"])

    def kept_from_ms(self) -> int:
        """Through the API nobody can tell what one pixel has lost; of the server it is the oldest event."""
        if self._pixel_id is not None:
            return 0
        oldest = [event for id_ in self._numbers if (event := self._first_after(id_, 0)) is not None]
        first = min(oldest, key=lambda event: int(event["seq"]), default=None)
        return 0 if first is None or first["seq"] == 1 else _ms(first["received_at"])

    def write_keys(self) -> Mapping[str, int]:
        return {
            row["key"]: number
            for pixel_id, number in self._numbers.items()
            for row in self._read(f"/api/v1/pixels/{pixel_id}/write_keys", {})["write_keys"]
        }

    def _events_of(self, pixel_id: str, from_ms: int, to_ms: int) -> Iterator[dict[str, Any]]:
        after = self._place_of(pixel_id, from_ms - MARGIN_MS)
        while True:
            page = self._page(pixel_id, after, EVENTS_PAGE_MAX)
            yield from page["events"]
            is_past = page["events"] and _ms(page["events"][-1]["received_at"]) > to_ms + MARGIN_MS
            if is_past or page["next_after"] == after:
                return
            after = page["next_after"]

    def _place_of(self, pixel_id: str, at_ms: int) -> int:
        """A seq before the pixel's first event of a time, found by halving."""
        low, high = 0, 1
        while high < 1 << SEQ_BITS and self._is_before(pixel_id, high, at_ms):
            low, high = high, high * 2
        while low + 1 < high:
            middle = (low + high) // 2
            if self._is_before(pixel_id, middle, at_ms):
                low = middle
            else:
                high = middle
        return low

    def _is_before(self, pixel_id: str, after: int, at_ms: int) -> bool:
        """Whether the pixel's next event after a seq is older than a time."""
        try:
            event = self._first_after(pixel_id, after)
        except PixelwireError:
            return False  # beyond the newest event
        return event is not None and _ms(event["received_at"]) < at_ms

    def _first_after(self, pixel_id: str, after: int) -> dict[str, Any] | None:
        while True:
            page = self._page(pixel_id, after, 1)
            if page["events"]:
                first: dict[str, Any] = page["events"][0]
                return first
            if page["next_after"] == after:
                return None
            after = page["next_after"]

    def _page(self, pixel_id: str, after: int, limit: int) -> Any:
        return self._read(f"/api/v1/pixels/{pixel_id}/events", {"after": after, "limit": limit})


def _pixel_ids(read: Read) -> Iterator[str]:
    for business in read("/ads/v3/businesses", {})["businesses"]:
        path, offset = f"/ads/v3/businesses/{business['id']}/pixels", 0
        while pixels := read(path, {"limit": PIXELS_PAGE_MAX, "offset": offset})["pixels"]:
            yield from (pixel["id"] for pixel in pixels)
            offset += len(pixels)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000)
