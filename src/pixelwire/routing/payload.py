"""A payload as JSON text and as an object, and what of it no transform may change. Knows no rule."""

from typing import Any, Final, NoReturn, TypeAlias

import msgspec

from pixelwire.event import Call, Signal, StoredEvent

Object: TypeAlias = dict[str, Any]

KEPT: Final = ("messageId", "type")  # the first makes a repeat harmless, the second says what an event is
PLACEHOLDER: Final = "anonymous"  # what the printed tag says in place of an identity


class RouteFailed(Exception):
    """An event can not be brought into the shape its owner declared. The text holds nothing of the event."""


class EventFacts(msgspec.Struct, frozen=True):
    """What a transform knows of an event beside its payload, as the event was recorded."""

    seq: int
    call: str  # page or track
    signal: str  # VIEW, PURCHASE, ...; "" for none
    received_ms: int
    message_id: str
    identity: str  # userId, else anonymousId; "" for nobody


class _Name(msgspec.Struct):
    event: Any = None


_object_decoder: Final = msgspec.json.Decoder(Object)
_name_decoder: Final = msgspec.json.Decoder(_Name)
_encoder: Final = msgspec.json.Encoder()


def read(payload: bytes) -> Object:
    """RouteFailed when it is no JSON object."""
    try:
        return _object_decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        _refuse(exc)


def read_name(payload: bytes) -> object:
    """The member `event` alone, which costs a tenth of the whole. RouteFailed when it is no JSON object."""
    try:
        return _name_decoder.decode(payload).event
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        _refuse(exc)


def written(payload: Object) -> bytes:
    return _encoder.encode(payload)


def facts_of(event: StoredEvent, payload: Object) -> EventFacts:
    message_id = payload.get("messageId")
    return EventFacts(
        seq=event.seq,
        call=call_word(event.call),
        signal=signal_word(event.signal),
        received_ms=event.received_ms,
        message_id=message_id if isinstance(message_id, str) else "",
        identity=identity_of(payload),
    )


def identity_of(payload: Object) -> str:
    """`userId`, else `anonymousId`; "" for nobody: blank, absent, no text, or the tag's placeholder."""
    for name in ("userId", "anonymousId"):
        value = payload.get(name)
        if isinstance(value, str) and value.strip() and value.strip() != PLACEHOLDER:
            return value
    return ""


def call_word(call: int) -> str:
    return Call.TRACK.word if call == Call.TRACK else Call.PAGE.word


def signal_word(signal: int) -> str:
    return Signal(signal).name if signal in _SIGNALS else ""


_SIGNALS: Final = frozenset(Signal)


def _refuse(exc: Exception) -> NoReturn:
    raise RouteFailed("the payload is no JSON object that can be read") from exc
