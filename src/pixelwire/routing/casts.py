"""What a text of a pixel means as a number, a boolean or a time. Each reading is a value or None. Pure."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from pixelwire.times import iso_ms

TEXT_CHARACTERS_MAX: Final = 64  # no number, boolean or time is longer
INTEGER_BITS_MAX: Final = 63
SECONDS_DIGITS: Final = 10  # of a time since 1970, from 2001 to 2286
MILLISECONDS_DIGITS: Final = 13

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LATEST_MS: Final = 253_402_300_799_999  # the end of the year 9999


def as_number(value: object) -> int | float | None:
    """A number as it is; a text that is one, without grouping or units."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    text = _text(value)
    if not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        whole = int(text)
        return whole if whole.bit_length() <= INTEGER_BITS_MAX else None
    number = float(text)
    return number if math.isfinite(number) else None


def as_integer(value: object) -> int | None:
    """A number without a fraction: `10.0` is 10."""
    number = as_number(value)
    if isinstance(number, float):
        whole = int(number) if number.is_integer() else None
        return whole if whole is not None and whole.bit_length() <= INTEGER_BITS_MAX else None
    return number


def as_boolean(value: object) -> bool | None:
    """true, yes, on, 1 and false, no, off, 0, in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    return _BOOLEANS.get(_text(value).lower())


def as_time(value: object) -> str | None:
    """RFC 3339, UTC, milliseconds: of ISO 8601 (without a zone it is UTC), of seconds or milliseconds
    since 1970 (10 or 13 digits)."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if text.isascii() and text.isdigit() and len(text) in (SECONDS_DIGITS, MILLISECONDS_DIGITS):
        at_ms = int(text) * (1_000 if len(text) == SECONDS_DIGITS else 1)
        return iso_ms(at_ms) if at_ms <= _LATEST_MS else None
    if not _DATE.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return iso_ms((moment - _EPOCH) // _MILLISECOND)
    except (ValueError, OverflowError):
        return None


CASTS: Final[dict[str, Callable[[object], object]]] = {
    "number": as_number,
    "integer": as_integer,
    "boolean": as_boolean,
    "time": as_time,
}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= TEXT_CHARACTERS_MAX else ""
