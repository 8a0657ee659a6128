"""Replays as their owner sees them: what one would send, and how those that were ordered are doing.

Sends nothing; knows no HTTP.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import Order, StartReplay
from pixelwire.deliver.course import Choice, replayed
from pixelwire.deliver.replay_state import ReplayState
from pixelwire.deliver.state import Deliveries
from pixelwire.errors import InvalidFields
from pixelwire.event import StoredEvent
from pixelwire.manage.covered import covered_pixels
from pixelwire.record.reader import Reader
from pixelwire.record.stretch import received
from pixelwire.routing.route import parse_route
from pixelwire.times import iso_ms

PAGE_EVENTS: Final = 2_000
NOT_TAKEN: Final = "the server has not taken it yet"


class Asked(msgspec.Struct, frozen=True):
    """Which events an owner wants to be sent once more."""

    from_ms: int
    to_ms: int
    pixel_ids: Sequence[str] | None = None  # None: of all pixels of the destination
    filters: dict[str, Any] = {}


def planned(catalog: Catalog, reader: Reader, destination: Destination, asked: Asked) -> StartReplay | None:
    """The order for it; None when no event of that time is stored. InvalidFields, by the names in a body."""
    if asked.from_ms >= asked.to_ms:
        raise InvalidFields(["from: must be before to"])
    parse_route(asked.filters, None)
    numbers = _numbers(catalog, destination, asked.pixel_ids)
    stretch = received(reader, asked.from_ms, asked.to_ms)
    if stretch is None:
        return None
    return StartReplay(
        asked.from_ms,
        asked.to_ms,
        stretch.first_seq,
        stretch.last_seq,
        reader.store_id(),
        numbers,
        asked.filters,
    )


class Count:
    """Counts what a replay would send, a piece at a time."""

    def __init__(self, catalog: Catalog, destination: Destination, wish: StartReplay) -> None:
        course = replayed("counted", destination.id, wish)
        self._choice = Choice(course)
        self._pixels = course.pixels_of(frozenset(covered_pixels(catalog, destination, None)))
        self._route = parse_route(destination.filters, None)
        self._start, self._end = wish.first_seq - 1, wish.end_seq
        self._position = self._start
        self.events = 0
        self.filtered = 0  # by the destination's own filters
        self.first: StoredEvent | None = None
        self.last: StoredEvent | None = None

    @property
    def is_whole(self) -> bool:
        """Everything was counted."""
        return self._position >= self._end

    @property
    def share(self) -> float:
        """How much of its stretch was looked at, 0 to 1."""
        return min((self._position - self._start) / max(self._end - self._start, 1), 1.0)

    def go_on(self, reader: Reader, seconds: float) -> None:
        """For about so long, or to the end."""
        until_s = time.monotonic() + seconds
        while not self.is_whole:
            page = reader.read(self._position, limit=PAGE_EVENTS, pixels=self._pixels)
            for event in self._choice.of([event for event in page.events if event.seq <= self._end]):
                self._take(event)
            self._position = self._end if page.at_head else page.scanned_to
            if time.monotonic() > until_s:
                return

    def _take(self, event: StoredEvent) -> None:
        if self._route.verdict(event) is not None:
            self.filtered += 1
            return
        self.events += 1
        self.first, self.last = self.first or event, event


def count_row(count: Count | None) -> dict[str, Any]:
    """As the API and the command line show it; None: no event of that time is stored."""
    if count is None:
        return {"events": 0, "at_least": False, "filtered": 0, "first": None, "last": None}
    return {
        "events": count.events,
        "at_least": not count.is_whole,
        "filtered": count.filtered,
        "first": _place(count.first),
        "last": _place(count.last),
    }


def replay_rows(
    catalog: Catalog, deliveries: Deliveries, destination: Destination, now_ms: int
) -> list[dict[str, Any]]:
    """All replays to a destination, newest first; those that the courier has not taken yet too."""
    pixels = {pixel.number: pixel.id for pixel in catalog.pixels(destination.business_id)[0]}
    taken = deliveries.replays(destination.id)
    known = {replay.id for replay in taken}
    rows = [
        row
        for order in reversed(catalog.orders(destination.id))
        if order.id not in known and (row := _order_row(deliveries, order, pixels))
    ]
    return rows + [_state_row(replay, pixels, now_ms) for replay in taken]


def _numbers(catalog: Catalog, destination: Destination, pixel_ids: Sequence[str] | None) -> list[int] | None:
    if pixel_ids is None:
        return None
    known = {pixel.id: number for number, pixel in covered_pixels(catalog, destination, None).items()}
    if foreign := [pixel_id for pixel_id in pixel_ids if pixel_id not in known]:
        raise InvalidFields(
            [f"pixel_ids: the destination gets no events of a pixel {pixel_id}" for pixel_id in foreign]
        )
    return [known[pixel_id] for pixel_id in pixel_ids]


def _place(event: StoredEvent | None) -> dict[str, Any] | None:
    return None if event is None else {"seq": event.seq, "received_at": iso_ms(event.received_ms)}


def _order_row(deliveries: Deliveries, order: Order, pixels: dict[int, str]) -> dict[str, Any] | None:
    """Of one that has no row of its own (yet)."""
    if not isinstance(order.wish, StartReplay):
        return None
    taken = deliveries.order(order.id)
    if taken is not None and taken.done_ms is not None and not taken.problem:
        return None  # its row went long after its end
    return {
        "id": order.id,
        "state": "cancelled" if taken and taken.problem else "waiting",
        "reason": taken.problem if taken and taken.problem else NOT_TAKEN,
        **_wish_row(order.wish, pixels),
        "first_seq": order.wish.first_seq,
        "last_seq": order.wish.end_seq,
        "cursor": order.wish.first_seq - 1,
        "progress": 0.0,
        **dict.fromkeys(("sent", "filtered", "retried", "parked", "dead", "expired"), 0),
        "created_at": iso_ms(order.created_ms),
        "started_at": None,
        "finished_at": None,
        "sent_per_s": None,
    }


def _state_row(replay: ReplayState, pixels: dict[int, str], now_ms: int) -> dict[str, Any]:
    return {
        "id": replay.id,
        "state": replay.state,
        "reason": replay.reason or None,
        **_wish_row(replay.wish, pixels),
        "first_seq": replay.first_seq,
        "last_seq": replay.last_seq,
        "cursor": replay.cursor,
        "progress": round(replay.share, 4),
        "sent": replay.sent,
        "filtered": replay.filtered,
        "retried": replay.retried,
        "parked": replay.parked,
        "dead": replay.dead_letters,
        "expired": replay.expired,
        "created_at": iso_ms(replay.created_ms),
        "started_at": None if replay.started_ms is None else iso_ms(replay.started_ms),
        "finished_at": None if replay.finished_ms is None else iso_ms(replay.finished_ms),
        "sent_per_s": _rate(replay, now_ms),
    }


def _wish_row(wish: StartReplay, pixels: dict[int, str]) -> dict[str, Any]:
    chosen = None if wish.pixels is None else [pixels[number] for number in wish.pixels if number in pixels]
    return {
        "from": iso_ms(wish.from_ms),
        "to": iso_ms(wish.to_ms),
        "pixel_ids": chosen,
        "filters": wish.filters,
    }


def _rate(replay: ReplayState, now_ms: int) -> float | None:
    """Events a second since it began; None before that."""
    if replay.started_ms is None:
        return None
    took_ms = (now_ms if replay.finished_ms is None else replay.finished_ms) - replay.started_ms
    return round(replay.sent * 1_000 / max(took_ms, 1), 1)
