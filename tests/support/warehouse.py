"""A PostgreSQL destination on a database of its own, and what is in its tables."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from psycopg import sql

from pixelwire.clock import Clock, SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import Batch, Item, ItemResult, Sent, Surroundings
from support.postgres import HOST, SUPERUSER, PostgresServer

PIXEL: Final = "5" * 32
SCHEMA: Final = "pixelwire"


class Warehouse:
    """`with Warehouse(server) as warehouse:` sends, on an event loop of its own, and looks."""

    def __init__(self, server: PostgresServer, *, clock: Clock | None = None, **options: Any) -> None:
        self.server = server
        self.database = options.get("database") or server.new_database()
        given = {
            "host": HOST,
            "port": server.port,
            "database": self.database,
            "user": SUPERUSER,
            "password": server.password,
            "sslmode": "disable",
            "timeout_s": 20.0,
        }
        surroundings = Surroundings(clock or SystemClock(), allow_private_addresses=True)
        self.destination, self.limits = registry.build("postgres", given | options, surroundings)
        self._runner = asyncio.Runner()
        self._seq = 0

    def __enter__(self) -> Self:
        self._runner.run(self.destination.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self.destination.close())
        self._runner.close()

    def send(self, *items: Item) -> list[ItemResult]:
        return list(self._runner.run(self.destination.send(Batch(items))).results)

    def store(self, *items: Item) -> None:
        """Sends what has to arrive."""
        assert self.send(*items) == [Sent()] * len(items)

    def check(self) -> None:
        self._runner.run(self.destination.check())

    def track(self, event: str = "Clicked", properties: dict[str, Any] | None = None, **other: Any) -> Item:
        return self.item("track", {"event": event, "properties": properties or {}}, **other)

    def page(self, properties: dict[str, Any] | None = None, **other: Any) -> Item:
        return self.item("page", {"properties": properties or {}}, **other)

    def item(self, call: Any, payload: dict[str, Any] | bytes, **other: Any) -> Item:
        """With an id of its own, unless it is given."""
        self._seq += 1
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        fields = {"message_id": f"m{self._seq}", "pixel_id": PIXEL, "attempt": 1, **other}
        return Item(
            seq=self._seq, call=call, received_ms=1_769_144_167_089, identity="", payload=body, **fields
        )

    def execute(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        """As the database's administrator."""
        with self.server.connect(self.database) as connection:
            connection.execute(query.encode(), parameters)

    def ask(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """The first column of the rows."""
        with self.server.connect(self.database) as connection:
            return [row[0] for row in connection.execute(query.encode(), parameters).fetchall()]

    def rows(self, table: str, *, but: Sequence[str] = ("uuid_ts",)) -> list[dict[str, Any]]:
        """What JSON has of each row, by its id; without what is NULL, and without some columns."""
        rows = 'select to_jsonb("Row") as "J" from {} as "Row"'  # no column has a capital letter
        query = sql.SQL(f'select "J" from ({rows}) as t order by "J" ->> \'id\', "J"::text')
        with self.server.connect(self.database) as connection:
            found = connection.execute(query.format(sql.Identifier(SCHEMA, table))).fetchall()
        return [
            {column: value for column, value in row.items() if value is not None and column not in but}
            for (row,) in found
        ]

    def tables(self) -> list[str]:
        return self.ask("select tablename::text from pg_tables where schemaname = %s order by 1", [SCHEMA])

    def types(self, table: str) -> dict[str, str]:
        """Column -> type."""
        query = (
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        )
        with self.server.connect(self.database) as connection:
            return dict(connection.execute(query, [f'{SCHEMA}."{table}"']).fetchall())

    def discards(self) -> list[tuple[str, str, str, str]]:
        """(table, column, value, reason) of each."""
        return sorted(
            (row["table_name"], row["column_name"], row["column_value"], row["reason"])
            for row in self.rows("rudder_discards")
        )
