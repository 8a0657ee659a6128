"""`/ads/v3/businesses/{business_id}/pixels`: the pixel resource. Knows nothing of our own settings."""

from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.catalog.pixels import Pixel, PixelChanges
from pixelwire.errors import InvalidFields, NotFound
from pixelwire.limits import HISTORY_DAYS_DEFAULT, HISTORY_DAYS_MAX, PIXELS_PAGE_MAX
from pixelwire.manage import period
from pixelwire.manage.answers import encoded, json_answer
from pixelwire.manage.auth import PixelId, ReachableBusinessId
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import HexText, Time, UuidText, problems
from pixelwire.manage.fields import AAM_FIELDS_MAX, AamField, Body, Domain, Flag, Name, Uuid
from pixelwire.manage.office import TheOffice
from pixelwire.manage.period import Day, Period
from pixelwire.manage.routes import GuardedRoute
from pixelwire.manage.spotify.history import HistoricalEvent, PixelEvent, events_counted, events_seen
from pixelwire.times import iso_s

DETAILS: Final = ("aam_opt_in", "aam_fields")
DAYS: Final = ("historical_events_start_date", "historical_events_end_date")
OFFSET_MAX: Final = 2**31 - 1

_DATES = (
    f"yyyy-MM-dd, UTC, inclusive. Default: the last {HISTORY_DAYS_DEFAULT} days; at most {HISTORY_DAYS_MAX}."
)
FirstDay = Annotated[Day | None, Query(alias=DAYS[0], description=f"The first day. {_DATES}")]
LastDay = Annotated[Day | None, Query(alias=DAYS[1], description=f"The last day. {_DATES}")]
IncludeEvents = Annotated[bool, Query(description="False leaves `events` empty.")]
IncludeHistory = Annotated[bool, Query(description="False leaves `historical_events` empty.")]

router = APIRouter(prefix="/businesses/{business_id}/pixels", tags=["Pixels"], route_class=GuardedRoute)


class NewPixel(Body):
    domain: Domain
    name: Name
    dataset_id: Uuid | None = None
    aam_opt_in: Flag | None = None
    aam_fields: Annotated[list[AamField], Field(max_length=AAM_FIELDS_MAX)] | None = None


class PixelPatch(Body):
    domain: Domain = Field(default_factory=str)  # absent: stays as it is
    name: Name = Field(default_factory=str)


class PixelAnswer(TypedDict):
    id: HexText
    integration_id: UuidText
    domain: str
    name: str
    created_at: Time
    events: list[PixelEvent]
    historical_events: list[HistoricalEvent]
    dataset_id: UuidText


class PatchedPixel(TypedDict):
    id: HexText
    domain: str
    name: str
    created_at: Time
    updated_at: Time


class Paging(TypedDict):
    page_size: int
    total_results: int
    offset: int
    current_page: int


class PixelsAnswer(TypedDict):
    paging: Paging
    pixels: list[PixelAnswer]


class Wanted(NamedTuple):
    """How much of a pixel to show."""

    events: bool
    history: Period | None


@router.get(
    "/{pixel_id}",
    response_model=PixelAnswer,
    responses=problems(400, 401, 403, 404),
    summary="Get pixel",
)
async def get_pixel(
    office: TheOffice,
    business_id: ReachableBusinessId,
    pixel_id: PixelId,
    first: FirstDay = None,
    last: LastDay = None,
    include_events: IncludeEvents = True,
    include_historical_events: IncludeHistory = True,
) -> Response:
    """Counts include every event that was acknowledged before this read began."""
    history = period.of_days(first, last, office.clock.now_ms(), DAYS)
    wanted = Wanted(include_events, history if include_historical_events else None)

    def get(desk: Desk) -> PixelAnswer:
        return _answer(desk, _pixel_of(desk, business_id, pixel_id), wanted)

    return json_answer(await office.desks.short(get))


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=PixelAnswer,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Create pixel",
)
async def create_pixel(office: TheOffice, business_id: ReachableBusinessId, body: NewPixel) -> Response:
    """It collects at once, with its id as write key. Without `dataset_id` a dataset of its name is made."""

    def create(desk: Desk) -> PixelAnswer:
        details: dict[str, Any] = body.given(*DETAILS)
        pixel = desk.catalog.create_pixel(
            business_id, body.domain, body.name, dataset_id=body.dataset_id, details=details
        )
        return _answer(desk, pixel, Wanted(events=False, history=None))

    return json_answer(await office.desks.short(create), HTTPStatus.CREATED)


