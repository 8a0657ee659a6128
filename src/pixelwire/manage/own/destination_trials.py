"""`.../destinations/{destination_id}/test`: sends one event now, and shows what came back."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.destinations.base import Surroundings
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import ReachableBusinessId
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import problems
from pixelwire.manage.fields import Body
from pixelwire.manage.office import TheOffice
from pixelwire.manage.own.destinations import DestinationId, reachable_destination
from pixelwire.manage.routes import GuardedRoute
from pixelwire.manage.trial import Outcome, Subject, choose_subject, try_destination

router = APIRouter(
    prefix="/businesses/{business_id}/destinations/{destination_id}/test",
    tags=["Destinations"],
    route_class=GuardedRoute,
)


class WantedTest(Body):
    pixel_id: Annotated[
        str | None, Field(description="Whose event it is. Default: any that the destination covers.")
    ] = None
    message_id: Annotated[
        str | None, Field(description="A stored event. Default: one that is made for the test.")
    ] = None


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
        return found, choose_subject(
            desk.catalog,
            desk.reader,
            found,
            office.clock,
            pixel_id=wanted.pixel_id,
            message_id=wanted.message_id,
        )

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
