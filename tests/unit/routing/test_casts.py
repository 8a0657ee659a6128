"""Text of a pixel as numbers, booleans and times."""

import pytest

from pixelwire.routing.casts import as_boolean, as_integer, as_number, as_time


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("9.5", 9.5),
        (" 10 ", 10),
        ("-0.5", -0.5),
        ("+3", 3),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("007", 7),
        (12, 12),
        (1.5, 1.5),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("1e999", None),
        ("nan", None),
        ("inf", None),
        ("0x10", None),
        ("1_000", None),
        ("9,50", None),
        ("1 000", None),
        ("٣", None),
        ("", None),
        ("9" * 65, None),
        (True, None),
        (None, None),
        ({}, None),
    ],
)
def test_numbers(given: object, number: object) -> None:
    """As people write them without grouping; an integer stays one."""
    found = as_number(given)
    assert (type(found), found) == (type(number), number)


@pytest.mark.parametrize(
    ("given", "number"), [("10", 10), ("10.0", 10), ("1e2", 100), ("10.5", None), (7.0, 7), ("1e30", None)]
)
def test_integers(given: object, number: object) -> None:
    """Nothing is rounded."""
    found = as_integer(given)
    assert (type(found), found) == (type(number), number)


@pytest.mark.parametrize(
    ("given", "boolean"),
    [
        *[(text, True) for text in ("true", "True", " YES ", "on", "1")],
        *[(text, False) for text in ("false", "FALSE", "no", "off", "0")],
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        (2, None),
        ("2", None),
        ("", None),
        ("maybe", None),
        (None, None),
    ],
)
def test_booleans(given: object, boolean: object) -> None:
    """The words people use."""
    assert as_boolean(given) is boolean


@pytest.mark.parametrize(
    ("given", "time"),
    [
        ("2026-01-23T04:56:07.089Z", "2026-01-23T04:56:07.089Z"),
        ("2026-01-23T04:56:07+02:00", "2026-01-23T02:56:07.000Z"),
        ("2026-01-23 04:56:07", "2026-01-23T04:56:07.000Z"),
        ("2026-01-23", "2026-01-23T00:00:00.000Z"),
        ("2026-01-23T04:56:07.123456Z", "2026-01-23T04:56:07.123Z"),
        ("1700000000", "2023-11-14T22:13:20.000Z"),
        ("1700000000123", "2023-11-14T22:13:20.123Z"),
        (1700000000, "2023-11-14T22:13:20.000Z"),
        ("1969-12-31T23:59:59.500Z", "1969-12-31T23:59:59.500Z"),
        ("0900-01-01T00:00:00Z", "0900-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01", None),
        ("20260123", None),
        ("01/02/2026", None),
        ("12345", None),
        ("yesterday", None),
        ("", None),
        (True, None),
        (1.5, None),
    ],
)
def test_times(given: object, time: object) -> None:
    """ISO 8601 and seconds or milliseconds since 1970, always said in UTC."""
    assert as_time(given) == time