@router.get(
    "",
    response_model=PixelsAnswer,
    responses=problems(400, 401, 403, 404),
    summary="Get pixels of business",
)
async def list_pixels(
    office: TheOffice,
    business_id: ReachableBusinessId,
    first: FirstDay = None,
    last: LastDay = None,
    include_events: IncludeEvents = False,
    include_historical_events: IncludeHistory = False,
    limit: Annotated[int, Query(ge=1, le=PIXELS_PAGE_MAX)] = PIXELS_PAGE_MAX,
    offset: Annotated[int, Query(ge=0, le=OFFSET_MAX)] = 0,
) -> Response:
    """Oldest first. `current_page` counts from 1. With history, both dates are required."""
    if include_historical_events and first is None and last is None:
        raise InvalidFields([f"{field}: is required with include_historical_events" for field in DAYS])
    history = period.of_days(first, last, office.clock.now_ms(), DAYS)
    wanted = Wanted(include_events, history if include_historical_events else None)

    def page(desk: Desk) -> dict[str, Any]:
        desk.catalog.business(business_id)
        pixels, total = desk.catalog.pixels(business_id, limit=limit, offset=offset)
        return {
            "paging": {
                "page_size": limit,
                "total_results": total,
                "offset": offset,
                "current_page": offset // limit + 1,
            },
            # Encoded one by one: 50 histories of 92 days as objects would not fit in this process's share.
            "pixels": [encoded(_answer(desk, pixel, wanted)) for pixel in pixels],
        }

    run = office.desks.short if wanted.history is None else office.desks.long
    return json_answer(await run(page))


@router.patch(
    "/{pixel_id}",
    response_model=PatchedPixel,
    responses=problems(400, 401, 403, 404, 409, 413),
    summary="Update pixel",
)
async def change_pixel(
    office: TheOffice, business_id: ReachableBusinessId, pixel_id: PixelId, body: PixelPatch
) -> Response:
    """What is not given stays as it is."""

    def change(desk: Desk) -> PatchedPixel:
        found = _pixel_of(desk, business_id, pixel_id)
        changes: dict[str, Any] = body.given("domain", "name")
        pixel = desk.catalog.change_pixel(found.id, PixelChanges(**changes))
        return {
            "id": pixel.id,
            "domain": pixel.domain,
            "name": pixel.name,
            "created_at": iso_s(pixel.created_ms),
            "updated_at": iso_s(pixel.updated_ms),
        }

    return json_answer(await office.desks.short(change))


def _pixel_of(desk: Desk, business_id: str, pixel_id: str) -> Pixel:
    """NotFound also for a pixel of another business: it is not under this path."""
    desk.catalog.business(business_id)
    pixel = desk.catalog.pixel(pixel_id)
    if pixel.business_id != business_id:
        raise NotFound("there is no such pixel")
    return pixel


def _answer(desk: Desk, pixel: Pixel, wanted: Wanted) -> PixelAnswer:
    reader, history = desk.reader, wanted.history
    return {
        "id": pixel.id,
        "integration_id": pixel.integration_id,
        "domain": pixel.domain,
        "name": pixel.name,
        "created_at": iso_s(pixel.created_ms),
        "events": events_seen(reader, pixel.number, pixel.id) if wanted.events else [],
        "historical_events": [] if history is None else events_counted(reader, pixel.number, history),
        "dataset_id": pixel.dataset_id,
    }
