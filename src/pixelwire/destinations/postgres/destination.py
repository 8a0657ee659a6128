"""PostgreSQL: a batch is one transaction, which writes each event's rows or finds them there. Four methods.

Knows the order of things; what a row is, and which tables there are, is its neighbours' to know.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    Item,
    Misconfigured,
    Surroundings,
)
from pixelwire.destinations.postgres.batch import Filled, Grouped, fill, group, missing
from pixelwire.destinations.postgres.connection import Link, check_ca_file
from pixelwire.destinations.postgres.errors import CERTAIN_S, translate
from pixelwire.destinations.postgres.options import PostgresOptions
from pixelwire.destinations.postgres.statements import DISCARDS, FIXED
from pixelwire.destinations.postgres.tables import Tables

if TYPE_CHECKING:
    from psycopg import AsyncConnection

T = TypeVar("T")

EVENTS_AT_ONCE: Final = 100  # with more, rows are made in another thread: about 5 ms of the event loop's time
LOCK_S_MAX: Final = 5.0  # who waits to add a column makes every reader of the table wait behind it


class Postgres:
    def __init__(self, options: PostgresOptions, surroundings: Surroundings) -> None:
        try:
            import psycopg  # noqa: F401 to say now what is missing
        except ImportError as exc:
            hint = 'pip install "pixelwire[postgres]", then resume the destination'
            raise Misconfigured("the library psycopg is not installed", hint=hint) from exc
        # It warns of errors that it passes over while it raises another, which says as much.
        logging.getLogger("psycopg").setLevel(logging.CRITICAL)
        self._options = options
        self._clock = surroundings.clock
        self._is_guarded = not (options.allow_private_addresses or surroundings.allow_private_addresses)
        self._link = self._new_link()
        self._tables: Tables | None = None
        self._looked_s = 0.0

    async def open(self) -> None:
        if self._options.ca_file is not None:
            check_ca_file(self._options.ca_file)

    async def check(self) -> None:
        """Makes the tables, and writes a page and an event, in a transaction that is rolled back."""
        link = self._new_link()
        try:
            await link.bounded(self._try_out(link))
        finally:
            await link.drop()

    async def send(self, batch: Batch) -> BatchResult:
        grouped = await _aside(len(batch.items), group, batch.items)
        if grouped.rows:
            await self._link.bounded(self._write(grouped))
        return BatchResult(grouped.results)

    async def close(self) -> None:
        await self._link.drop()

    def _new_link(self) -> Link:
        return Link(self._options, self._clock, is_guarded=self._is_guarded)

    async def _write(self, grouped: Grouped) -> None:
        import psycopg

        connection = await self._link.ready()
        looked_s_ago, is_done = 0.0, False
        try:
            if self._tables is not None:
                looked_s_ago = self._clock.monotonic_s() - self._looked_s
            tables = await self._grown(connection, grouped)
            filled = await _aside(len(grouped.results), fill, grouped, tables)
            if filled.has_misfits and looked_s_ago > CERTAIN_S:
                self._tables, looked_s_ago = None, 0.0  # its owner may have made room
                tables = await self._grown(connection, grouped)
                filled = await _aside(len(grouped.results), fill, grouped, tables)
            async with self._transaction(connection):
                await _run(connection, filled)
            is_done = True
        except psycopg.Error as exc:
            raise translate(exc, looked_s_ago=looked_s_ago) from exc
        finally:
            if not is_done:
                self._tables = None
                await self._link.drop()

    async def _grown(self, connection: "AsyncConnection[Any]", grouped: Grouped) -> Tables:
        """The tables, with everything in them that the rows need and there may be."""
        if self._tables is None:
            self._tables = self._new_tables()
            self._looked_s = self._clock.monotonic_s()
        tables = self._tables
        if unknown := {*grouped.rows, DISCARDS} - tables.known.keys():
            await tables.look(connection, unknown)
        if wanted := missing(grouped, tables):
            async with self._transaction(connection):
                await tables.grow(connection, wanted)
        return tables

    async def _try_out(self, link: Link) -> None:
        import psycopg

        connection = await link.ready()
        tables, grouped = self._new_tables(), group(_sample())
        try:
            async with self._transaction(connection, is_kept=False):
                await tables.grow(connection, missing(grouped, tables))
                tables.require_ours()
                await _run(connection, fill(grouped, tables))
        except psycopg.Error as exc:
            raise translate(exc) from exc

    @asynccontextmanager
    async def _transaction(
        self, connection: "AsyncConnection[Any]", *, is_kept: bool = True
    ) -> AsyncIterator[None]:
        """With its time-outs, and in a pipeline: a distant server costs one way there and back, not many."""
        statement_ms = round(self._options.timeout_s * 1_000)
        lock_ms = min(statement_ms, round(LOCK_S_MAX * 1_000))
        limits = {"statement_ms": str(statement_ms), "lock_ms": str(lock_ms)}
        async with connection.pipeline(), connection.transaction(force_rollback=not is_kept):
            await connection.execute(FIXED["begin"], limits)
            yield

    def _new_tables(self) -> Tables:
        return Tables(self._options.schema, self._options.columns_max, self._options.event_tables_max)


async def _run(connection: "AsyncConnection[Any]", filled: Filled) -> None:
    for statement in filled.statements:
        await connection.execute(statement.sql, (statement.rows,))


def _sample() -> Sequence[Item]:
    """A page and an event, for a check. No table that is there needs a column for it: that would lock it."""
    track = msgspec.json.encode({"anonymousId": "check", "event": "Pixelwire check"})
    return [
        Item(0, "check", "0" * 32, "page", 0, "check", 1, b'{"anonymousId":"check"}'),
        Item(0, "check", "0" * 32, "track", 0, "check", 1, track),
    ]


async def _aside(events: int, work: Callable[..., T], *arguments: Any) -> T:
    """In another thread where it would hold the event loop up."""
    if events > EVENTS_AT_ONCE:
        return await asyncio.to_thread(work, *arguments)
    return work(*arguments)


SPEC: Final = DestinationSpec(
    kind="postgres",
    summary="Events as rows of PostgreSQL, in RudderStack's warehouse shape: a table for each event name.",
    options=PostgresOptions,
    build=Postgres,
    batch_limits=lambda options: BatchLimits(
        concurrency=1,
        events_max=options.batch_events_max,
        bytes_max=options.batch_bytes_max,
        linger_s=options.linger_s,
        keeps_order=True,
    ),
)
