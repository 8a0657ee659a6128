"""`/api/v1/businesses/{business_id}/destinations`: where a business's events are sent. Sends nothing."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.deliver.state import DestinationSummary
from pixelwire.errors import Conflict, NotFound
from pixelwire.manage.answers import empty_answer, json_answer
from pixelwire.manage.auth import ReachableBusinessId, ThePrincipal
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import problems
from pixelwire.manage.fields import Body, Flag, Name
from pixelwire.manage.office import TheOffice
from pixelwire.manage.own.destination_rules import (
    FilterTable,
    KindName,
    OptionsOfKind,
    TransformList,
    changed_options,
    check_following,
    check_options,
    check_transforms,
)
from pixelwire.manage.own.destination_shapes import DestinationAnswer, destination_answer, place_of
from pixelwire.manage.routes import GuardedRoute

PIXELS_MAX = 1_000

router = APIRouter(
    prefix="/businesses/{business_id}/destinations", tags=["Destinations"], route_class=GuardedRoute
)

DestinationId = Annotated[str, Path(description="A destination's id.")]
PixelIds = Annotated[
    list[str],
    Field(
        description="Ids of the pixels whose events it gets; null: all of the business, those to come too.",
        min_length=1,
        max_length=PIXELS_MAX,
    ),
]


class NewDestination(Body):
    name: Name
    kind: KindName
    options: OptionsOfKind = {}  # noqa: RUF012 pydantic copies it
    filters: FilterTable = {}  # noqa: RUF012 pydantic copies it
    transforms: TransformList = []  # noqa: RUF012 pydantic copies it
    pixel_ids: PixelIds | None = None
    enabled: Flag = True
    from_start: Annotated[
        Flag, Field(description="Send what is stored too, and not only what is recorded from now on.")
    ] = False


class DestinationPatch(Body):
    name: Name = Field(default_factory=str)  # absent: stays as it is
    options: Annotated[
        dict[str, Any],
        Field(
            description="Options to change; the others stay. Null takes one out. What comes back as it was "
            "shown, a hidden secret too, stays as it is."
        ),
    ] = Field(default_factory=dict)
    filters: FilterTable = Field(default_factory=dict)
    transforms: TransformList = Field(default_factory=list)
    pixel_ids: PixelIds | None = None
    enabled: Flag = Field(default_factory=bool)


class DestinationsAnswer(TypedDict):
    destinations: list[DestinationAnswer]


@router.get(
    "",
    response_model=DestinationsAnswer,
    responses=problems(400, 401, 403, 404),
    summary="List a business's destinations",
)
async def list_destinations(office: TheOffice, business_id: ReachableBusinessId) -> Response:
    """Oldest first, with how they are doing."""

    def read(desk: Desk) -> list[DestinationAnswer]:
        desk.catalog.business(business_id)
        met, head = _summaries(desk), desk.reader.head()
        return [
            destination_answer(entry, met.get(entry.id), head)
            for entry in desk.catalog.destinations(business_id)
        ]

    return json_answer({"destinations": await office.desks.short(read)})


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=DestinationAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Make a destination",
)
async def create_destination(
    office: TheOffice, principal: ThePrincipal, business_id: ReachableBusinessId, body: NewDestination
) -> Response:
    """The courier begins within a second. 403 for options that only the operator of the server sets."""

    def create(desk: Desk) -> DestinationAnswer:
        check_options(principal, body.kind, body.options)
        check_transforms(principal, body.transforms)
        start_after = 0 if body.from_start else desk.reader.head()
        made = desk.catalog.create_destination(
            business_id,
            body.kind,
            body.name,
            body.options,
            body.pixel_ids,
            start_after,
            is_enabled=body.enabled,
            filters=body.filters,
            transforms=body.transforms,
        )
        return destination_answer(made, None, desk.reader.head())

    return json_answer(await office.desks.short(create), HTTPStatus.CREATED)


@router.get(
    "/{destination_id}",
    response_model=DestinationAnswer,
    responses=problems(400, 401, 403, 404),
    summary="Get a destination",
)
async def get_destination(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId
) -> Response:
    def read(desk: Desk) -> DestinationAnswer:
        return _answer(desk, reachable_destination(desk, business_id, destination_id))

    return json_answer(await office.desks.short(read))


@router.patch(
    "/{destination_id}",
    response_model=DestinationAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Change a destination",
)
async def change_destination(
    office: TheOffice,
    principal: ThePrincipal,
    business_id: ReachableBusinessId,
    destination_id: DestinationId,
    body: DestinationPatch,
) -> Response:
    """What is absent stays. The courier follows within a second, and tries again with one that is paused."""
    given: dict[str, Any] = body.given(*DestinationPatch.model_fields)

    def change(desk: Desk) -> DestinationAnswer:
        found = reachable_destination(desk, business_id, destination_id)
        options = changed_options(found, given["options"]) if "options" in given else None
        if options is not None:
            check_options(principal, found.kind, options)
            check_following(found, options, given["options"])
        if given.get("transforms", found.transforms) != found.transforms:
            check_transforms(principal, given["transforms"])
        changed = desk.catalog.change_destination(
            found.id,
            name=given.get("name"),
            options=options,
            filters=given.get("filters"),
            transforms=given.get("transforms"),
            is_enabled=given.get("enabled"),
            pixels=given.get("pixel_ids", msgspec.UNSET),
            revision=found.revision,
        )
        return _answer(desk, changed)

    return json_answer(await office.desks.short(change))


@router.delete(
    "/{destination_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(400, 401, 403, 404, 409),
    summary="Delete a destination",
)
async def delete_destination(
    office: TheOffice,
    business_id: ReachableBusinessId,
    destination_id: DestinationId,
    discard: Annotated[
        bool, Query(description="Delete it with the events that wait for it and its dead letters.")
    ] = False,
) -> Response:
    """409 while events wait for it, dead letters are kept or a replay is under way, unless `discard=true`.

    Stored events stay.
    """

    def delete(desk: Desk) -> None:
        found = reachable_destination(desk, business_id, destination_id)
        if not discard:
            _refuse_loss(desk, found)
        desk.catalog.delete_destination(found.id)

    await office.desks.short(delete)
    return empty_answer()


@router.post(
    "/{destination_id}/resume",
    response_model=DestinationAnswer,
    responses=problems(400, 401, 403, 404, 413),
    summary="Try again with a destination",
)
async def resume_destination(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId
) -> Response:
    """For one that is paused or failed, after mending what it complained about. Switches it on."""

    def resume(desk: Desk) -> DestinationAnswer:
        found = reachable_destination(desk, business_id, destination_id)
        return _answer(desk, desk.catalog.resume_destination(found.id))

    return json_answer(await office.desks.short(resume))


def reachable_destination(desk: Desk, business_id: str, destination_id: str) -> Destination:
    """A destination of a business. NotFound for another's too: who may not see it does not learn of it."""
    found = desk.catalog.destination(destination_id)
    if found.business_id != business_id:
        raise NotFound("there is no such destination")
    return found


