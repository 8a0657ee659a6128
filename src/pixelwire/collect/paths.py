"""The key of a parameter, split into levels (wire.md 1.2). Text only: knows no values and no tree."""

import re
from collections.abc import Iterator
from enum import Enum, StrEnum
from itertools import islice
from typing import Final, NamedTuple

from pixelwire.limits import (
    ARRAY_INDEX_MAX,
    LEVELS_MAX,
    PATH_REMEMBERED_CHARACTERS_MAX,
    PATHS_REMEMBERED_MAX,
)

APPEND: Final = -1
ALWAYS_OBJECTS: Final = frozenset({("properties",), ("context",), ("traits",), ("context", "page")})

_SERVER_FIELDS: Final = frozenset({"receivedAt", "request_ip", "rudderId", "type"})
_RESERVED_STARTS: Final = ("w", "_")  # of writeKey and _pw_
_WILDCARDS: Final = frozenset("|#@*?")
_PART: Final = re.compile(r"\\.?|[.|#@*?]|[^\\.|#@*?]+", re.DOTALL)


class DropReason(StrEnum):
    """Why one parameter was left out of an event."""

    WILDCARD = "wildcard"
    ARRAY_KEY = "array_key"
    TOO_DEEP = "too_deep"
    INDEX = "index"
    TOO_MANY = "too_many"
    SERVER_FIELD = "server_field"
    INTEGRATIONS = "integrations"
    NOT_AN_OBJECT = "not_an_object"
    MESSAGE_ID = "message_id"


class Reserved(Enum):
    """Keys that are taken out before anything else is looked at."""

    WRITE_KEY = "names the pixel"
    UNUSED = "ours, without a meaning yet"


class Step(NamedTuple):
    """One level of a path that may lead through arrays."""

    name: str
    slot: int | None  # the index in an array, or APPEND; None: can only be an object's key


class Path(NamedTuple):
    """Where a parameter's value belongs."""

    parents: tuple[str, ...]
    leaf: str
    twist: tuple[Step, ...] | DropReason | Reserved | None  # None: object keys all the way


class Paths(dict[str, Path]):
    """Paths by key. Sites send the same few keys again and again; strangers can not fill the memory."""

    def __missing__(self, key: str) -> Path:
        path = parse(key)
        if len(key) <= PATH_REMEMBERED_CHARACTERS_MAX:
            if len(self) >= PATHS_REMEMBERED_MAX:
                self.clear()
            self[key] = path
        return path


def may_be_reserved(key: str) -> bool:
    """False for most keys, without splitting them."""
    return key.lstrip(":\\")[:1] in _RESERVED_STARTS


def parse(key: str) -> Path:
    """The path of a decoded key. Of several reasons to drop it, the first in wire.md's table counts.

    A key of nothing but separators is not followed beyond the level that is one too many.
    """
    components = list(islice(_components(key), LEVELS_MAX + 1))
    names = tuple(component.text for component in components)
    return Path(names[:-1], names[-1], _twist(names, components))


class _Component(NamedTuple):
    text: str
    is_key: bool  # began with `:`
    has_wildcard: bool


def _components(key: str) -> Iterator[_Component]:
    text: list[str] = []
    has_wildcard = is_key = False
    for found in _PART.finditer(key):
        part = found[0]
        if part == ".":
            yield _Component("".join(text), is_key, has_wildcard)
            text, has_wildcard, is_key = [], False, False
        elif part[0] == "\\":
            text.append(part[1:])
        elif part in _WILDCARDS:
            text.append(part)
            has_wildcard = True
        elif not text and not is_key and part[0] == ":":
            text.append(part[1:])
            is_key = True
        else:
            text.append(part)
    yield _Component("".join(text), is_key, has_wildcard)


def _twist(
    names: tuple[str, ...], components: list[_Component]
) -> tuple[Step, ...] | DropReason | Reserved | None:
    if names[0] == "writeKey":
        return Reserved.WRITE_KEY if len(names) == 1 else Reserved.UNUSED
    if names[0].startswith("_pw_"):
        return Reserved.UNUSED
    if any(component.has_wildcard for component in components):
        return DropReason.WILDCARD
    if len(names) > LEVELS_MAX:
        return DropReason.TOO_DEEP
    if names[0] in _SERVER_FIELDS:
        return DropReason.SERVER_FIELD
    if names[0] == "integrations":
        return DropReason.INTEGRATIONS
    if names in ALWAYS_OBJECTS:
        return DropReason.NOT_AN_OBJECT
    steps = tuple(
        Step(component.text, None if _is_under_object(names[:depth]) else _slot(component))
        for depth, component in enumerate(components)
    )
    return None if all(step.slot is None for step in steps) else steps


def _is_under_object(parents: tuple[str, ...]) -> bool:
    return not parents or parents in ALWAYS_OBJECTS


def _slot(component: _Component) -> int | None:
    text = component.text
    if component.is_key:
        return None
    if text == "-1":
        return APPEND
    if text and not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= 3 else ARRAY_INDEX_MAX + 1  # one too high is as good as any
