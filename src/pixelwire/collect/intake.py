"""One request becomes an event, or is told why not: the steps of wire.md 1.4 in their order.

Knows nothing of ASGI and of what becomes of the event.
"""

from typing import Final, NamedTuple, Protocol

import msgspec

from pixelwire import signals
from pixelwire.catalog.snapshot import PixelEntry
from pixelwire.collect import answers, headers, payload, privacy
from pixelwire.collect.address import NO_ADDRESS, ClientAddress
from pixelwire.collect.context import enrich, share_basics
from pixelwire.collect.headers import Headers
from pixelwire.collect.nest import Object, nest
from pixelwire.collect.paths import DropReason, Paths
from pixelwire.collect.query import parse
from pixelwire.collect.rate import Door
from pixelwire.event import Call, Event, Extra, Failure, Outcome, Signal, client_id_key, own_id_key
from pixelwire.limits import (
    DROPPED_KEY_CHARACTERS_MAX,
    DROPPED_LISTED_MAX,
    EVENT_NAME_CHARACTERS_MAX,
    QUERY_BYTES_MAX,
)

_encode_extra: Final = msgspec.json.Encoder().encode


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
        self._timestamps = payload.Timestamps()

    def take(self, request: Request, received_ms: int) -> Accepted | Declined:
        """Raises nothing, whatever the request holds."""
        if len(request.query) > QUERY_BYTES_MAX:
            return Declined(Outcome.REFUSED, answers.QUERY_TOO_LONG)
        now = self._timestamps.iso(received_ms)
        root = payload.begin(now)
        write_key, dropped = nest(root, parse(request.query), self._paths)
        pixel = self._pixel(write_key)
        if isinstance(pixel, Declined):
            return pixel
        if self._door is not None and not self._comes_in(self._door, request, pixel):
            return Declined(Outcome.REFUSED, answers.RATE_LIMITED, pixel.number)
        payload.take_quotes_off(root)
        if missing := _missing(root, request.call):
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
        message_id, key = _message_id(root, pixel.number, dropped)
        rudder_id = payload.rudder_id(payload.text_of(root, "userId"), payload.text_of(root, "anonymousId"))
        payload.end(root, call, message_id=message_id, rudder_id=rudder_id, received_at=now)
        address = privacy.shown_address(self._address.of(request.peer, found), pixel.address)
        if address:
            root["request_ip"] = address
        enrich(root, found, address=address, shows_user_agent=pixel.user_agent != "none")
        if call is Call.PAGE:
            payload.name_page(root)
            share_basics(root)
        facts = privacy.permitted_facts(
            headers.facts(found, request.method, request.http_version),
            address=pixel.address,
            user_agent=pixel.user_agent,
        )
        listed = [
            (name[:DROPPED_KEY_CHARACTERS_MAX], reason) for name, reason in dropped[:DROPPED_LISTED_MAX]
        ]
        extra = _encode_extra(Extra(listed, len(dropped), facts))
        return Accepted(_event(root, call, pixel, received_ms, key, extra), message_id, dropped)


def _missing(root: Object, call: Call) -> str:
    """What an event can not be without."""
    if not (payload.text_of(root, "anonymousId").strip() or payload.text_of(root, "userId").strip()):
        return answers.IDENTITY_MISSING
    if call is Call.TRACK and not payload.text_of(root, "event").strip():
        return answers.EVENT_MISSING
    return ""


def _message_id(root: Object, pixel: int, dropped: list[tuple[str, str]]) -> tuple[str, int]:
    """The client's id, else one of ours; and the key it is found by."""
    if "messageId" in root:
        given = payload.clean_message_id(root.pop("messageId"))
        if given:
            return given, client_id_key(pixel, given)
        if given is None:
            dropped.append(("messageId", DropReason.MESSAGE_ID))
    message_id = payload.new_message_id()
    return message_id, own_id_key(message_id)


def _without_person(root: Object, call: Call, pixel: PixelEntry, received_ms: int, now: str) -> Accepted:
    """The visitor asked for privacy and the pixel counts all the same: nothing of the person is kept."""
    kept = privacy.without_person(root, has_event=call is Call.TRACK)
    message_id = payload.new_message_id()
    payload.end(kept, call, message_id=message_id, rudder_id=None, received_at=now)
    kept["context"] = {"gpc": True}
    event = _event(kept, call, pixel, received_ms, own_id_key(message_id), b"")
    return Accepted(event, message_id, [])


def _event(root: Object, call: Call, pixel: PixelEntry, received_ms: int, key: int, extra: bytes) -> Event:
    if call is Call.PAGE:
        signal, name = int(Signal.VIEW), None
    else:
        event = payload.text_of(root, "event")
        signal, name = signals.of_track(event, pixel.rules), event[:EVENT_NAME_CHARACTERS_MAX]
    return Event(pixel.number, received_ms, int(call), signal, name, key, payload.encode(root), extra)
