"""A pixel's events by type, as they were seen and as they were counted. Knows no catalog and no HTTP."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Literal

from typing_extensions import TypedDict

from pixelwire.event import PIXEL_EVENT_TYPES, PixelEventType
from pixelwire.manage.documented import HexText, Time
from pixelwire.manage.period import Period
from pixelwire.record.reader import Reader
from pixelwire.times import hour_iso, iso_s

TypeName = Literal["ADD_TO_CART", "LEAD", "PAGE_VIEW", "PURCHASE"]


class PixelEvent(TypedDict):
    id: HexText
    type: TypeName
    created_at: Time
    last_activity_at: Time


class HistoricalEvent(TypedDict):
    type: TypeName
    hour_partition: Time
    count: int


def events_seen(reader: Reader, number: int, pixel_id: str) -> list[PixelEvent]:
    """One per type that was ever seen, in the order of the types' names; survives retention."""
    seen: dict[PixelEventType, tuple[int, int]] = {}
    for signal, (first_ms, last_ms) in reader.activity(number).items():
        kind = PIXEL_EVENT_TYPES.get(signal)
        if kind is not None:
            first, last = seen.get(kind, (first_ms, last_ms))
            seen[kind] = (min(first, first_ms), max(last, last_ms))
    return [
        {
            "id": event_id(pixel_id, kind),
            "type": kind.value,
            "created_at": iso_s(first_ms),
            "last_activity_at": iso_s(last_ms),
        }
        for kind, (first_ms, last_ms) in sorted(seen.items())
    ]


def events_counted(reader: Reader, number: int, period: Period) -> list[HistoricalEvent]:
    """Hour by hour, oldest first, then by type. The cost follows the hours asked for."""
    counts: dict[tuple[int, PixelEventType], int] = {}
    for (hour, signal), amount in reader.signal_counts(number, *period).items():
        kind = PIXEL_EVENT_TYPES.get(signal)
        if kind is not None:
            counts[hour, kind] = counts.get((hour, kind), 0) + amount
    return list(_partitions(sorted(counts.items())))


def event_id(pixel_id: str, kind: PixelEventType) -> str:
    """32 hex digits: always the same for a pixel and a type, so nothing has to be kept."""
    return blake2b(f"{pixel_id}:{kind}".encode(), digest_size=16).hexdigest()


def _partitions(counts: Iterable[tuple[tuple[int, PixelEventType], int]]) -> Iterable[HistoricalEvent]:
    for (hour, kind), amount in counts:
        yield {"type": kind.value, "hour_partition": hour_iso(hour), "count": amount}
