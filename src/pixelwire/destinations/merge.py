"""A destination's options with changes over them. Pure: knows no kind."""

from collections.abc import Mapping
from typing import Any


def merged(stored: Mapping[str, Any], shown: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored with changes over it, name by name, in tables too; null (None) takes a name out.

    `shown` is what people see of the stored options. A value that comes back as it was shown stays as it is
    stored: that way options can be read, changed and sent back, though their secrets were hidden.
    """
    result = dict(stored)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif name in shown and value == shown[name]:
            continue
        elif isinstance(value, dict):
            result[name] = merged(_table(stored, name), _table(shown, name), value)
        else:
            result[name] = value
    return result


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}
