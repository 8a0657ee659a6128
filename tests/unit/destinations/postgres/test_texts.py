"""Values as text that PostgreSQL can hold."""

import pytest

from pixelwire.destinations.postgres.texts import as_storable, as_text, as_time, is_storable


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("1", "1"), (True, "true"), (1, "1"), (1.5, "1.5"), (["a", {"b": 1}], '["a",{"b":1}]')],
)
def test_what_is_no_text_is_json(value: object, text: str) -> None:
    """A text stays as it is."""
    assert as_text(value) == text


def test_half_a_character_in_an_array_is_escaped() -> None:
    """The only way to write it, and a way PostgreSQL can hold."""
    assert as_text(["\ud800"]) == '["\\ud800"]'


@pytest.mark.parametrize(("text", "shown"), [("a\0b", '"a\\u0000b"'), ("\udfff", '"\\udfff"')])
def test_what_can_not_be_held_is_shown_as_json(text: str, shown: str) -> None:
    """So that nothing of it is lost."""
    assert not is_storable(text)
    assert as_storable(text) == shown


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-23T04:56:07.089Z", "2026-01-23T04:56:07.089Z"),
        ("2026-01-23T04:56:07Z", "2026-01-23T04:56:07+00:00"),
        ("2026-01-23T04:56:07+05:30", "2026-01-22T23:26:07+00:00"),
        ("2026-01-23T04:56:07-23:59", "2026-01-24T04:55:07+00:00"),
        ("2026-01-23 04:56", "2026-01-23T04:56:00+00:00"),
        ("2026-01-23", "2026-01-23T00:00:00+00:00"),
    ],
)
def test_times_are_brought_to_utc(text: str, time: str) -> None:
    """Also from zones that are valid here and too far away for PostgreSQL."""
    assert as_time(text) == time


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "",
        "1769144167",
        "2026-02-30T04:56:07.089Z",
        "0000-01-01T00:00:00.000Z",
        "0001-01-01T00:00:00+10:00",
        "infinity",
        1_769_144_167,
        None,
        ["2026-01-23"],
    ],
)
def test_anything_else_is_no_time(value: object) -> None:
    """Neither a number, nor a day that never was, nor a time that is none in UTC."""
    assert as_time(value) is None
