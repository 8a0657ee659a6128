"""`/api/v1/.../outcomes`: what became of requests, by hour. Knows no event."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.event import BESIDE_OUTCOMES, DROPPED, RECEIVED
from pixelwire.manage import period
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import PixelId, ThePrincipal, needs_server_admin, reachable_pixel
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import Time, problems
from pixelwire.manage.office import TheOffice
from pixelwire.manage.period import DAYS, FirstDay, LastDay, Period
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import hour_iso

Ledger = Mapping[tuple[int, str, str], int]

router = APIRouter(tags=["Outcomes"], route_class=GuardedRoute)


class OutcomeCount(TypedDict):
    hour: Time
    outcome: Annotated[str, Field(description="stored, duplicate, filtered, refused or failed.")]
    reason: Annotated[str | None, Field(description="Null for stored and duplicate.")]
    count: int


class ReasonCount(TypedDict):
    hour: Time
    reason: str
    count: int


class HourCount(TypedDict):
    hour: Time
    count: int


PixelOutcomes = TypedDict(
    "PixelOutcomes",
    {
        "from": Time,
        "to": Time,
        "outcomes": list[OutcomeCount],
        "dropped": Annotated[list[ReasonCount], Field(description="Parameters that were left out.")],
    },
)
ServerOutcomes = TypedDict(
    "ServerOutcomes",
    {
        "from": Time,
        "to": Time,
        "received": Annotated[list[HourCount], Field(description="Requests on the pixel routes.")],
        "outcomes": list[OutcomeCount],
        "unknown_pixel": Annotated[
            list[OutcomeCount], Field(description="Those of the outcomes that named no known pixel.")
        ],
        "dropped": Annotated[list[ReasonCount], Field(description="Parameters that were left out.")],
    },
)


@router.get(
    "/pixels/{pixel_id}/outcomes",
    response_model=PixelOutcomes,
    responses=problems(400, 401, 403, 404),
    summary="Count a pixel's outcomes",
)
async def get_pixel_outcomes(
    office: TheOffice,
    principal: ThePrincipal,
    pixel_id: PixelId,
    first: FirstDay = None,
    last: LastDay = None,
) -> Response:
    """By hour, outcome and reason; oldest first."""
    hours = period.of_days(first, last, office.clock.now_ms(), DAYS)

    def read(desk: Desk) -> Ledger:
        pixel = reachable_pixel(desk, principal, pixel_id)
        return desk.reader.outcomes(pixel.number, *hours)

    ledger = await office.desks.short(read)
    return json_answer({**_ends(hours), "outcomes": _outcomes(ledger), "dropped": _dropped(ledger)})


@router.get(
    "/outcomes",
    response_model=ServerOutcomes,
    responses=problems(400, 401, 403),
    dependencies=[needs_server_admin],
    summary="Count the whole server's outcomes",
)
async def get_server_outcomes(office: TheOffice, first: FirstDay = None, last: LastDay = None) -> Response:
    """Needs an admin token without a business. `received` is the sum of all outcomes, counted apart."""
    hours = period.of_days(first, last, office.clock.now_ms(), DAYS)

    def read(desk: Desk) -> tuple[Ledger, Ledger]:
        return desk.reader.outcomes(None, *hours), desk.reader.outcomes(0, *hours)

    everything, nameless = await office.desks.long(read)
    answer = {
        **_ends(hours),
        "received": _received(everything),
        "outcomes": _outcomes(everything),
        "unknown_pixel": _outcomes(nameless),
        "dropped": _dropped(everything),
    }
    return json_answer(answer)


def _ends(hours: Period) -> dict[str, str]:
    return {"from": hour_iso(hours.first_hour), "to": hour_iso(hours.last_hour)}


def _outcomes(ledger: Ledger) -> list[OutcomeCount]:
    return [
        {"hour": hour_iso(hour), "outcome": outcome, "reason": reason or None, "count": amount}
        for (hour, outcome, reason), amount in sorted(ledger.items())
        if outcome not in BESIDE_OUTCOMES
    ]


def _received(ledger: Ledger) -> list[HourCount]:
    return [
        {"hour": hour_iso(hour), "count": amount}
        for (hour, outcome, _), amount in sorted(ledger.items())
        if outcome == RECEIVED
    ]


def _dropped(ledger: Ledger) -> list[ReasonCount]:
    return [
        {"hour": hour_iso(hour), "reason": reason, "count": amount}
        for (hour, outcome, reason), amount in sorted(ledger.items())
        if outcome == DROPPED
    ]
