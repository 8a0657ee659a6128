"""What a value must look like to get into the catalog. Pure: knows no row and no request.

Each check returns the value in the form it is kept in, or raises ValueError with what is wrong, worded
so that the field's name can stand before it.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from pixelwire.errors import InvalidFields
from pixelwire.event import Signal, normalise_name
from pixelwire.limits import NAME_CHARACTERS_MAX

BUSINESS_TYPES: Final = ("ADVERTISER", "AGENCY", "MUSIC_ARTIST_CONCERT_PROMOTER", "PODCAST_PROMOTER")
ROLES: Final = ("read", "write", "admin")
ADDRESS_POLICIES: Final = ("full", "masked", "none")
USER_AGENT_POLICIES: Final = ("full", "none")
GPC_POLICIES: Final = ("count", "store", "filter")

DOMAIN_CHARACTERS_MAX: Final = 2_048
WRITE_KEY_CHARACTERS_MAX: Final = 255
TOKEN_CHARACTERS_MIN: Final = 32  # a token is never guessed: only its own entropy protects it

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PIXEL_ID = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")

Value = TypeVar("Value")


class Checked:
    """Runs checks and keeps what is wrong, so that a caller hears of every bad field at once."""

    def __init__(self) -> None:
        self._problems: list[str] = []

    def take(self, field: str, check: Callable[[Value], Value], value: Value) -> Value:
        try:
            return check(value)
        except ValueError as exc:
            self._problems.append(f"{field}: {exc}")
            return value

    def finish(self) -> None:
        if self._problems:
            raise InvalidFields(self._problems)


def check_name(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    if len(value) > NAME_CHARACTERS_MAX:
        raise ValueError(f"must be 1 to {NAME_CHARACTERS_MAX} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("must not hold control characters")
    return value


def check_domain(value: str) -> str:
    """An http or https URL with a host, as the owner wrote it."""
    fault = "must be an http or https URL, such as https://www.example.com"
    if len(value) > DOMAIN_CHARACTERS_MAX or not value.isprintable() or " " in value:
        raise ValueError(fault)
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise ValueError(fault) from exc
    if parts.scheme not in ("http", "https") or not has_host:
        raise ValueError(fault)
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or a password")
    return value


def check_uuid(value: str) -> str:
    """In lower case."""
    if not _UUID.fullmatch(value):
        raise ValueError("must be a UUID")
    return value.lower()


def is_pixel_id(value: str) -> bool:
    return _PIXEL_ID.fullmatch(value) is not None


def check_pixel_id(value: str) -> str:
    if not is_pixel_id(value):
        raise ValueError("must be 32 lower-case hex digits")
    return value


def check_write_key(value: str) -> str:
    """An imported key is taken as it is printed in the tags that are already out."""
    if not 1 <= len(value) <= WRITE_KEY_CHARACTERS_MAX:
        raise ValueError(f"must be 1 to {WRITE_KEY_CHARACTERS_MAX} characters")
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be printable text without spaces around it")
    return value


def check_token(value: str) -> str:
    if not TOKEN_CHARACTERS_MIN <= len(value) <= NAME_CHARACTERS_MAX or not _TOKEN.fullmatch(value):
        raise ValueError(
            f"must be {TOKEN_CHARACTERS_MIN} to {NAME_CHARACTERS_MAX} of A-Z a-z 0-9 . _ ~ + / = -"
        )
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    """A check for one of a few words."""

    def check(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return check


def check_event_rules(rules: dict[str, str | None]) -> dict[str, str | None]:
    """Event names as their owner writes them, each to a signal or to null."""
    seen: dict[str, str] = {}
    for name, signal in rules.items():
        plain = normalise_name(name)
        if not plain:
            raise ValueError(f"{name!r} has no letter and no digit")
        if plain in seen:
            raise ValueError(f"{name!r} and {seen[plain]!r} are the same name once normalised")
        if signal is not None and signal not in Signal.__members__:
            raise ValueError(f"{name!r}: must be null or one of {', '.join(Signal.__members__)}")
        seen[plain] = name
    return rules


def signals_by_name(rules: dict[str, str | None]) -> dict[str, int]:
    """Checked rules as they are looked up: normalised name to the number of a signal, 0 for null."""
    return {normalise_name(name): Signal[word].value if word else 0 for name, word in rules.items()}
