"""The files of recorded events: their names, how they are opened, and what each says of itself."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pixelwire.errors import SchemaMismatch, SegmentGone

SCHEMA_VERSION: Final = 1  # of segments
TOTALS_VERSION: Final = 2
APPLICATION_ID: Final = 0x50785772  # "PxWr"
NAME = re.compile(r"(\d{6,})\.db")
BUSY_TIMEOUT_MS: Final = 5_000
# Events of 600 bytes leave a tenth of pages of 4 KiB unused, and half of that of these; larger ones make the
# log of a small commit longer than they save.
PAGE_BYTES: Final = 8_192


class SegmentInfo(NamedTuple):
    """A segment's row about itself."""

    store_id: str
    number: int
    first_seq: int
    opened_ms: int
    sealed_ms: int | None


class Place:
    """Where an open file is found by its name."""

    def __init__(self, path: Path) -> None:
        place = path.stat()
        self._path, self._identity = path, (place.st_dev, place.st_ino)

    def check(self) -> None:
        """SegmentGone when the directory was removed, renamed or unmounted beneath us."""
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            raise SegmentGone(hint="put the data directory back in its place: mount it")


class Storage(NamedTuple):
    """How database files are opened. Anything but the default is for tests: of power cuts, and of what they
    would cost without syncs."""

    vfs: str | None = None
    synchronous: str = "FULL"


def sql(name: str) -> str:
    """The text of one of this room's .sql files."""
    return (files("pixelwire.record") / name).read_text("utf-8")


def events_dir(data_dir: Path) -> Path:
    return data_dir / "events"


def totals_path(data_dir: Path) -> Path:
    return data_dir / "totals.db"


def segment_path(data_dir: Path, number: int) -> Path:
    return events_dir(data_dir) / f"{number:06d}.db"


def segment_numbers(data_dir: Path) -> list[int]:
    """The numbers of the segments on disk, oldest first; none when there is no directory yet."""
    try:
        names = [entry.name for entry in events_dir(data_dir).iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for name in names if (match := NAME.fullmatch(name)))


def files_of(data_dir: Path, number: int) -> list[Path]:
    """A segment's file and those that SQLite keeps beside it. The file itself comes first: without it the
    others mean nothing, while it may be nothing without them."""
    path = segment_path(data_dir, number)
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))]


def open_for_writing(path: Path, storage: Storage) -> apsw.Connection:
    """A connection that syncs every commit and never checkpoints by itself: see Chain.checkpoint_when_due."""
    connection = apsw.Connection(str(path), vfs=storage.vfs)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("page_size", PAGE_BYTES)  # of a file that is made now
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", storage.synchronous)
    connection.pragma("wal_autocheckpoint", 0)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection


def open_for_reading(path: Path, storage: Storage = Storage()) -> apsw.Connection:  # noqa: B008 an immutable value
    """A read-only connection. apsw.CantOpenError when the file is gone."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=storage.vfs)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("cache_size", -512)
    return connection


def schema_version(connection: apsw.Connection, path: Path, known: int = SCHEMA_VERSION) -> int:
    """0 for a file that was never set up. SchemaMismatch when it is newer than this program."""
    version = connection.pragma("user_version")
    if version > known:
        raise SchemaMismatch(
            f"{path.name} has schema {version}, this Pixelwire knows {known}",
            hint="start the newer Pixelwire that wrote it, or restore a backup made before the upgrade",
        )
    return int(version)


def create_tables(connection: apsw.Connection, *scripts: str, version: int = SCHEMA_VERSION) -> None:
    """Runs the scripts and stamps the file; inside the caller's transaction."""
    for script in scripts:
        connection.execute(sql(script))
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", version)


def read_info(connection: apsw.Connection) -> SegmentInfo | None:
    """What the segment says of itself; None for a file that was never set up."""
    if connection.pragma("user_version") == 0:
        return None
    row = connection.execute("SELECT store_id, number, first_seq, opened_ms, sealed_ms FROM meta").get
    return SegmentInfo(*row) if row else None


def last_seq(connection: apsw.Connection, info: SegmentInfo) -> int:
    """The newest seq in a segment; one before its first when it is empty."""
    newest = connection.execute("SELECT max(seq) FROM event").get
    return int(newest) if newest is not None else info.first_seq - 1
