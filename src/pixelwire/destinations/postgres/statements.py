"""The SQL: what stands in tables.sql, and what depends on the names of tables and columns. Pure."""

import re
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Final

from pixelwire.destinations.postgres.fitting import has_equality, is_written
from pixelwire.destinations.postgres.shape import ID, SOURCE, WRITTEN_AT

DISCARDS: Final = "rudder_discards"
# RudderStack's columns, and the pixel: a message id alone names no event.
DISCARD_COLUMNS: Final = {
    "table_name": "text",
    "row_id": "text",
    SOURCE: "text",
    "column_name": "text",
    "column_value": "text",
    "reason": "text",
    "received_at": "timestamp with time zone",
    WRITTEN_AT: "timestamp with time zone",
}

_NAME: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def _load(file: str) -> dict[str, str]:
    parts = _NAME.split((files("pixelwire.destinations.postgres") / file).read_text("utf-8"))
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


FIXED: Final = _load("tables.sql")


def quoted(*names: str) -> str:
    """An identifier, with what it is in before it."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def create_schema(schema: str) -> str:
    return f"CREATE SCHEMA {quoted(schema)}"


def create_table(schema: str, table: str, columns: Mapping[str, str]) -> str:
    """With the key that tells events apart, unless it is for what was discarded: many rows an event."""
    parts = [f"{quoted(column)} {kind}" for column, kind in columns.items()]
    if table != DISCARDS:
        parts.append(f"PRIMARY KEY ({_KEY})")
    return f"CREATE TABLE {quoted(schema, table)} ({', '.join(parts)})"


def index_discards(schema: str) -> str:
    """An event's discards are replaced when it comes again."""
    return f'CREATE INDEX ON {quoted(schema, DISCARDS)} ("row_id")'


def add_columns(schema: str, table: str, columns: Mapping[str, str]) -> str:
    parts = [f"ADD COLUMN IF NOT EXISTS {quoted(column)} {kind}" for column, kind in columns.items()]
    return f"ALTER TABLE {quoted(schema, table)} {', '.join(parts)}"


def upsert(schema: str, table: str, given: Collection[str], columns: Mapping[str, str]) -> str:
    """Takes the rows as one parameter, a JSON array of objects. `given`: the columns that are in one of them.

    A row that is there already, the same, stays as it is; another one is replaced as a whole.
    """
    names = [quoted(column) for column in columns if column in given]
    types = [f"{quoted(column)} {kind}" for column, kind in columns.items() if column in given]
    others = [column for column, kind in columns.items() if is_written(kind) and column not in (ID, SOURCE)]
    replaced = ", ".join(f"{quoted(column)} = excluded.{quoted(column)}" for column in others)
    compared = [c for c in others if c != WRITTEN_AT and has_equality(columns[c])]
    stamp, now = (f", {quoted(WRITTEN_AT)}", ", now()") if WRITTEN_AT in others else ("", "")
    return (
        f"INSERT INTO {quoted(schema, table)} AS held ({', '.join(names)}{stamp})"  # noqa: S608 names are quoted, values are parameters
        f" SELECT {', '.join(names)}{now} FROM json_to_recordset(%s::json) AS given ({', '.join(types)})"
        f" ON CONFLICT ({_KEY}) DO UPDATE SET {replaced}"
        f" WHERE ({_of('held', compared)}) IS DISTINCT FROM ({_of('excluded', compared)})"
    )


def delete_discards(schema: str) -> str:
    """Of the events in one parameter: a JSON array of objects with their key."""
    table = quoted(schema, DISCARDS)
    return (
        f"DELETE FROM {table} AS held USING json_to_recordset(%s::json) AS gone (id text, source text)"  # noqa: S608 names are quoted, values are parameters
        f" WHERE held.row_id = gone.id AND held.{quoted(SOURCE)} = gone.source"
    )


def insert_discards(schema: str) -> str:
    """Takes the rows as one parameter, a JSON array of objects."""
    given = {column: kind for column, kind in DISCARD_COLUMNS.items() if column != WRITTEN_AT}
    names = ", ".join(quoted(column) for column in given)
    types = ", ".join(f"{quoted(column)} {kind}" for column, kind in given.items())
    return (
        f"INSERT INTO {quoted(schema, DISCARDS)} ({names}, {quoted(WRITTEN_AT)})"  # noqa: S608 names are quoted, values are parameters
        f" SELECT {names}, now() FROM json_to_recordset(%s::json) AS given ({types})"
    )


def _of(row: str, columns: list[str]) -> str:
    return ", ".join(f"{row}.{quoted(column)}" for column in columns)


_KEY: Final = f"{quoted(ID)}, {quoted(SOURCE)}"
