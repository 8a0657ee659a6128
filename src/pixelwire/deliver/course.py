"""What a loop is to send: all that a destination gets, or a stretch of it once more. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pixelwire.catalog.snapshot import DestinationEntry
from pixelwire.catalog.wishes import StartReplay
from pixelwire.event import StoredEvent
from pixelwire.routing.route import parse_route


class Course(msgspec.Struct, frozen=True):
    """For a replay, `id` and `replay` are the same and `end_seq` is where it is done."""

    id: str  # of its row in delivery.db
    destination_id: str
    start_after: int
    replay: str = ""
    end_seq: int | None = None
    from_ms: int = 0  # a replay's events were received then or later
    to_ms: int = 0  # and before
    pixels: frozenset[int] | None = None  # only theirs
    filters: dict[str, Any] = {}

    def head(self, head: int) -> int:
        """How far it may read."""
        return head if self.end_seq is None else min(head, self.end_seq)

    def pixels_of(self, pixels: frozenset[int]) -> frozenset[int]:
        """Those of the destination's pixels whose events it sends."""
        return pixels if self.pixels is None else pixels & self.pixels


EVERYTHING: Final = Course("", "", 0)


class Choice:
    """Which events of its stretch a replay sends. The destination's own filters come after it."""

    def __init__(self, course: Course) -> None:
        """InvalidFields for filters that this version does not know."""
        self._course = course
        self._route = parse_route(course.filters, None)

    def of(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        course = self._course
        if not course.replay:
            return events
        in_time = [event for event in events if course.from_ms <= event.received_ms < course.to_ms]
        if self._route.is_plain:
            return in_time
        return [event for event in in_time if self._route.verdict(event) is None]


def live(entry: DestinationEntry) -> Course:
    """All that a destination gets from its beginning on."""
    return Course(entry.id, entry.id, entry.start_after)


def replayed(id_: str, destination_id: str, wish: StartReplay, end_seq: int | None = None) -> Course:
    """A stretch once more, up to its last event or an earlier end."""
    return Course(
        id=id_,
        destination_id=destination_id,
        start_after=wish.first_seq - 1,
        replay=id_,
        end_seq=wish.end_seq if end_seq is None else end_seq,
        from_ms=wish.from_ms,
        to_ms=wish.to_ms,
        pixels=None if wish.pixels is None else frozenset(wish.pixels),
        filters=wish.filters,
    )
