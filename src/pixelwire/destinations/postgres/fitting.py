"""Which values fit a column's type, and which type a new column gets. Pure; types by PostgreSQL's names.

A value is stored whole or not at all: what would have to be rounded, cut or guessed at does not fit.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pixelwire.destinations.postgres.shape import TIME_COLUMNS, Row
from pixelwire.destinations.postgres.texts import as_json, as_text, as_time

TEXT: Final = "text"
TIME: Final = "timestamp with time zone"
BIGINT: Final = "bigint"
DOUBLE: Final = "double precision"
BOOLEAN: Final = "boolean"

# A row has to fit into a page of 8 KiB. Long texts move out of it and leave 18 bytes, those of up to 24 bytes
# stay; the header and a bit for each of 1,600 columns are taken off.
ROW_BYTES_MAX: Final = 7_800
TEXT_BYTES_IN_ROW_MAX: Final = 24
OTHER_BYTES_IN_ROW_MAX: Final = 16  # 8, and as much to align them
VALUES_THAT_ALWAYS_FIT: Final = ROW_BYTES_MAX // TEXT_BYTES_IN_ROW_MAX

_TEXTS: Final = (TEXT, "character varying")
_BIGINTS: Final = range(-(2**63), 2**63)
_INTEGERS: Final = range(-(2**31), 2**31)
_SMALLINTS: Final = range(-(2**15), 2**15)
_EXACT_IN_FLOATS: Final = 2**53


def new_type(values: Iterable[Any]) -> str:
    """The type of a column for the values that made it necessary: mixed ones are text."""
    types = {_own_type(value) for value in values}
    if len(types) == 1:
        return types.pop()
    return DOUBLE if types == {BIGINT, DOUBLE} else TEXT


def columns_of_any_value(columns: Mapping[str, str]) -> frozenset[str]:
    """Those that take every value a shaped row can have in them, as it is: in JSON all has a text."""
    return frozenset(
        column
        for column, kind in columns.items()
        if kind in _TEXTS or (kind == TIME and column in TIME_COLUMNS)  # these are times already
    )


def fit(
    row: Row, columns: Mapping[str, str], of_any_value: frozenset[str], reason_if_missing: str
) -> tuple[Row, list[tuple[str, str]]]:
    """The row as the columns (name -> type) take it, and which of its columns do not, with the reason."""
    misfits: list[tuple[str, str]] = []
    if rest := row.keys() - of_any_value:
        row = dict(row)
        for column in [column for column in row if column in rest]:
            value, kind = row[column], columns.get(column)
            if kind is None:
                misfits.append((column, reason_if_missing))
            elif kind not in _FITS:
                misfits.append((column, f"the column has a type that is not written: {kind or 'generated'}"))
            elif (taken := _FITS[kind](value)) is None:
                misfits.append((column, f"it does not fit the column's type {kind}"))
            else:
                row[column] = taken
        for column, _ in misfits:
            del row[column]
    if len(row) > VALUES_THAT_ALWAYS_FIT and (beyond := _beyond_a_page(row)):
        misfits += [(column, "the row is full") for column in beyond]
        row = {column: value for column, value in row.items() if column not in beyond}
    return row, misfits


def is_written(kind: str) -> bool:
    """Whether values are ever written to a column of this type."""
    return kind in _FITS


def has_equality(kind: str) -> bool:
    """Whether two values of the type can be compared."""
    return kind in _FITS and kind != "json"


def _own_type(value: Any) -> str:
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return BIGINT if value in _BIGINTS else TEXT
    return DOUBLE if isinstance(value, float) else TEXT


def _beyond_a_page(row: Row) -> set[str]:
    left, beyond = ROW_BYTES_MAX, set()
    for column, value in row.items():
        left -= _bytes_in_row(value)
        if left < 0:
            beyond.add(column)
    return beyond


def _bytes_in_row(value: Any) -> int:
    if isinstance(value, str):
        return min(len(value.encode()) + 1, TEXT_BYTES_IN_ROW_MAX)
    return OTHER_BYTES_IN_ROW_MAX if isinstance(value, int | float) else TEXT_BYTES_IN_ROW_MAX


def _within(numbers: range) -> Callable[[Any], int | None]:
    def whole_number(value: Any) -> int | None:
        if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_IN_FLOATS:
            value = int(value)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return value if is_whole and value in numbers else None

    return whole_number


def _double(value: Any) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, float) or abs(value) <= _EXACT_IN_FLOATS else None


def _numeric(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _json(value: Any) -> Any:
    text = as_json(value)
    return None if "\\u0000" in text or "\\ud" in text else value


_FITS: Final[dict[str, Callable[[Any], Any]]] = {
    TEXT: as_text,
    "character varying": as_text,
    BIGINT: _within(_BIGINTS),
    "integer": _within(_INTEGERS),
    "smallint": _within(_SMALLINTS),
    DOUBLE: _double,
    "numeric": _numeric,
    BOOLEAN: _boolean,
    TIME: as_time,
    "timestamp without time zone": as_time,
    "json": _json,
    "jsonb": _json,
}
