"""`/api/v1/pixels/{pixel_id}/events/{message_id}`: the receipt, all that is known of one event."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.deliver.state import Delivery, DeliveryState
from pixelwire.errors import NotFound
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import PixelId, ThePrincipal, reachable_pixel
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import ExactTime, UuidText, problems
from pixelwire.manage.office import TheOffice
from pixelwire.manage.own.shapes import EventAnswer, event_answer, expired_answer
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import iso_ms

router = APIRouter(prefix="/pixels/{pixel_id}/events", tags=["Events"], route_class=GuardedRoute)


class OutcomeAnswer(TypedDict):
    state: DeliveryState
    attempts: int
    reason: Annotated[str | None, Field(description="Why it is in this state, when there is more to say.")]
    at: Annotated[ExactTime | None, Field(description="When it was sent, or given up.")]
    next_at: Annotated[ExactTime | None, Field(description="When it is tried again.")]


class ReplayOutcomeAnswer(OutcomeAnswer):
    replay_id: UuidText


class DeliveryAnswer(OutcomeAnswer):
    destination_id: UuidText
    destination_name: str
    kind: str
    replays: Annotated[
        list[ReplayOutcomeAnswer],
        Field(description="What became of it each time it was sent once more; oldest first."),
    ]


class ReceiptAnswer(EventAnswer):
    deliveries: list[DeliveryAnswer]


MessageId = Annotated[
    str, Path(description="The rest of the path, slashes included, as in the header X-Pixelwire-Message-Id.")
]


@router.get(
    "/{message_id:path}",
    response_model=ReceiptAnswer,
    responses=problems(401, 403, 404),
    summary="Get an event's receipt",
)
async def get_receipt(
    office: TheOffice, principal: ThePrincipal, pixel_id: PixelId, message_id: MessageId
) -> Response:
    """The newest, when several have the id. 404 when it was never stored, or is past retention.

    What a hard limit of retention took before every destination had it keeps a receipt, without its payload.
    """

    def get(desk: Desk) -> ReceiptAnswer:
        pixel = reachable_pixel(desk, principal, pixel_id)
        event = desk.reader.find(pixel.number, message_id)
        if event is not None:
            return {**event_answer(event, pixel.id), "deliveries": _deliveries(desk, pixel, event.seq)}
        expired = desk.reader.find_expired(pixel.number, message_id)
        if expired is not None:
            left = expired_answer(expired, message_id, pixel.id)
            return {**left, "deliveries": _deliveries(desk, pixel, expired.seq, is_gone=True)}
        raise NotFound("the pixel has no event of this id; it was never stored, or is past retention")

    return json_answer(await office.desks.short(get))


def _deliveries(desk: Desk, pixel: Pixel, seq: int, *, is_gone: bool = False) -> list[DeliveryAnswer]:
    """At each destination that covers the pixel and had begun when the event was recorded, or that a replay
    has brought it to.
    """
    destinations = desk.catalog.destinations(pixel.business_id)
    replays = desk.deliveries.replays_of_event([entry.id for entry in destinations], seq)
    covering = {
        entry.id: entry
        for entry in destinations
        if entry.id in replays or (entry.start_after < seq and _has_pixel(entry, pixel))
    }
    return [
        {
            "destination_id": delivery.destination_id,
            "destination_name": covering[delivery.destination_id].name,
            "kind": covering[delivery.destination_id].kind,
            **_outcome(delivery),
            "replays": [
                {"replay_id": one.replay_id, **_outcome(one.delivery)}
                for one in replays.get(delivery.destination_id, ())
            ],
        }
        for delivery in desk.deliveries.of_event(list(covering), seq, is_gone=is_gone)
    ]


def _outcome(delivery: Delivery) -> OutcomeAnswer:
    return {
        "state": delivery.state,
        "attempts": delivery.attempts,
        "reason": delivery.reason or None,
        "at": None if delivery.at_ms is None else iso_ms(delivery.at_ms),
        "next_at": None if delivery.next_at_ms is None else iso_ms(delivery.next_at_ms),
    }


def _has_pixel(destination: Destination, pixel: Pixel) -> bool:
    return destination.pixel_ids is None or pixel.id in destination.pixel_ids
