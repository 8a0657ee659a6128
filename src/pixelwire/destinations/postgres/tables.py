"""Which tables and columns there are, and the growing of them, within bounds. Knows no events.

What is found is remembered: strangers choose names, so only tables that exist are, and those are bounded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from pixelwire.destinations.base import Misconfigured
from pixelwire.destinations.postgres import statements
from pixelwire.destinations.postgres.fitting import TEXT, TIME
from pixelwire.destinations.postgres.shape import (
    EVENT_COLUMNS,
    ID,
    PAGES,
    RECEIVED_AT,
    SOURCE,
    TEXT_COLUMNS,
    TIME_COLUMNS,
    TRACKS,
    WRITTEN_AT,
)
from pixelwire.destinations.postgres.statements import DISCARD_COLUMNS, DISCARDS, FIXED

if TYPE_CHECKING:
    from psycopg import AsyncConnection

FIXED_TABLES: Final = (TRACKS, PAGES, DISCARDS)
COLUMN_NUMBER_MAX: Final = 1_590  # PostgreSQL's limit is 1,600, dropped columns included
_TEXTS: Final = (TEXT, "character varying")
_ALWAYS_GIVEN: Final = (ID, SOURCE, RECEIVED_AT, WRITTEN_AT)


@dataclass
class Table:
    columns: dict[str, str]  # name -> type; "" where no value can be given
    column_number: int = 0  # the highest ever given
    problem: str = ""  # why nothing can be written to it
    is_ours: bool = True  # to add columns to


@dataclass
class Tables:
    """One schema's, as last looked at."""

    schema: str
    columns_max: int
    event_tables_max: int
    known: dict[str, Table] = field(default_factory=dict)
    event_tables: int = 0

    async def look(self, connection: "AsyncConnection[Any]", names: Collection[str]) -> None:
        """Learns of those tables that exist. Misconfigured where one of the fixed ones can not be used."""
        asked = {"schema": self.schema, "names": list(names)}
        for name, *found in await (await connection.execute(FIXED["relations"], asked)).fetchall():
            self.known[name] = _table(name, *found)
        for (name,) in await (await connection.execute(FIXED["types"], asked)).fetchall():
            self.known.setdefault(name, Table({}, problem="a type has its name"))
        for name in FIXED_TABLES:
            table = self.known.get(name)
            if table is not None and table.problem:
                raise Misconfigured(
                    f"table {self.schema}.{name} can not be used: {table.problem}",
                    hint="rename or correct it, or set another `schema`; then resume the destination",
                )

    async def grow(self, connection: "AsyncConnection[Any]", wanted: Mapping[str, Mapping[str, str]]) -> None:
        """Adds what is missing (table -> column -> type), within the bounds, in the open transaction."""
        await connection.execute(FIXED["lock"], {"key": crc32(f"pixelwire {self.schema}".encode())})
        asked = {"schema": self.schema}
        if await (await connection.execute(FIXED["schema"], asked)).fetchone() is None:
            await connection.execute(statements.create_schema(self.schema))
        await self.look(connection, wanted)
        counted = await (await connection.execute(FIXED["event_tables"], asked)).fetchone()
        assert counted is not None
        self.event_tables = counted[0]
        for name, columns in sorted(wanted.items()):  # the same order for every writer: no deadlock
            await self._grow_one(connection, name, columns)
        await self.look(connection, wanted)  # somebody else may have added the same, of another type

    def require_ours(self) -> None:
        """Misconfigured where columns can not be added to one of the fixed tables."""
        for name in FIXED_TABLES:
            if name in self.known and not self.known[name].is_ours:
                hint = f"ALTER TABLE {self.schema}.{name} OWNER TO ...; then resume the destination"
                raise Misconfigured(f"table {self.schema}.{name} belongs to another role", hint=hint)

    def lacks(self, name: str, columns: Collection[str]) -> list[str]:
        """The columns that a table does not have, and could."""
        table = self.known.get(name)
        if table is None:
            return list(columns) if self._may_create(name) else []
        if table.problem or self._room(table) == 0:
            return []
        return [column for column in columns if column not in table.columns]

    def why_missing(self, name: str) -> str:
        """Why a table, or a column of it, is not there after all that could be done."""
        table = self.known.get(name)
        if table is None:
            limit = f"event_tables_max is {self.event_tables_max:,}"
            return f"there are {self.event_tables:,} event tables already; {limit}"
        if table.problem:
            return f"the table can not be used: {table.problem}"
        return f"the table has {len(table.columns):,} columns already; columns_max is {self.columns_max:,}"

    def columns_of(self, name: str) -> Mapping[str, str]:
        """Name -> type of those that can be written to."""
        table = self.known.get(name)
        return {} if table is None or table.problem else table.columns

    def _may_create(self, name: str) -> bool:
        return name in FIXED_TABLES or self.event_tables < self.event_tables_max

    def _room(self, table: Table) -> int:
        return max(0, min(self.columns_max - len(table.columns), COLUMN_NUMBER_MAX - table.column_number))

    async def _grow_one(
        self, connection: "AsyncConnection[Any]", name: str, columns: Mapping[str, str]
    ) -> None:
        table = self.known.get(name)
        if table is None:
            if not self._may_create(name):
                return
            first = first_columns(name)
            more = {column: kind for column, kind in columns.items() if column not in first}
            added = first | dict(list(more.items())[: max(0, self.columns_max - len(first))])
            await connection.execute(statements.create_table(self.schema, name, added))
            if name == DISCARDS:
                await connection.execute(statements.index_discards(self.schema))
            self.event_tables += name not in FIXED_TABLES
            self.known[name] = Table(added, len(added))
        elif not table.problem:
            missing = {column: kind for column, kind in columns.items() if column not in table.columns}
            added = dict(list(missing.items())[: self._room(table)])
            if added:
                await connection.execute(statements.add_columns(self.schema, name, added))
                table.columns |= added
                table.column_number += len(added)


def first_columns(name: str) -> dict[str, str]:
    """Those that a table is made with."""
    if name == DISCARDS:
        return dict(DISCARD_COLUMNS)
    texts = TEXT_COLUMNS if name == PAGES else (*TEXT_COLUMNS, *EVENT_COLUMNS)
    return dict.fromkeys(texts, TEXT) | dict.fromkeys(TIME_COLUMNS, TIME)


def _table(
    name: str,
    kind: str,
    is_ours: bool,
    column_number: int,
    columns: dict[str, str],
    must: list[str],
    is_keyed: bool,
) -> Table:
    return Table(columns, column_number, _problem(name, kind, columns, must, is_keyed), is_ours)


def _problem(name: str, kind: str, columns: dict[str, str], must: list[str], is_keyed: bool) -> str:
    """What keeps us from writing to a relation, "" for nothing."""
    if kind not in ("r", "p"):
        return "it is no table"
    if name == DISCARDS:  # RudderStack's own may lack a column, which is then added
        expected = {column: type_ for column, type_ in DISCARD_COLUMNS.items() if column in columns}
    else:
        expected = {ID: TEXT, SOURCE: TEXT} | ({WRITTEN_AT: TIME} if WRITTEN_AT in columns else {})
    for column, type_ in expected.items():
        found = columns.get(column, "missing")
        if found != type_ and not (type_ == TEXT and found in _TEXTS):
            return f"its column {column} is {found}, not {type_}"
    if name != DISCARDS and not is_keyed:
        return f"it has no unique key of {ID} and {SOURCE}"
    if foreign := [column for column in must if column not in _ALWAYS_GIVEN]:
        return f"its column {foreign[0]} must have a value"
    return ""
