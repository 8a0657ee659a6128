"""A stretch of hours that was asked for as days. Pure: knows no count."""

import re
from typing import Annotated, Final, NamedTuple

from fastapi import Query
from pydantic import AfterValidator, Field

from pixelwire.clock import DAY_MS
from pixelwire.errors import InvalidFields
from pixelwire.limits import HISTORY_DAYS_DEFAULT, HISTORY_DAYS_MAX
from pixelwire.times import day_start_ms, hour_of

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Period(NamedTuple):
    """Hours since 1970, UTC, both ends inclusive."""

    first_hour: int
    last_hour: int


def check_day(value: str) -> str:
    if _DAY.fullmatch(value):
        try:
            day_start_ms(value)
        except ValueError:
            pass  # the form is right, the day does not exist: told below
        else:
            return value
    raise ValueError("must be a day, yyyy-MM-dd")


Day = Annotated[str, AfterValidator(check_day), Field(json_schema_extra={"format": "date"})]


def of_days(first: str | None, last: str | None, now_ms: int, fields: tuple[str, str]) -> Period:
    """From the first to the last day, inclusive; without them the last days up to today.

    InvalidFields, under the two names, for one alone, for a start after the end, and for too many days.
    """
    first_field, last_field = fields
    if first is None and last is None:
        today = now_ms // DAY_MS * DAY_MS
        return _period(today - (HISTORY_DAYS_DEFAULT - 1) * DAY_MS, today)
    if first is None or last is None:
        given, missing = (last_field, first_field) if first is None else (first_field, last_field)
        raise InvalidFields([f"{missing}: is required with {given}"])
    first_ms, last_ms = day_start_ms(first), day_start_ms(last)
    if first_ms > last_ms:
        raise InvalidFields([f"{first_field}: must not be after {last_field}"])
    if (last_ms - first_ms) // DAY_MS >= HISTORY_DAYS_MAX:
        raise InvalidFields([f"{last_field}: must be at most {HISTORY_DAYS_MAX} days from {first_field}"])
    return _period(first_ms, last_ms)


FirstDay = Annotated[
    Day | None, Query(alias="from", description="The first day, yyyy-MM-dd, UTC. Default: six days ago.")
]
LastDay = Annotated[
    Day | None, Query(alias="to", description="The last day, yyyy-MM-dd, UTC, inclusive. Default: today.")
]
DAYS: Final = ("from", "to")


def _period(first_ms: int, last_ms: int) -> Period:
    return Period(hour_of(first_ms), hour_of(last_ms + DAY_MS) - 1)
