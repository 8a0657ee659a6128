"""Values of a payload as text that PostgreSQL can hold. Pure."""

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

# The form that Pixelwire's own times have; others are brought to UTC, and to a form every server reads.
_USUAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a character, which only escapes can write
        return json.dumps(value, separators=(",", ":"))


def is_storable(text: str) -> bool:
    """Whether a text of PostgreSQL can be this: neither U+0000 nor half of a character is in it."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_storable(value: Any) -> str:
    """The value as text; one that can not be held as a JSON string, which escapes it."""
    text = as_text(value)
    return text if is_storable(text) else json.dumps(text)


def as_time(value: Any) -> str | None:
    """An ISO 8601 date or time in UTC; without a zone it is taken as UTC. None for anything else."""
    if not isinstance(value, str):
        return None
    if len(value) == 24 and _USUAL_TIME.fullmatch(value):
        return _usual_time(value)
    try:
        at = datetime.fromisoformat(value)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)).isoformat()
    except (ValueError, OverflowError):
        return None


@lru_cache(4_096)  # those of one event are mostly the same
def _usual_time(value: str) -> str | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None
    return value
