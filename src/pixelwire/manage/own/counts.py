"""`/api/v1/pixels/{pixel_id}/counts`: events by hour or day, by signal or by name. Knows no payload."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, NotRequired

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from pixelwire.errors import InvalidFields
from pixelwire.limits import EVENT_NAMES_MAX, EVENT_NAMES_REST
from pixelwire.manage import period
from pixelwire.manage.answers import json_answer
from pixelwire.manage.auth import PixelId, ThePrincipal, reachable_pixel
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import Time, problems
from pixelwire.manage.office import Office, TheOffice
from pixelwire.manage.own.shapes import signal_name
from pixelwire.manage.period import DAYS, FirstDay, LastDay, Period
from pixelwire.manage.routes import GuardedRoute
from pixelwire.times import hour_iso

By = Literal["hour", "day"]
Group = Literal["signal", "event"]
Amounts = dict[tuple[str, str | None], int]

ROWS_MAX: Final = 100_000  # strangers choose event names, so an answer needs a bound
HOURS_AT_ONCE: Final = 24

router = APIRouter(prefix="/pixels/{pixel_id}/counts", tags=["Counts"], route_class=GuardedRoute)


class Count(TypedDict):
    hour: NotRequired[Annotated[Time, Field(description="Its start; with by=hour.")]]
    day: NotRequired[Annotated[str, Field(description="yyyy-MM-dd, UTC; with by=day.")]]
    signal: NotRequired[Annotated[str | None, Field(description="Null: no signal; with group=signal.")]]
    event: NotRequired[
        Annotated[
            str,
            Field(
                description="A track event's name, cut at 128 characters; with group=event. "
                f"Names past {EVENT_NAMES_MAX} a pixel and hour are summed under {EVENT_NAMES_REST}."
            ),
        ]
    ]
    count: int


Counts = TypedDict("Counts", {"from": Time, "to": Time, "by": By, "group": Group, "counts": list[Count]})


@router.get("", response_model=Counts, responses=problems(400, 401, 403, 404), summary="Count events")
async def get_counts(
    office: TheOffice,
    principal: ThePrincipal,
    pixel_id: PixelId,
    first: FirstDay = None,
    last: LastDay = None,
    by: Annotated[By, Query()] = "hour",
    group: Annotated[Group, Query()] = "signal",
) -> Response:
    """Oldest first, then by signal or name. Hours and days without events are absent."""
    hours = period.of_days(first, last, office.clock.now_ms(), DAYS)
    pixel = await office.desks.short(reachable_pixel, principal, pixel_id)
    amounts = await _amounts(office, pixel.number, hours, by, group)
    answer = {
        "from": hour_iso(hours.first_hour),
        "to": hour_iso(hours.last_hour),
        "by": by,
        "group": group,
        "counts": [{by: start, group: name, "count": amount} for (start, name), amount in amounts],
    }
    return json_answer(answer)


async def _amounts(
    office: Office, pixel: int, hours: Period, by: By, group: Group
) -> list[tuple[tuple[str, str | None], int]]:
    """Day by day, so that no single read is long."""
    sums: Amounts = {}
    for part in _days(hours):
        counts = await office.desks.long(_count, pixel, part, group)
        for (hour, name), amount in counts.items():
            key = (hour_iso(hour) if by == "hour" else hour_iso(hour)[:10], name)
            sums[key] = sums.get(key, 0) + amount
        if len(sums) > ROWS_MAX:
            raise InvalidFields([f"from: more than {ROWS_MAX:,} counts; ask for fewer days, or by=day"])
    return sorted(sums.items(), key=lambda item: (item[0][0], item[0][1] or ""))


def _count(desk: Desk, pixel: int, hours: Period, group: Group) -> Mapping[tuple[int, str | None], int]:
    if group == "event":
        names = desk.reader.name_counts(pixel, *hours)
        return {(hour, name): amount for (hour, name), amount in names.items()}
    counts = desk.reader.signal_counts(pixel, *hours)
    return {(hour, signal_name(signal)): amount for (hour, signal), amount in counts.items()}


def _days(hours: Period) -> Iterator[Period]:
    for first in range(hours.first_hour, hours.last_hour + 1, HOURS_AT_ONCE):
        yield Period(first, min(first + HOURS_AT_ONCE - 1, hours.last_hour))
