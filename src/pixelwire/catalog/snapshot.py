"""The catalog as workers and the courier read it: small, read only, and never waiting for a writer.

Runs in every worker, so it imports apsw, msgspec and the foundation only.
"""

from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from pixelwire.catalog.checks import signals_by_name
from pixelwire.catalog.database import FILE, Row, catalog_path, open_to_read, reading, translated
from pixelwire.catalog.schema import refuse_newer, version_of
from pixelwire.catalog.statements import load, migrations
from pixelwire.catalog.wishes import Order, read_wish
from pixelwire.errors import CatalogError, SchemaMismatch

_SQL: Final = load("snapshot.sql")
_VERSION: Final = len(migrations())


class PixelEntry(msgspec.Struct, frozen=True):
    """What a worker knows of the pixel behind a write key."""

    number: int
    id: str
    is_enabled: bool  # False also when this write key is switched off
    rules: dict[str, int]  # normalised event name to a signal's number, 0 for null
    address: str = "masked"
    user_agent: str = "full"
    gpc: str = "count"


class DestinationEntry(msgspec.Struct, frozen=True):
    """What the courier knows of a destination. The options hold secrets: they are in no repr."""

    id: str
    business_id: str
    name: str
    kind: str
    options: dict[str, Any]
    is_enabled: bool
    revision: int  # grows with every change of the row
    start_after: int  # seq: events after this one are delivered
    pixels: frozenset[int]  # numbers of the pixels it gets
    filters: dict[str, Any] = {}  # as declared, for routing.parse_route
    transforms: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return f"DestinationEntry(id={self.id!r}, kind={self.kind!r}, revision={self.revision})"


class Snapshot:
    """A read-only connection that opens itself when first asked, and again after an error.

    Belongs to one thread. Every method raises CatalogError while the catalog can not be read.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = catalog_path(data_dir)
        self._connection: apsw.Connection | None = None
        self._seen_version: int | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._seen_version = None

    def has_changed(self) -> bool:
        """Whether anything was written since the last time this was asked; True the first time."""
        version: int = self._rows("PRAGMA data_version")[0][0]
        has_changed = version != self._seen_version
        self._seen_version = version
        return has_changed

    def keys(self) -> dict[str, PixelEntry]:
        """Every write key of the server."""
        return {row[0]: _entry(row) for row in self._rows(_SQL["keys"])}

    def find_key(self, write_key: str) -> PixelEntry | None:
        return self._find(_SQL["key"], write_key)

    def pixel(self, pixel_id: str) -> PixelEntry | None:
        return self._find(_SQL["pixel"], pixel_id)

    def pixel_by_number(self, number: int) -> PixelEntry | None:
        return self._find(_SQL["pixel_by_number"], number)

    def destinations(self) -> list[DestinationEntry]:
        """Those switched off included."""
        with reading(self._open()):
            return [self._destination(row) for row in self._rows(_SQL["destinations"])]

    def orders(self, after: int = 0) -> list[Order]:
        """Those after a number, in the order they were given; carried out or not, until they are forgotten.

        A wish that this version does not know is left out, for a newer one to read.
        """
        rows = self._rows(_SQL["orders"], after)
        wishes = ((row, read_wish(row[3])) for row in rows)
        return [Order(row[0], row[1], row[2], wish, row[4]) for row, wish in wishes if wish is not None]

    def _destination(self, row: Row) -> DestinationEntry:
        destination_id, business_id, name, kind, options, is_enabled, revision, start_after, takes_all = row[
            :9
        ]
        statement = _SQL["pixels_of_business" if takes_all else "pixels_of_destination"]
        pixels = frozenset(
            pixel[0] for pixel in self._rows(statement, business_id if takes_all else destination_id)
        )
        return DestinationEntry(
            id=destination_id,
            business_id=business_id,
            name=name,
            kind=kind,
            options=msgspec.json.decode(options),
            is_enabled=bool(is_enabled),
            revision=revision,
            start_after=start_after,
            pixels=pixels,
            filters=msgspec.json.decode(row[9]),
            transforms=msgspec.json.decode(row[10]),
        )

    def _find(self, sql: str, value: str | int) -> PixelEntry | None:
        rows = self._rows(sql, value)
        return _entry(rows[0]) if rows else None

    def _rows(self, sql: str, *values: Any) -> list[Row]:
        connection = self._open()
        try:
            with translated():
                return connection.execute(sql, values).fetchall()
        except CatalogError:
            self.close()
            raise

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            connection = open_to_read(self._path)
            try:
                _refuse_unknown(version_of(connection))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _refuse_unknown(version: int) -> None:
    if version < _VERSION:
        raise CatalogError(
            f"{FILE} is not ready", hint="start `pixelwire serve`, it brings the catalog up to date"
        )
    try:
        refuse_newer(version, _VERSION)
    except SchemaMismatch as exc:
        raise CatalogError(exc.text, hint=exc.hint) from exc


def _entry(row: Row) -> PixelEntry:
    rules = signals_by_name(msgspec.json.decode(row[4])) if row[4] != "{}" else {}
    return PixelEntry(row[1], row[2], bool(row[3]), rules, *row[5:8])
