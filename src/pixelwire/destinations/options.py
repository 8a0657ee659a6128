"""Options of a destination: a frozen class each, checked field by field so that every problem is named.

Knows no destination.
"""

from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from pixelwire.destinations.secret import HIDDEN, Secret, decode
from pixelwire.errors import InvalidFields


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every destination's options. Each field carries `Meta(description=...)`: its documentation.

    What must not be shown is a `Secret` or a `SecretUrl`.
    """

    def problems(self) -> list[str]:
        """What the types can not say, each as `field: text`. Overridden where there is such a thing."""
        return []


O = TypeVar("O", bound=Options)  # noqa: E741 the name of a type


def parse(kind: type[O], given: dict[str, Any]) -> O:
    """The options as their class. InvalidFields with every problem; no text of it holds a secret."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    problems = [_unknown(name, list(fields)) for name in given if name not in fields]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in given:
            if field.required:
                problems.append(f"{name}: is required")
            continue
        try:
            values[field.name] = msgspec.convert(given[name], field.type, dec_hook=decode)
        except msgspec.ValidationError as exc:
            problems.append(f"{name}: {exc}")
    if problems:
        raise InvalidFields(problems)
    options = kind(**values)
    if problems := options.problems():
        raise InvalidFields(problems)
    return options


def shown(options: Options) -> dict[str, Any]:
    """The options for people to see: secrets are hidden, defaults are filled in."""
    return {
        field.encode_name: _shown(getattr(options, field.name)) for field in msgspec.structs.fields(options)
    }


def described(kind: type[Options]) -> dict[str, str]:
    """What each option is for, "" where its author did not say."""
    return {field.encode_name: _description(field.type) for field in msgspec.structs.fields(kind)}


def _description(annotation: Any) -> str:
    metas = [meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return next((meta.description for meta in metas if meta.description), "")


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else HIDDEN


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
    return f"{name}: is not an option; {hint}"
