"""`.../destinations/{destination_id}/replays`: stored events sent once more, by order to the courier."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.wishes import CancelReplay, StartReplay
from pixelwire.deliver.replay_state import ReplayPhase
from pixelwire.errors import Conflict, InvalidFields, NotFound
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import ReachableBusinessId
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import ExactTime, HexText, UuidText, problems
from pixelwire.manage.fields import Body, Flag, Moment, moment_ms
from pixelwire.manage.office import Office, TheOffice
from pixelwire.manage.own.destination_rules import FilterTable
from pixelwire.manage.own.destinations import DestinationId, PixelIds, reachable_destination
from pixelwire.manage.replays import Asked, Count, count_row, planned, replay_rows
from pixelwire.manage.routes import GuardedRoute

COUNT_S_MAX: Final = 5.0  # then the answer says at least how many
COUNT_STEP_S: Final = 0.2  # others who read for long wait for no longer

router = APIRouter(
    prefix="/businesses/{business_id}/destinations/{destination_id}/replays",
    tags=["Replays"],
    route_class=GuardedRoute,
)

ReplayId = Annotated[str, Path(description="A replay's id.")]


class NewReplay(Body):
    from_: Annotated[Moment, Field(alias="from", description="Events received then or later.")]
    to: Annotated[Moment, Field(description="And before this; without it, up to now.")] = Field(
        default_factory=str
    )
    pixel_ids: PixelIds | None = None
    filters: FilterTable = {}  # noqa: RUF012 pydantic copies it
    dry_run: Annotated[Flag, Field(description="Count what would be sent, and send nothing.")] = False


class PlaceAnswer(TypedDict):
    seq: int
    received_at: ExactTime


class CountAnswer(TypedDict):
    events: Annotated[int, Field(description="That would be sent, unless a transform leaves them out.")]
    at_least: Annotated[bool, Field(description="Counting took too long: there are more, or none more.")]
    filtered: Annotated[int, Field(description="By the destination's own filters.")]
    first: PlaceAnswer | None
    last: PlaceAnswer | None


ReplayAnswer = TypedDict(
    "ReplayAnswer",
    {
        "id": UuidText,
        "state": Annotated[
            ReplayPhase,
            Field(
                description="waiting: for the server, the destination, or another replay to it; failed: it "
                "does not fit the events on disk, or an error, until that is mended."
            ),
        ],
        "reason": str | None,
        "from": ExactTime,
        "to": ExactTime,
        "pixel_ids": list[HexText] | None,
        "filters": dict[str, Any],
        "first_seq": int,
        "last_seq": int,
        "cursor": Annotated[
            int, Field(description="Every event up to here is sent, filtered, parked or dead.")
        ],
        "progress": Annotated[float, Field(description="0 to 1, by the cursor.")],
        "sent": int,
        "filtered": Annotated[int, Field(description="By the destination's own filters and transforms.")],
        "retried": int,
        "parked": Annotated[int, Field(description="Events that wait for another attempt.")],
        "dead": Annotated[int, Field(description="Dead letters it left that are kept.")],
        "expired": Annotated[int, Field(description="Events that retention removed first, of all pixels.")],
        "created_at": ExactTime,
        "started_at": ExactTime | None,
        "finished_at": ExactTime | None,
        "sent_per_s": Annotated[float | None, Field(description="Since it began, pauses included.")],
    },
)


class ReplaysAnswer(TypedDict):
    replays: list[ReplayAnswer]


@router.get("", response_model=ReplaysAnswer, responses=problems(400, 401, 403, 404), summary="List replays")
async def list_replays(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId
) -> Response:
    """Newest first. One at its end is kept for a month, and for as long as it has dead letters."""

    def read(desk: Desk) -> list[dict[str, Any]]:
        return _rows(office, desk, reachable_destination(desk, business_id, destination_id))

    return json_answer({"replays": await office.desks.short(read)})


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=ReplayAnswer,
    responses={**problems(400, 401, 403, 404, 413), 200: {"model": CountAnswer, "description": "A dry run."}},
    summary="Send stored events once more",
)
async def start_replay(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, body: NewReplay
) -> Response:
    """The courier begins within a second, or when other replays to the destination are at their end.

    A dry run counts for five seconds at most.
    """
    to_ms = moment_ms(body.to) if "to" in body.model_fields_set else office.clock.now_ms() + 1
    asked = Asked(moment_ms(body.from_), to_ms, body.pixel_ids, body.filters)

    def plan(desk: Desk) -> tuple[Destination, StartReplay | None]:
        found = reachable_destination(desk, business_id, destination_id)
        return found, planned(desk.catalog, desk.reader, found, asked)

    destination, wish = await office.desks.long(plan)
    if body.dry_run:
        return json_answer(count_row(await _count(office, destination, wish)))
    if wish is None:
        raise InvalidFields(["from: no event is stored that was received between from and to"])

    def give(desk: Desk) -> dict[str, Any]:
        order = desk.catalog.give_order(destination.id, wish)
        return _row(office, desk, destination, order.id)

    return json_answer(await office.desks.short(give), HTTPStatus.CREATED)


@router.get(
    "/{replay_id}",
    response_model=ReplayAnswer,
    responses=problems(400, 401, 403, 404),
    summary="Get a replay",
)
async def get_replay(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, replay_id: ReplayId
) -> Response:
    """How far it is."""

    def read(desk: Desk) -> dict[str, Any]:
        return _row(office, desk, reachable_destination(desk, business_id, destination_id), replay_id)

    return json_answer(await office.desks.short(read))


@router.post(
    "/{replay_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    response_model=ReplayAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Cancel a replay",
)
async def cancel_replay(
    office: TheOffice, business_id: ReachableBusinessId, destination_id: DestinationId, replay_id: ReplayId
) -> Response:
    """Within a second; what was sent stays sent. 409 when it is at its end."""

    def cancel(desk: Desk) -> dict[str, Any]:
        found = reachable_destination(desk, business_id, destination_id)
        row = _row(office, desk, found, replay_id)
        if row["state"] in ("done", "cancelled"):
            raise Conflict(f"the replay is {row['state']} already")
        desk.catalog.give_order(found.id, CancelReplay(replay_id))
        return row

    return json_answer(await office.desks.short(cancel), HTTPStatus.ACCEPTED)


async def _count(office: Office, destination: Destination, wish: StartReplay | None) -> Count | None:
    """In pieces, so that others who read for long have their turn."""
    if wish is None:
        return None
    count = await office.desks.long(lambda desk: Count(desk.catalog, destination, wish))
    until_s = asyncio.get_running_loop().time() + COUNT_S_MAX
    while not count.is_whole and asyncio.get_running_loop().time() < until_s:
        await office.desks.long(lambda desk: count.go_on(desk.reader, COUNT_STEP_S))
    return count


def _rows(office: Office, desk: Desk, destination: Destination) -> list[dict[str, Any]]:
    return replay_rows(desk.catalog, desk.deliveries, destination, office.clock.now_ms())


def _row(office: Office, desk: Desk, destination: Destination, replay_id: str) -> dict[str, Any]:
    for row in _rows(office, desk, destination):
        if row["id"] == replay_id:
            return row
    raise NotFound("the destination has no such replay")
