"""delivery.db: how it is opened and migrated, and what SQLite's errors become. Knows no table."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from pixelwire import room
from pixelwire.deliver.statements import script
from pixelwire.errors import DeliveryError, SchemaMismatch

FILE: Final = "delivery.db"
MIGRATIONS: Final = (
    "0001_delivery.sql",
    "0002_expired.sql",
    "0003_lines.sql",
    "0004_letters.sql",
    "0005_replays.sql",
    "0006_filtered.sql",
)
BUSY_WAIT_MS: Final = 3_000


def delivery_path(data_dir: Path) -> Path:
    return data_dir / FILE


@contextmanager
def translated() -> Iterator[None]:
    """The one table from SQLite's errors to ours."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as exc:
        raise DeliveryError(f"{FILE} is damaged: {exc}", hint="restore it from a backup") from exc
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as exc:
        hint = "check the data directory and who owns it"
        raise DeliveryError(f"{FILE} can not be opened: {exc}", hint=hint) from exc
    except apsw.Error as exc:
        raise DeliveryError(f"{FILE}: {exc}", hint=room.hint(exc)) from exc


def open_to_write(data_dir: Path) -> apsw.Connection:
    """The courier's connection, at the newest schema. Dead letters hold what visitors sent: mode 0600."""
    path = delivery_path(data_dir)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise DeliveryError(f"{path} can not be opened: {exc.strerror}", hint="check who owns it") from exc
    with translated():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_WAIT_MS)
        connection.execute("PRAGMA journal_mode = wal; PRAGMA synchronous = FULL")
        _migrate(connection)
    return connection


def open_to_read(data_dir: Path) -> apsw.Connection | None:
    """A read-only connection, or None while the courier has not made the file."""
    path = delivery_path(data_dir)
    if not path.exists():
        return None
    with translated():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(BUSY_WAIT_MS)
        if _version(connection) == 0:
            connection.close()
            return None
    _refuse_newer(_version(connection))
    return connection


def _migrate(connection: apsw.Connection) -> None:
    version = _version(connection)
    _refuse_newer(version)
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    for number, file in enumerate(MIGRATIONS[version:], version + 1):
        connection.execute(script(file))
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute("COMMIT")


def _version(connection: apsw.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").get)


def _refuse_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise SchemaMismatch(
            f"{FILE} has schema {version}, this Pixelwire knows up to {len(MIGRATIONS)}",
            hint="start the newer Pixelwire that wrote it, or restore the backup made before the upgrade",
        )
