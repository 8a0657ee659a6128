"""One request becomes an event, or is told why not: the steps of wire.md 1.4 in their order.

Knows nothing of ASGI and of what becomes of the event.
"""

from typing import NamedTuple, Protocol

from pixelwire import signals
from pixelwire.catalog.snapshot import PixelEntry
from pixelwire.collect import answers, headers, payload, privacy
from pixelwire.collect.address import NO_ADDRESS, ClientAddress
from pixelwire.collect.compose import compose
from pixelwire.collect.headers import Headers
from pixelwire.collect.nest import Object, nest
from pixelwire.collect.paths import DropReason, Paths
from pixelwire.collect.query import parse
from pixelwire.collect.rate import Door
from pixelwire.collect.shapes import Added, Shape, Shapes
from pixelwire.event import (
    Call,
    Event,
    Failure,
    Outcome,
    Signal,
    client_id_key,
    encode_extra,
    own_id_key,
)
from pixelwire.limits import (
    DROPPED_KEY_CHARACTERS_MAX,
    DROPPED_LISTED_MAX,
    EVENT_NAME_CHARACTERS_MAX,
    QUERY_BYTES_MAX,
)

_PAGE, _TRACK, _VIEW = int(Call.PAGE), int(Call.TRACK), int(Signal.VIEW)


class WriteKeys(Protocol):
    def find(self, write_key: str) -> PixelEntry | Failure | None: ...


class Request(NamedTuple):
    """What is looked at of a request."""

    call: Call
    method: str  # GET or HEAD
    query: bytes
    headers: Headers
    peer: str
    http_version: str


class Accepted(NamedTuple):
    event: Event
    message_id: str
    dropped: list[tuple[str, str]]  # (key, reason)


class Declined(NamedTuple):
    outcome: Outcome
    reason: str
    pixel: int = 0  # its number; 0 while it is not known


class Intake:
    def __init__(self, keys: WriteKeys, address: ClientAddress, door: Door | None = None) -> None:
        """Without a door there are no limits, and they cost nothing."""
        self._keys = keys
        self._address = address
        self._door = door
        self._paths = Paths()
        self._shapes = Shapes(self._paths)
        self._timestamps = payload.Timestamps()

    def take(self, request: Request, received_ms: int) -> Accepted | Declined:
        """Raises nothing, whatever the request holds."""
        if len(request.query) > QUERY_BYTES_MAX:
            return Declined(Outcome.REFUSED, answers.QUERY_TOO_LONG)
        now = self._timestamps.iso(received_ms)
        if request.method == "GET" and (shaped := self._shapes.find(request.call, request.query)):
            taken = self._take_shaped(*shaped, request, received_ms, now)
            if taken is not None:
                return taken
        return self._take(request, received_ms, now)

    def _take_shaped(
        self, shape: Shape, values: list[str], request: Request, received_ms: int, now: str
    ) -> Accepted | Declined | None:
        """A request of a shape that is known. None when its values make it another one: then nothing has been
        done yet."""
        call, found = request.call, request.headers
        pixel = self._pixel(values[shape.write_key])
        if isinstance(pixel, Declined):
            return pixel
        if pixel.gpc != "store" and headers.asks_for_privacy(found):
            return None
        given = values[shape.message_id] if shape.message_id >= 0 else ""
        message_id = payload.clean_message_id(given)
        if message_id is None:
            return None
        if self._door is not None and not self._comes_in(self._door, request, pixel):
            return Declined(Outcome.REFUSED, answers.RATE_LIMITED, pixel.number)
        anonymous_id = user_id = event = ""
        if shape.anonymous_id >= 0:
            anonymous_id = values[shape.anonymous_id] = payload.without_quotes(values[shape.anonymous_id])
        if shape.user_id >= 0:
            user_id = values[shape.user_id]
        if shape.event >= 0:
            event = values[shape.event]
        if missing := _missing(call, anonymous_id, user_id, event):
            return Declined(Outcome.REFUSED, missing, pixel.number)
        if shape.name >= 0 and not values[shape.name]:
            values[shape.name] = payload.UNKNOWN_PAGE
        message_id, key = _message_id(message_id, pixel.number)
        shows_user_agent = pixel.user_agent != "none"
        added = Added(
            privacy.shown_address(self._address.of(request.peer, found), pixel.address),
            shows_user_agent,
            headers.text(found.get(b"user-agent")) if shows_user_agent and shape.wants_user_agent else "",
            headers.locale(found) if shape.wants_locale else "",
            headers.page_url(found) if shape.wants_page_url else "",
        )
        encoded = shape.fill(values, now, message_id, payload.rudder_id(user_id, anonymous_id), added)
        extra = _extra(request, pixel, [])
        return Accepted(_event(encoded, call, event, pixel, received_ms, key, extra), message_id, [])

    def _take(self, request: Request, received_ms: int, now: str) -> Accepted | Declined:
        """Any request, the long way."""
        root = payload.begin(now)
        write_key, dropped = nest(root, parse(request.query), self._paths)
        pixel = self._pixel(write_key)
        if isinstance(pixel, Declined):
            return pixel
        if self._door is not None and not self._comes_in(self._door, request, pixel):
            return Declined(Outcome.REFUSED, answers.RATE_LIMITED, pixel.number)
        anonymous_id = payload.text_of(root, "anonymousId")
        if anonymous_id:
            anonymous_id = root["anonymousId"] = payload.without_quotes(anonymous_id)
        user_id, event = payload.text_of(root, "userId"), payload.text_of(root, "event")
        if missing := _missing(request.call, anonymous_id, user_id, event):
            return Declined(Outcome.REFUSED, missing, pixel.number)
        if request.method == "HEAD":
            return Declined(Outcome.FILTERED, answers.HEAD, pixel.number)
        if pixel.gpc != "store" and headers.asks_for_privacy(request.headers):
            if pixel.gpc == "filter":
                return Declined(Outcome.FILTERED, answers.GPC, pixel.number)
            return _without_person(root, request.call, pixel, received_ms, now)
        return self._whole(root, request, pixel, received_ms, now, dropped)

    def _pixel(self, write_key: str) -> PixelEntry | Declined:
        if not write_key.strip():
            return Declined(Outcome.REFUSED, answers.WRITE_KEY_MISSING)
        pixel = self._keys.find(write_key)
        if pixel is None:
            return Declined(Outcome.REFUSED, answers.WRITE_KEY_UNKNOWN)
        if isinstance(pixel, Failure):
            return Declined(Outcome.FAILED, pixel)
        if not pixel.is_enabled:
            return Declined(Outcome.REFUSED, answers.PIXEL_DISABLED, pixel.number)
        return pixel

    def _comes_in(self, door: Door, request: Request, pixel: PixelEntry) -> bool:
        address = NO_ADDRESS
        if door.asks_address:
            address = self._address.of(request.peer, request.headers, is_noted=False)
        return door.is_open(address, pixel.number)

    def _whole(
        self,
        root: Object,
        request: Request,
        pixel: PixelEntry,
        received_ms: int,
        now: str,
        dropped: list[tuple[str, str]],
    ) -> Accepted:
        call, found = request.call, request.headers
        given = payload.clean_message_id(root.pop("messageId", ""))
        if given is None:
            dropped.append(("messageId", DropReason.MESSAGE_ID))
        message_id, key = _message_id(given or "", pixel.number)
        compose(
            root,
            call,
            found,
            message_id=message_id,
            rudder_id=payload.rudder_id(
                payload.text_of(root, "userId"), payload.text_of(root, "anonymousId")
            ),
            now=now,
            address=privacy.shown_address(self._address.of(request.peer, found), pixel.address),
            shows_user_agent=pixel.user_agent != "none",
        )
        event = payload.text_of(root, "event")
        extra = _extra(request, pixel, dropped)
        made = _event(payload.encode(root), call, event, pixel, received_ms, key, extra)
        return Accepted(made, message_id, dropped)