def _answer(desk: Desk, destination: Destination) -> DestinationAnswer:
    return destination_answer(destination, _summaries(desk).get(destination.id), desk.reader.head())


def _summaries(desk: Desk) -> dict[str, DestinationSummary]:
    return {summary.destination_id: summary for summary in desk.deliveries.summary()}


def _refuse_loss(desk: Desk, destination: Destination) -> None:
    """Conflict while something would be lost with the destination."""
    summary = _summaries(desk).get(destination.id)
    lost = []
    if _is_waited_for(desk, destination, place_of(destination, summary)) or (summary and summary.parked):
        lost.append("events wait for it")
    if summary and summary.letters:
        lost.append(f"{summary.letters} dead letters are kept")
    if desk.deliveries.replays_going().get(destination.id):
        lost.append("a replay is under way")
    if lost:
        raise Conflict(
            f"the destination can not be deleted: {' and '.join(lost)}",
            hint="add ?discard=true to delete them with it",
        )


def _is_waited_for(desk: Desk, destination: Destination, place: int) -> bool:
    """Whether an event of its pixels is beyond its place; also True where that takes long to find out."""
    pixels, _ = desk.catalog.pixels(destination.business_id)
    numbers = frozenset(
        pixel.number for pixel in pixels if destination.pixel_ids is None or pixel.id in destination.pixel_ids
    )
    page = desk.reader.read(place, limit=1, pixels=numbers)
    return bool(page.events) or not page.at_head
