"""A batch between its items and its statements: grouped by table, then fitted to the tables. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from pixelwire.destinations.base import GiveUp, Item, ItemResult, Sent
from pixelwire.destinations.postgres import statements
from pixelwire.destinations.postgres.fitting import columns_of_any_value, fit, new_type
from pixelwire.destinations.postgres.shape import (
    RECEIVED_AT,
    SOURCE,
    TRACKS,
    WRITTEN_AT,
    Discard,
    Row,
    Unshapeable,
    shape,
)
from pixelwire.destinations.postgres.statements import DISCARDS
from pixelwire.destinations.postgres.tables import Tables, first_columns
from pixelwire.destinations.postgres.texts import as_storable

Key = tuple[str, str]  # message id, pixel


@dataclass
class Grouped:
    """The rows by table. Of several events with one key the last one counts, as if they came one by one."""

    results: list[ItemResult] = field(default_factory=list)
    rows: dict[str, dict[Key, Row]] = field(default_factory=dict)
    discards: dict[Key, list[Discard]] = field(default_factory=dict)
    received: dict[Key, str] = field(default_factory=dict)
    repeated: set[Key] = field(default_factory=set)  # what was discarded of them before, is void


class Statement(NamedTuple):
    """With its one parameter."""

    sql: str
    rows: str


@dataclass
class Filled:
    statements: list[Statement]
    has_misfits: bool  # something did not go into its column


def group(items: Sequence[Item]) -> Grouped:
    grouped = Grouped()
    for item in items:
        try:
            shaped = shape(item)
        except Unshapeable as exc:
            grouped.results.append(GiveUp(str(exc)))
            continue
        grouped.results.append(Sent())
        key = (item.message_id, item.pixel_id)
        for table, row in shaped.rows.items():
            grouped.rows.setdefault(table, {})[key] = row
            grouped.received[key] = row[RECEIVED_AT]
        if shaped.discards:
            grouped.discards[key] = shaped.discards
        if item.replay or item.attempt > 1:
            grouped.repeated.add(key)
    return grouped


def missing(grouped: Grouped, tables: Tables) -> dict[str, dict[str, str]]:
    """What could be added to the tables: table -> column -> type."""
    wanted: dict[str, dict[str, str]] = {}
    for table, rows in grouped.rows.items():
        values: dict[str, list[Any]] = {}
        known, own = tables.columns_of(table), first_columns(table)
        for row in rows.values():
            if row.keys() <= known.keys():
                continue
            for column, value in row.items():
                if column not in known:
                    values.setdefault(column, []).append(value)
        types = {WRITTEN_AT: own[WRITTEN_AT]} if WRITTEN_AT not in known else {}
        types |= {column: own.get(column) or new_type(found) for column, found in values.items()}
        if lacking := tables.lacks(table, types):
            wanted[table] = {column: types[column] for column in lacking}
    if lacking := tables.lacks(DISCARDS, statements.DISCARD_COLUMNS):
        wanted[DISCARDS] = {column: statements.DISCARD_COLUMNS[column] for column in lacking}
    return wanted


def fill(grouped: Grouped, tables: Tables) -> Filled:
    """The statements that write the batch, to be run in one transaction."""
    schema = tables.schema
    discards = {key: list(found) for key, found in grouped.discards.items()}
    upserts: list[Statement] = []
    has_misfits = False
    for table, rows in grouped.rows.items():
        columns, why_missing = tables.columns_of(table), tables.why_missing(table)
        of_any_value = columns_of_any_value(columns)
        fitted: list[Row] = []
        given: set[str] = set()
        for key, row in rows.items():
            taken, misfits = fit(row, columns, of_any_value, why_missing)
            if misfits:
                has_misfits = True
                if not columns:
                    misfits = _only_there(misfits, row, grouped.rows.get(TRACKS, {}).get(key, {}))
                discards.setdefault(key, []).extend(
                    Discard(table, column, row[column], reason) for column, reason in misfits
                )
            if not taken.keys() <= given:
                given.update(taken)
            fitted.append(taken)
        if columns:
            upserts.append(Statement(statements.upsert(schema, table, given, columns), _json(fitted)))
    gone = [{"id": key[0], "source": key[1]} for key in sorted(grouped.repeated | discards.keys())]
    if gone:
        upserts.append(Statement(statements.delete_discards(schema), _json(gone)))
    if found := [_discard_row(key, one, grouped) for key, several in discards.items() for one in several]:
        upserts.append(Statement(statements.insert_discards(schema), _json(found)))
    return Filled(upserts, has_misfits)


def _only_there(misfits: list[tuple[str, str]], row: Row, tracks_row: Row) -> list[tuple[str, str]]:
    """What an event's own table would have had alone: the rest is in `tracks`."""
    return [(column, reason) for column, reason in misfits if tracks_row.get(column) is not row[column]]


def _discard_row(key: Key, discard: Discard, grouped: Grouped) -> Mapping[str, str]:
    return {
        "table_name": discard.table,
        "row_id": key[0],
        SOURCE: key[1],
        "column_name": discard.column,
        "column_value": as_storable(discard.value),
        "reason": discard.reason,
        "received_at": grouped.received[key],
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
