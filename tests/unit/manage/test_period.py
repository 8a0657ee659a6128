"""Days asked for, as hours."""

import pytest

from pixelwire.clock import DAY_MS
from pixelwire.errors import InvalidFields
from pixelwire.manage.period import Period, check_day, of_days

FIELDS = ("from", "to")


def test_the_default_ends_with_the_last_hour_of_today() -> None:
    """Seven days, today included."""
    assert of_days(None, None, 10 * DAY_MS + 5, FIELDS) == Period(4 * 24, 11 * 24 - 1)


def test_one_day_has_24_hours() -> None:
    """Both ends inclusive."""
    assert of_days("1970-01-02", "1970-01-02", 0, FIELDS) == Period(24, 47)


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("1970-01-02", None, "to"),
        (None, "1970-01-02", "from"),
        ("1970-01-02", "1970-01-01", "from"),
        ("1970-01-01", "1970-04-03", "to"),
    ],
)
def test_what_is_no_range_is_named(first: str | None, last: str | None, field: str) -> None:
    """By the field that must change."""
    with pytest.raises(InvalidFields, match=f"^{field}: "):
        of_days(first, last, 0, FIELDS)


@pytest.mark.parametrize(
    "odd",
    ["", "2026-1-01", "2026-01-01 ", "2026-02-29", "2026-13-01", "2026-01- 1", "0000-01-01", "20260101"],
)
def test_a_day_has_one_form(odd: str) -> None:
    """And exists."""
    with pytest.raises(ValueError, match="yyyy-MM-dd"):
        check_day(odd)
