"""What happens to a segment after its last event: the index of its ids is built, its counts are folded
into the totals. Plain steps on the files; when they are taken is the housekeeper's to decide.
"""

from pathlib import Path

import apsw

from pixelwire.record.segments import (
    TOTALS_VERSION,
    Storage,
    create_tables,
    open_for_writing,
    read_info,
    schema_version,
    segment_path,
    sql,
    totals_path,
)

_FAILED_WRITES = frozenset(
    {
        apsw.SQLITE_IOERR_WRITE,
        apsw.SQLITE_IOERR_FSYNC,
        apsw.SQLITE_IOERR_DIR_FSYNC,
        apsw.SQLITE_IOERR_TRUNCATE,
    }
)


def open_totals(data_dir: Path, store_id: str, storage: Storage) -> apsw.Connection:
    """totals.db, made when it is not there, brought to the newest shape when it is older."""
    path = totals_path(data_dir)
    connection = open_for_writing(path, storage)
    version = schema_version(connection, path, TOTALS_VERSION)
    if version < TOTALS_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        steps = ("totals_2.sql",) if version else ("counts.sql", "totals.sql", "totals_2.sql")
        create_tables(connection, *steps, version=TOTALS_VERSION)
        if not version:
            connection.execute("INSERT INTO meta VALUES (1, ?, 0)", (store_id,))
        connection.execute("COMMIT")
    return connection


def totals_store_id(data_dir: Path, storage: Storage) -> str:
    """The store that the totals are of; empty when there are none."""
    path = totals_path(data_dir)
    if not path.exists():
        return ""
    connection = open_for_writing(path, storage)
    try:
        is_set_up = schema_version(connection, path, TOTALS_VERSION) > 0
        return str(connection.execute("SELECT store_id FROM meta").get) if is_set_up else ""
    finally:
        connection.close()


def seal(data_dir: Path, number: int, bits: bytes, now_ms: int, storage: Storage) -> None:
    """Closes a segment for good.

    Repeating it is harmless: everything but the last step is one transaction.
    """
    connection = open_for_writing(segment_path(data_dir, number), storage)
    try:
        info = read_info(connection)
        if info is not None and info.sealed_ms is None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(sql("seal.sql"))
            connection.execute("INSERT INTO filter VALUES (1, ?)", (bits,))
            connection.execute("UPDATE meta SET sealed_ms = ?", (now_ms,))
            connection.execute("COMMIT")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


def fold(data_dir: Path, number: int, store_id: str, storage: Storage) -> None:
    """Adds a sealed segment's counts to the totals, once: `folded_to` moves in the same transaction.

    Segments are folded in the order of their numbers, so one number tells which are in.
    """
    connection = open_totals(data_dir, store_id, storage)
    try:
        # Both files are WAL, so the pair is not atomic together; only totals.db is written here.
        connection.execute("ATTACH ? AS segment", (str(segment_path(data_dir, number)),))
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT folded_to FROM meta").get < number:
            connection.execute(sql("fold.sql"))
            connection.execute("UPDATE main.meta SET folded_to = ?", (number,))
        connection.execute("COMMIT")
        connection.execute("DETACH segment")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    finally:
        connection.close()


def is_failed_write(error: Exception | None) -> bool:
    """Whether the disk did not take or not confirm a write: what is in its cache is not to be trusted."""
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _FAILED_WRITES
