"""Times as text."""

import pytest

from pixelwire.times import day_start_ms, hour_iso, hour_of, iso_ms, iso_s


def test_times_are_utc_with_a_z() -> None:
    """Events carry milliseconds, the management API does not."""
    assert iso_ms(1_769_144_167_089) == "2026-01-23T04:56:07.089Z"
    assert iso_s(1_769_144_167_089) == "2026-01-23T04:56:07Z"


def test_an_hour_begins_at_its_start() -> None:
    """An event of minute 56 is counted in the hour that began at 4."""
    assert hour_iso(hour_of(1_769_144_167_089)) == "2026-01-23T04:00:00Z"


@pytest.mark.parametrize("day", ["0001-01-01", "0036-02-26", "0999-12-31", "1969-12-31", "9999-12-31"])
def test_a_year_has_four_digits(day: str) -> None:
    """Also one long ago, as a caller may ask for it."""
    assert iso_s(day_start_ms(day)) == f"{day}T00:00:00Z"
    assert iso_ms(day_start_ms(day) + 7) == f"{day}T00:00:00.007Z"


@pytest.mark.parametrize(
    "text", ["", "2026-1-3", "2026-02-30", "23.01.2026", "2026-01-23T00:00:00Z", "2026/01/23"]
)
def test_a_day_has_one_form(text: str) -> None:
    """Anything but yyyy-MM-dd of a real day is an error."""
    with pytest.raises(ValueError, match=r"."):
        day_start_ms(text)


def test_a_day_starts_at_midnight_utc() -> None:
    """The first millisecond of the day."""
    assert iso_ms(day_start_ms("2026-01-23")) == "2026-01-23T00:00:00.000Z"
