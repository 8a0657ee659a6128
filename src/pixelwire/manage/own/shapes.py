"""A stored event as the API shows it, in lists and in receipts. Knows no route and no file.

The payload goes out byte for byte as it was stored: it is never decoded and encoded again.
"""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from typing_extensions import TypedDict

from pixelwire.event import NO_SIGNAL, Call, Signal, StoredEvent, decode_extra
from pixelwire.manage.documented import ExactTime, HexText
from pixelwire.record.reader import ExpiredEvent
from pixelwire.times import iso_ms


class DroppedParameter(TypedDict):
    key: str
    reason: str


class Dropped(TypedDict):
    total: Annotated[int, Field(description="Of all parameters that were left out.")]
    parameters: Annotated[list[DroppedParameter], Field(description="The first 100.")]


class EventAnswer(TypedDict):
    message_id: str
    pixel_id: HexText
    seq: Annotated[int, Field(description="Its place among all events of the server.")]
    received_at: ExactTime
    call: Literal["page", "track"]
    event_name: Annotated[str | None, Field(description="Of a track call.")]
    signal: Annotated[str | None, Field(description="What it counts as.")]
    dropped: Dropped
    facts: Annotated[dict[str, str], Field(description="What the request itself showed.")]
    payload: Annotated[dict[str, Any], Field(description="As stored.")]


class _PageHead(msgspec.Struct):
    message_id: str = msgspec.field(name="messageId")


class _TrackHead(msgspec.Struct):
    message_id: str = msgspec.field(name="messageId")
    event: str


_page_head = msgspec.json.Decoder(_PageHead)
_track_head = msgspec.json.Decoder(_TrackHead)


def event_answer(event: StoredEvent, pixel_id: str) -> EventAnswer:
    is_track = event.call == Call.TRACK
    event_name: str | None = None
    if is_track:
        track = _track_head.decode(event.payload)
        message_id, event_name = track.message_id, track.event
    else:
        message_id = _page_head.decode(event.payload).message_id
    extra = decode_extra(event.extra)
    return {
        "message_id": message_id,
        "pixel_id": pixel_id,
        "seq": event.seq,
        "received_at": iso_ms(event.received_ms),
        "call": "track" if is_track else "page",
        "event_name": event_name,
        "signal": signal_name(event.signal),
        "dropped": {
            "total": extra.dropped_total,
            "parameters": [{"key": key, "reason": reason} for key, reason in extra.dropped],
        },
        "facts": extra.facts,
        "payload": msgspec.Raw(event.payload),  # type: ignore[typeddict-item] # the same JSON, not decoded
    }


def expired_answer(event: ExpiredEvent, message_id: str, pixel_id: str) -> EventAnswer:
    """What is left of an event that retention took too early."""
    return {
        "message_id": message_id,
        "pixel_id": pixel_id,
        "seq": event.seq,
        "received_at": iso_ms(event.received_ms),
        "call": "track" if event.call == Call.TRACK else "page",
        "event_name": None,
        "signal": signal_name(event.signal),
        "dropped": {"total": 0, "parameters": []},
        "facts": {},
        "payload": {},
    }


def signal_name(signal: int) -> str | None:
    return None if signal == NO_SIGNAL else Signal(signal).name
