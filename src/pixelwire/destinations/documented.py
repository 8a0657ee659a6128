"""The options of a kind of destination as data: enough for a program to fill in a form. Knows no kind."""

from typing import Any

import msgspec
from msgspec import inspect

from pixelwire.destinations.options import Options, default_of, described, is_operator_only
from pixelwire.destinations.plain_types import plain_type
from pixelwire.destinations.secret import Secret


class OptionDocument(msgspec.Struct, frozen=True):
    """One option. `default` is as it would be shown; None where there is none or it is required."""

    name: str
    type: str  # text, integer, number, boolean, list or table
    words: str  # the type for people, bounds included
    choices: list[Any] | None  # None: any of its type
    required: bool
    default: Any
    secret: bool  # never shown once it is given; of a table, its values
    operator_only: bool
    description: str


def documented(kind: type[Options]) -> list[OptionDocument]:
    """In the order of their declaration."""
    descriptions = described(kind)
    types = {entry.encode_name: entry.type for entry in _struct(kind).fields}
    return [
        OptionDocument(
            name=field.encode_name,
            type=_word(types[field.encode_name]),
            words=_words(types[field.encode_name]),
            choices=_choices(types[field.encode_name]),
            required=field.required,
            default=None if field.required else msgspec.to_builtins(default_of(field), enc_hook=repr),
            secret=_is_secret(types[field.encode_name]),
            operator_only=is_operator_only(field.type),
            description=descriptions[field.encode_name],
        )
        for field in msgspec.structs.fields(kind)
    ]


def _struct(kind: type[Options]) -> inspect.StructType:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found


def _word(kind: inspect.Type) -> str:
    plain = _plain(kind)
    if isinstance(plain, inspect.BoolType):
        return "boolean"
    if isinstance(plain, inspect.IntType):
        return "integer"
    if isinstance(plain, inspect.FloatType):
        return "number"
    if isinstance(plain, inspect.DictType | inspect.StructType):
        return "table"
    if isinstance(plain, inspect.ListType | inspect.SetType | inspect.FrozenSetType | inspect.VarTupleType):
        return "list"
    return "text"


def _words(kind: inspect.Type) -> str:
    try:
        return plain_type(kind)
    except NotImplementedError:  # of a plug-in: its other options are told all the same
        return _word(kind)


def _choices(kind: inspect.Type) -> list[Any] | None:
    plain = _plain(kind)
    return list(plain.values) if isinstance(plain, inspect.LiteralType) else None


def _is_secret(kind: inspect.Type) -> bool:
    plain = _plain(kind)
    if isinstance(plain, inspect.DictType):
        return _is_secret(plain.value_type)
    if isinstance(plain, inspect.ListType):
        return _is_secret(plain.item_type)
    return isinstance(plain, inspect.CustomType) and issubclass(plain.cls, Secret)


def _plain(kind: inspect.Type) -> inspect.Type:
    """Without what is said about it, and without `None` beside it."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        kinds = [inner for inner in kind.types if not isinstance(inner, inspect.NoneType)]
        return _plain(kinds[0])
    return kind
