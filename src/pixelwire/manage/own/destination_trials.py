"""`.../destinations/{destination_id}/test`: sends one event now, and shows what came back."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.pixels import Pixel
from pixelwire.destinations.base import Surroundings
from pixelwire.errors import InvalidFields, NotFound
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import ReachableBusinessId
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import problems
from pixelwire.manage.fields import Body
from pixelwire.manage.office import Office, TheOffice
from pixelwire.manage.own.destinations import DestinationId, reachable_destination
from pixelwire.manage.routes import GuardedRoute
from pixelwire.manage.trial import (
    Outcome,
    Subject,
    made_subject,
    pixel_for,
    stored_subject,
    try_destination,
)

router = APIRouter(
    prefix="/businesses/{business_id}/destinations/{destination_id}/test",
    tags=["Destinations"],
    route_class=GuardedRoute,
)


class WantedTest(Body):
    pixel_id: Annotated[
        str, Field(description="Whose event it is. Default: the first that the destination covers.")
    ] = Field(default_factory=str)
    message_id: Annotated[
        str, Field(description="A stored event of `pixel_id`. Default: one that is made for the test.")
    ] = Field(default_factory=str)


class TestAnswer(TypedDict):
    outcome: Annotated[
        Outcome,
        Field(description="`sent`: confirmed. `retry`: the courier would try again. `refused`: for good."),
    ]
    reason: Annotated[str | None, Field(description="What the destination said, cut.")]
    advice: Annotated[str | None, Field(description="What to do.")]
    took_ms: int
    message_id: str


@router.post(
    "",
    response_model=TestAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Send one event now",
)
async def send_test_event(
    office: TheOffice,
    business_id: ReachableBusinessId,
    destination_id: DestinationId,
    body: WantedTest | None = None,
) -> Response:
    """A real send, past the queue, with the destination's transforms: 200 whatever came of it. A made event
    is marked (`pixelwire-test-` before its id, `"test": true`) and sent whatever the filters say. One at a
    time for a business, at most 20 seconds.
    """
    wanted = body or WantedTest()

    def prepare(desk: Desk) -> tuple[Destination, Subject]:
        found = reachable_destination(desk, business_id, destination_id)
        return found, _subject(desk, office, found, wanted)

    destination, subject = await office.desks.short(prepare)
    surroundings = Surroundings(office.clock, office.options.allow_private_destinations)
    report = await office.trials.run(business_id, lambda: try_destination(destination, subject, surroundings))
    answer = {
        "outcome": report.outcome,
        "reason": report.reason or None,
        "advice": report.advice or None,
        "took_ms": report.took_ms,
        "message_id": report.message_id,
    }
    return json_answer(answer)


def _subject(desk: Desk, office: Office, destination: Destination, wanted: WantedTest) -> Subject:
    if wanted.message_id and not wanted.pixel_id:
        raise InvalidFields(["pixel_id: is required with message_id"])
    if wanted.message_id:
        return stored_subject(desk.reader, _pixel(desk, destination, wanted.pixel_id), wanted.message_id)
    if wanted.pixel_id:
        return made_subject(_pixel(desk, destination, wanted.pixel_id), office.clock)
    pixels, _ = desk.catalog.pixels(destination.business_id)
    return made_subject(pixel_for(destination, pixels), office.clock)


def _pixel(desk: Desk, destination: Destination, pixel_id: str) -> Pixel:
    """Another business's looks as if it were not there."""
    try:
        found = desk.catalog.pixel(pixel_id)
    except NotFound:
        found = None
    if found is None or found.business_id != destination.business_id:
        raise InvalidFields(["pixel_id: the business has no such pixel"])
    return found
