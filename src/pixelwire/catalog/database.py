"""The catalog's file: how it is opened, its transactions, and what SQLite's errors become. Knows no table.

Several processes write (management and command line), so every writing transaction takes the lock
at its start and another one waits for it.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from pixelwire import room
from pixelwire.errors import CatalogBusy, CatalogError

FILE: Final = "catalog.db"
BUSY_WAIT_MS: Final = 3_000
READERS_BUSY_WAIT_MS: Final = 100  # a worker reads on its event loop; it asks again in a moment

Row = tuple[Any, ...]


def catalog_path(data_dir: Path) -> Path:
    return data_dir / FILE


@contextmanager
def translated() -> Iterator[None]:
    """The one table from SQLite's errors to ours."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as exc:
        raise CatalogBusy from exc
    except (apsw.CorruptError, apsw.NotADBError) as exc:
        raise CatalogError(f"{FILE} is damaged: {exc}", hint="restore it from a backup") from exc
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as exc:
        raise CatalogError(
            f"{FILE} can not be opened: {exc}", hint="check the data directory and who owns it"
        ) from exc
    except apsw.Error as exc:
        raise CatalogError(f"{FILE}: {exc}", hint=room.hint(exc)) from exc


def open_to_write(path: Path) -> apsw.Connection:
    """A connection that may write. The file holds secrets of destinations: nobody but its owner reads it.

    SQLite gives the files beside it (-wal, -shm) the same mode.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise CatalogError(f"{path} can not be opened: {exc.strerror}", hint="check who owns it") from exc
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    with translated():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_WAIT_MS)
        for pragma in ("journal_mode = wal", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
    return connection


def open_to_read(path: Path) -> apsw.Connection:
    with translated():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(READERS_BUSY_WAIT_MS)
    return connection


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """One transaction, all or nothing; on disk when this returns. Inside another one it is a part of that:
    who catches an error inside must let the whole fail, as nothing of the part is undone alone.
    """
    if connection.in_transaction:
        with translated():
            yield
        return
    with translated():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # After some errors (a full disk) SQLite has rolled back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def reading(connection: apsw.Connection) -> Iterator[None]:
    """One view of the file for several statements; short, so that it holds no checkpoint back. Inside a
    transaction it is that one's.
    """
    if connection.in_transaction:
        with translated():
            yield
        return
    with translated():
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


class Database:
    """What the parts of the catalog, one a subject, stand on. Belongs to one thread."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    def _rows(self, sql: str, *values: Any) -> list[Row]:
        with translated():
            return self._connection.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: Any) -> Row | None:
        rows = self._rows(sql, *values)
        return rows[0] if rows else None

    def _run(self, sql: str, *values: Any) -> int:
        """How many rows it changed."""
        with translated():
            self._connection.execute(sql, values)
            return self._connection.changes()

    def _run_many(self, sql: str, rows: Iterable[Row]) -> None:
        with translated():
            self._connection.executemany(sql, rows)
