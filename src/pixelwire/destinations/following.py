"""Secrets that would follow a destination to another target. Pure: knows no kind.

Who may change a destination may not read its secrets: sending them to a place of one's own would be reading.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pixelwire.destinations.options import Options, is_target, parse
from pixelwire.destinations.secret import Secret
from pixelwire.errors import InvalidFields


def following(
    kind: type[Options], stored: Mapping[str, Any], changed: Mapping[str, Any], changes: Mapping[str, Any]
) -> list[str]:
    """The names of stored secrets that changed options would take along to another target, although the
    changes do not give them. The changed options are valid.
    """
    new = parse(kind, dict(changed))
    if not _has_moved(kind, stored, new):
        return []
    return [
        ".".join(path)
        for path in _secrets(msgspec.structs.asdict(new))
        if _at(stored, path) == _at(changed, path) != _at(changes, path)
    ]


def _has_moved(kind: type[Options], stored: Mapping[str, Any], new: Options) -> bool:
    """Whether a target is another, be it at the same host: many share one. What can not be read any more is
    another."""
    try:
        before = parse(kind, dict(stored))
    except InvalidFields:
        return True
    fields = msgspec.structs.fields(kind)
    return any(
        is_target(field.type) and getattr(before, field.name) != getattr(new, field.name) for field in fields
    )


def _secrets(values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths to all secrets, through tables."""
    for name, value in values.items():
        if isinstance(value, Secret):
            yield (name,)
        elif isinstance(value, dict):
            yield from ((name, *rest) for rest in _secrets(value))


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
