"""One event on its way through the courier, and the rows and items made of it. Pure."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pixelwire.deliver.envelope import read_envelope
from pixelwire.deliver.parking import Parked
from pixelwire.destinations.base import Item, ItemResult
from pixelwire.event import Call, StoredEvent
from pixelwire.routing.route import Failed, Filtered

# What came of one event: as its destination answered, or its owner's route before it was sent.
Outcome = ItemResult | Filtered | Failed

RETRIED: Final = "its owner wants it sent again"
FOLLOWS: Final = "waits for an earlier event of the same visitor"
EXPIRED: Final = "removed by retention before it could be sent"


class Ticket(msgspec.Struct, eq=False):
    seq: int
    pixel: int
    call: int
    received_ms: int
    message_id: str
    identity: str
    identity_key: int
    payload: bytes
    row: Parked | None = None  # when it was parked
    attempts: int = 0  # since it is tried, or tried anew as a dead letter
    signal: int = 0
    held_s: float = 0.0  # monotonic: since when it is in memory
    failed_casts: int = 0  # of its payload as it was sent last

    @property
    def attempts_in_all(self) -> int:
        return self.attempts + (self.row.attempts_before if self.row else 0)

    @property
    def letter(self) -> int:
        """The number of the dead letter that is sent again by it; 0: it is none."""
        return self.row.letter if self.row else 0


def ticket_of(event: StoredEvent, row: Parked | None = None, *, held_s: float = 0.0) -> Ticket:
    message_id, identity, identity_key = read_envelope(event.payload)
    return Ticket(
        seq=event.seq,
        pixel=event.pixel,
        call=event.call,
        received_ms=event.received_ms,
        message_id=message_id,
        identity=identity,
        identity_key=identity_key,
        payload=event.payload,
        row=row,
        attempts=row.attempts if row else 0,
        signal=event.signal,
        held_s=held_s,
    )


def expired_ticket(row: Parked) -> Ticket:
    """Of an event that is no longer on disk."""
    return Ticket(row.seq, 0, 0, 0, "", "", row.identity_key, b"", row, row.attempts)


def event_of(ticket: Ticket) -> StoredEvent:
    """The event as it was stored."""
    return StoredEvent(
        ticket.seq, ticket.pixel, ticket.received_ms, ticket.call, ticket.signal, ticket.payload, b""
    )


def item_of(
    ticket: Ticket,
    pixel_id: Callable[[int], str],
    replay: str = "",
    *,
    payload: bytes | None = None,
    identity: str = "",
) -> Item:
    """`payload` and the `identity` in it: where they are not as they were stored."""
    return Item(
        seq=ticket.seq,
        message_id=ticket.message_id,
        pixel_id=pixel_id(ticket.pixel),
        call="track" if ticket.call == Call.TRACK else "page",
        received_ms=ticket.received_ms,
        identity=ticket.identity if payload is None else identity,
        attempt=ticket.attempts_in_all + 1,
        payload=ticket.payload if payload is None else payload,
        replay=replay,
    )


def park_row(destination: int, row: Parked, reason: str) -> tuple[Any, ...]:
    """The values of `-- name: park`."""
    return (
        destination,
        row.seq,
        row.identity_key,
        row.attempts,
        row.failing_ms,
        row.next_ms,
        reason,
    )


def bury_row(destination: int, ticket: Ticket, reason: str, now_ms: int) -> tuple[Any, ...]:
    """The values of `-- name: bury`."""
    return (
        destination,
        ticket.seq,
        ticket.pixel,
        ticket.message_id,
        ticket.attempts,
        reason,
        now_ms,
        ticket.payload,
        ticket.received_ms,
        ticket.call,
        ticket.signal,
    )
