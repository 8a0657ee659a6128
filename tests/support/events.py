"""Builders of events, and the shortest way to have some on disk."""

import json
from collections.abc import Sequence
from pathlib import Path

import uuid_utils

from pixelwire.clock import Clock, SystemClock
from pixelwire.event import NO_SIGNAL, Call, Event, Signal, Tally, client_id_key, own_id_key
from pixelwire.frames import Batch
from pixelwire.record.writer import Writer


def make_event(
    pixel: int = 1,
    *,
    call: Call = Call.PAGE,
    name: str | None = None,
    signal: int | None = None,
    message_id: str | None = None,
    payload: dict[str, object] | None = None,
    received_ms: int | None = None,
    anonymous_id: str = "a1",
    extra: bytes = b"",
) -> Event:
    """One event as a worker would hand it over. With a `message_id` it is a client-given one."""
    own_id = str(uuid_utils.uuid7())
    body = {"type": call.word, "anonymousId": anonymous_id, "messageId": message_id or own_id}
    if call is Call.TRACK:
        name = name or "Clicked"
        body["event"] = name
    if signal is None:
        signal = Signal.VIEW if call is Call.PAGE else NO_SIGNAL
    return Event(
        pixel=pixel,
        received_ms=SystemClock().now_ms() if received_ms is None else received_ms,
        call=call,
        signal=signal,
        name=name,
        key=client_id_key(pixel, message_id) if message_id else own_id_key(own_id),
        payload=json.dumps({**body, **(payload or {})}, ensure_ascii=False).encode(),
        extra=extra,
    )


def make_batch(number: int, events: Sequence[Event] = (), tallies: Sequence[Tally] = ()) -> Batch:
    return Batch(number, list(tallies), list(events))


def record(data_dir: Path, events: Sequence[Event], clock: Clock | None = None) -> None:
    """Puts events on disk, as a recorder that starts, stores and stops."""
    writer = Writer.open(data_dir, clock=clock, is_inline=True)
    writer.commit([(0x5EED + writer.head, make_batch(1, events))])
    writer.close()
