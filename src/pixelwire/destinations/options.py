"""Options of a destination: a frozen class each, checked field by field so that every problem is named.

Knows no destination.
"""

from difflib import get_close_matches
from typing import Any, Final, TypeVar

import msgspec

from pixelwire.destinations.secret import HIDDEN, Secret, decode
from pixelwire.errors import InvalidFields

# For `Meta(extra=...)` of an option that reaches what is the server's own: its network, its files, its
# environment. A business's token can not set it, the operator can.
OPERATOR_ONLY: Final = {"operator_only": True}
# The same of an option that says where events go: when it changes, the API asks for the secrets anew.
TARGET: Final = {"target": True}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every destination's options. Each field carries `Meta(description=...)`: its documentation.

    What must not be shown is a `Secret` or a `SecretUrl`.
    """

    def problems(self) -> list[str]:
        """What the types can not say, each as `field: text`. Overridden where there is such a thing."""
        return []

    def operator_only(self) -> list[str]:
        """The options, by name, whose values only the operator of the server may choose.

        Those marked OPERATOR_ONLY that are not at their default. Overridden where a value decides, such as
        an address that is a folder of the server: add to what this returns.
        """
        return [
            field.encode_name
            for field in msgspec.structs.fields(self)
            if is_operator_only(field.type) and getattr(self, field.name) != default_of(field)
        ]


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
        if not _is_encodable(given[name]):
            problems.append(f"{name}: holds a character that no text can have")
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


def typed_text(text: str, kind: Any) -> Any:
    """A text that is given for an option of a type (`5` for a number): as that type, or as it is where it
    does not fit, for `parse` to name it.
    """
    for strict in (True, False):
        try:
            value = msgspec.convert(text, kind, strict=strict, dec_hook=decode)
        except msgspec.ValidationError:
            continue
        return value if isinstance(value, bool | int | float) else text
    return text


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """The value of an option that is not given; NODEFAULT of one that must be."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def is_operator_only(annotation: Any) -> bool:
    """Whether an option of this type is marked OPERATOR_ONLY."""
    return any((meta.extra or {}).get("operator_only") for meta in _metas(annotation))


def is_target(annotation: Any) -> bool:
    """Whether an option of this type is marked TARGET."""
    return any((meta.extra or {}).get("target") for meta in _metas(annotation))


def _description(annotation: Any) -> str:
    return next((meta.description for meta in _metas(annotation) if meta.description), "")


def _metas(annotation: Any) -> list[msgspec.Meta]:
    return [meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else HIDDEN


def _is_encodable(value: Any) -> bool:
    """Whether every text in a value can be written down: JSON can hold halves of characters."""
    try:
        msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        return False
    return True


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
    return f"{name.encode('utf-8', 'backslashreplace').decode()}: is not an option; {hint}"
