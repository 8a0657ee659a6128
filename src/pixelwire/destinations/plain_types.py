"""An option's type in words for people, from its declaration. Knows no destination."""

from typing import Final

from msgspec import inspect

from pixelwire.destinations.options import Options
from pixelwire.destinations.secret import Secret, SecretUrl

_WORDS: Final[dict[type[inspect.Type], str]] = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.StructType: "table",
}
_PLURALS: Final = {
    "text": "texts",
    "whole number": "whole numbers",
    "number": "numbers",
    "table": "tables",
    "secret": "secrets",
}


def plain_types(kind: type[Options]) -> dict[str, str]:
    """Each option's type by the option's name: `text`, `number, 0.1 to 300`, `secret`, `table of texts`."""
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return {field.encode_name: plain_type(field.type) for field in found.fields}


def plain_type(kind: inspect.Type) -> str:
    """NotImplementedError for a type without words: add them here."""
    match kind:
        case inspect.Metadata():
            return plain_type(kind.type)
        case inspect.UnionType():
            return " or ".join(plain_type(one) for one in kind.types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType():
            return _alternatives([f"`{value}`" for value in kind.values])
        case inspect.DictType():
            return f"table of {_several(kind.value_type)}"
        case inspect.ListType() | inspect.VarTupleType():
            return f"list of {_several(kind.item_type)}"
        case inspect.CustomType() if issubclass(kind.cls, SecretUrl):
            return "address, shown without path and query"
        case inspect.CustomType() if issubclass(kind.cls, Secret):
            return "secret, never shown"
    if type(kind) not in _WORDS:
        raise NotImplementedError(f"no words for {kind}")
    bounds = _bounds(kind) if isinstance(kind, inspect.IntType | inspect.FloatType) else ""
    return f"{_WORDS[type(kind)]}, {bounds}" if bounds else _WORDS[type(kind)]


def _several(kind: inspect.Type) -> str:
    one, comma, more = plain_type(kind).partition(",")
    return _PLURALS.get(one, one) + comma + more


def _alternatives(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f"{_figure(kind.ge)} to {_figure(kind.le)}"
    bounds = {"above": kind.gt, "at least": kind.ge, "below": kind.lt, "at most": kind.le}
    return ", ".join(f"{words} {_figure(value)}" for words, value in bounds.items() if value is not None)


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