def _missing(call: Call, anonymous_id: str, user_id: str, event: str) -> str:
    """What an event can not be without."""
    if not (anonymous_id.strip() or user_id.strip()):
        return answers.IDENTITY_MISSING
    if call is Call.TRACK and not event.strip():
        return answers.EVENT_MISSING
    return ""


def _message_id(given: str, pixel: int) -> tuple[str, int]:
    """The client's id, else one of ours; and the key it is found by."""
    if given:
        return given, client_id_key(pixel, given)
    message_id = payload.new_message_id()
    return message_id, own_id_key(message_id)


def _extra(request: Request, pixel: PixelEntry, dropped: list[tuple[str, str]]) -> bytes:
    """What the receipt shows beside the payload, encoded."""
    facts = privacy.permitted_facts(
        headers.facts(request.headers, request.method, request.http_version),
        address=pixel.address,
        user_agent=pixel.user_agent,
    )
    listed = [(name[:DROPPED_KEY_CHARACTERS_MAX], reason) for name, reason in dropped[:DROPPED_LISTED_MAX]]
    return encode_extra(listed, len(dropped), facts)


def _without_person(root: Object, call: Call, pixel: PixelEntry, received_ms: int, now: str) -> Accepted:
    """The visitor asked for privacy and the pixel counts all the same: nothing of the person is kept."""
    kept = privacy.without_person(root, has_event=call is Call.TRACK)
    message_id = payload.new_message_id()
    payload.end(kept, call, message_id=message_id, rudder_id=None, received_at=now)
    kept["context"] = {"gpc": True}
    name = payload.text_of(kept, "event")
    event = _event(payload.encode(kept), call, name, pixel, received_ms, own_id_key(message_id), b"")
    return Accepted(event, message_id, [])


def _event(
    encoded: bytes, call: Call, event: str, pixel: PixelEntry, received_ms: int, key: int, extra: bytes
) -> Event:
    """`event` is a track's name."""
    if call is Call.PAGE:
        return Event(pixel.number, received_ms, _PAGE, _VIEW, None, key, encoded, extra)
    signal, name = signals.of_track(event, pixel.rules), event[:EVENT_NAME_CHARACTERS_MAX]
    return Event(pixel.number, received_ms, _TRACK, signal, name, key, encoded, extra)
