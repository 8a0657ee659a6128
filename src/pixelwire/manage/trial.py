"""One event sent to a destination now, past the queue: which event, and in what shape. Knows no HTTP.

The API and `pixelwire destination test` are its callers. Nothing of it is written down: neither the
destination's place nor a receipt changes.
"""

from typing import Any, Final, Literal
from uuid import uuid4

import msgspec

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.store import Catalog
from pixelwire.clock import Clock
from pixelwire.destinations import trial
from pixelwire.destinations.base import Item, Surroundings
from pixelwire.errors import InvalidFields, Misconfigured
from pixelwire.event import NO_SIGNAL, Call, StoredEvent
from pixelwire.manage.covered import covered_event, covered_pixels
from pixelwire.record.reader import Reader
from pixelwire.routing.payload import RouteFailed, facts_of, identity_of, read
from pixelwire.routing.route import Failed, Filtered, Route, parse_route
from pixelwire.times import iso_ms

MARK: Final = "pixelwire-test-"  # a made event's id begins with it
NO_PIXEL: Final = "0" * 32  # of a business that has none yet

Outcome = Literal["sent", "refused", "retry", "unreachable", "misconfigured", "fault", "filtered"]


class Subject(msgspec.Struct, frozen=True):
    """The event that is tried, and whose it is."""

    event: StoredEvent
    pixel_id: str
    is_made: bool  # for the test; else it is a stored one


class Report(msgspec.Struct, frozen=True):
    """What came of it. `reason` and `advice` are one line, "" where there is nothing to say."""

    outcome: Outcome
    reason: str
    advice: str
    took_ms: int
    message_id: str


def choose_subject(
    catalog: Catalog,
    reader: Reader,
    destination: Destination,
    clock: Clock,
    *,
    pixel_id: str | None = None,
    message_id: str | None = None,
) -> Subject:
    """A stored event by its id, else one that is made; of the named pixel, else of any it covers.

    InvalidFields; NotFound when there is no such event.
    """
    pixels = covered_pixels(catalog, destination, pixel_id)
    if message_id is None:
        return _made(next(iter(pixels.values()), None), clock)
    event = covered_event(reader, pixels, message_id)
    return Subject(event, pixels[event.pixel].id, is_made=False)


async def try_destination(destination: Destination, subject: Subject, surroundings: Surroundings) -> Report:
    """Transforms as the courier would; filters too, but for an event that was made for the test."""
    try:
        item = _item(_route(destination, subject), subject)
    except InvalidFields as exc:
        return _report("misconfigured", str(exc), "correct the filters and transforms", subject)
    except Misconfigured as exc:
        return _report("misconfigured", exc.text, exc.hint, subject)
    if isinstance(item, Filtered):
        return _report("filtered", item.reason, "nothing was sent: this destination does not get it", subject)
    if isinstance(item, Failed):
        advice = "nothing was sent: correct the transforms; such an event becomes a dead letter"
        return _report("refused", item.reason, advice, subject)
    done = await trial.try_out(destination.kind, destination.options, surroundings, item)
    return Report(done.outcome, done.reason, done.advice, done.took_ms, item.message_id)


def _route(destination: Destination, subject: Subject) -> Route:
    """InvalidFields for what another version took; Misconfigured for a function that is not there."""
    filters = {} if subject.is_made else destination.filters
    route = parse_route(filters, destination.transforms)
    route.load()
    return route


def _item(route: Route, subject: Subject) -> Item | Filtered | Failed:
    event = subject.event
    try:
        facts = facts_of(event, read(event.payload))
    except RouteFailed as exc:
        return Failed(str(exc))
    routed = route.apply(event)
    if isinstance(routed, Filtered | Failed):
        return routed
    return Item(
        seq=event.seq,
        message_id=facts.message_id,
        pixel_id=subject.pixel_id,
        call=Call(event.call).word,  # type: ignore[arg-type] # one of the two words
        received_ms=event.received_ms,
        identity=identity_of(read(routed.payload)),
        attempt=1,
        payload=routed.payload,
        # As a replay of its own: what names its writes by place must not take it for one that is there.
        replay=f"{MARK}{uuid4().hex}",
    )


def _report(outcome: Outcome, reason: str, advice: str, subject: Subject) -> Report:
    try:
        message_id = facts_of(subject.event, read(subject.event.payload)).message_id
    except RouteFailed:
        message_id = ""
    return Report(outcome, trial.one_line(reason), trial.one_line(advice), 0, message_id)


def _made(pixel: Pixel | None, clock: Clock) -> Subject:
    """A track event that says everywhere that it is a test."""
    now = clock.now_ms()
    time = iso_ms(now)
    payload: dict[str, Any] = {
        "anonymousId": "pixelwire-test",
        "channel": "web",
        "context": {"test": True},
        "event": "Pixelwire Test",
        "integrations": {"All": True},
        "messageId": f"{MARK}{uuid4().hex}",
        "originalTimestamp": time,
        "properties": {"test": True},
        "receivedAt": time,
        "sentAt": time,
        "timestamp": time,
        "type": Call.TRACK.word,
    }
    number = pixel.number if pixel else 0
    event = StoredEvent(0, number, now, Call.TRACK, NO_SIGNAL, msgspec.json.encode(payload), b"")
    return Subject(event, pixel.id if pixel else NO_PIXEL, is_made=True)
