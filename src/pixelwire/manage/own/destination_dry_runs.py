"""`.../destinations/{destination_id}/dry-run`: what its rules would do to events. Sends nothing."""

from typing import Annotated, Any, Literal, NotRequired

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.errors import InvalidFields
from pixelwire.limits import DRY_RUN_EVENTS_MAX
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import ReachableBusinessId, ThePrincipal
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import HexText, problems
from pixelwire.manage.dry_runs import LAST_DEFAULT, Wanted, dry_run, dry_run_rows
from pixelwire.manage.fields import Body
from pixelwire.manage.office import TheOffice
from pixelwire.manage.own.destination_rules import FilterTable, TransformList, check_transforms
from pixelwire.manage.own.destinations import DestinationId, reachable_destination
from pixelwire.manage.routes import GuardedRoute
from pixelwire.routing.route import parse_route

router = APIRouter(
    prefix="/businesses/{business_id}/destinations", tags=["Destinations"], route_class=GuardedRoute
)


class DryRunBody(Body):
    payload: Annotated[dict[str, Any] | None, Field(description="An event that is not stored.")] = None
    message_id: Annotated[str | None, Field(description="A stored event.")] = None
    last: Annotated[
        int, Field(description="Without these two: so many of the newest.", ge=1, le=DRY_RUN_EVENTS_MAX)
    ] = LAST_DEFAULT
    pixel_id: Annotated[
        str | None, Field(description="Only its events; of a payload, whose event it would be.")
    ] = None
    filters: Annotated[FilterTable | None, Field(description="To try instead of the destination's own.")] = (
        None
    )
    transforms: Annotated[TransformList | None, Field(description="To try instead of its own.")] = None


class ChangeAnswer(TypedDict):
    path: str
    before: NotRequired[Annotated[Any, Field(description="Absent: there was nothing.")]]
    after: NotRequired[Annotated[Any, Field(description="Absent: it was taken away.")]]


class StepAnswer(TypedDict):
    rule: Annotated[str, Field(examples=["filters", "transform 2 (cast)"])]
    outcome: Literal["passed", "filtered", "failed"]
    reason: str | None
    failed_casts: Annotated[int, Field(description="Values that stayed text.")]
    changes: list[ChangeAnswer]


class DryRunAnswer(TypedDict):
    message_id: str | None
    pixel_id: HexText | None
    seq: Annotated[int | None, Field(description="Null for a payload that was given.")]
    call: Literal["page", "track"]
    signal: str | None
    outcome: Annotated[
        Literal["sent", "filtered", "failed"], Field(description="What would become of the event.")
    ]
    reason: str | None
    failed_casts: int
    payload: Annotated[dict[str, Any] | None, Field(description="As it would be sent.")]
    steps: Annotated[list[StepAnswer], Field(description="The last one says what became of the event.")]


class DryRunsAnswer(TypedDict):
    events: list[DryRunAnswer]


@router.post(
    "/{destination_id}/dry-run",
    response_model=DryRunsAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Try out filters and transforms",
)
async def dry_run_destination(
    office: TheOffice,
    principal: ThePrincipal,
    business_id: ReachableBusinessId,
    destination_id: DestinationId,
    body: DryRunBody,
) -> Response:
    """What the destination would get of a payload, a stored event, or the newest ones. Nothing is sent."""
    if body.payload is not None and body.message_id is not None:
        raise InvalidFields(["message_id: can not be given with a payload"])
    wanted = Wanted(body.payload, body.message_id, body.last, body.pixel_id)

    def run(desk: Desk) -> list[dict[str, Any]]:
        found = reachable_destination(desk, business_id, destination_id)
        if body.transforms is not None and body.transforms != found.transforms:
            check_transforms(principal, body.transforms)
        route = parse_route(
            found.filters if body.filters is None else body.filters,
            found.transforms if body.transforms is None else body.transforms,
        )
        return dry_run_rows(dry_run(desk.catalog, desk.reader, found, route, wanted))

    return json_answer({"events": await office.desks.long(run)})
