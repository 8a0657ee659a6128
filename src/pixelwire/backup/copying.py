"""Copies one file, whole and on disk when it returns. Knows neither stores nor manifests.

The disk that takes the copy may be the one that pixels wait for: what is copied is handed to it in portions.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import apsw

PAGES: Final = 1_024  # 4 MB a step
PORTION_BYTES: Final = 16 * 1_048_576
BUSY_WAIT_MS: Final = 10_000


class Copied(NamedTuple):
    size: int
    sha256: str


@contextmanager
def snapshot(path: Path) -> Iterator[apsw.Connection]:
    """One view of a database that others may write to meanwhile. apsw.CantOpenError when it is gone."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(BUSY_WAIT_MS)
        connection.execute("BEGIN")
        _ = connection.execute("SELECT count(*) FROM sqlite_schema").get  # the view begins with a read
        yield connection
    finally:
        connection.close()


def open_still(path: Path) -> apsw.Connection:
    """A database that nobody writes to, with nothing made beside it. apsw.Error when it can not be read."""
    name = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(f"file:{name}?immutable=1", flags=flags)


def copy_database(source: apsw.Connection, target: Path) -> Copied:
    """What a snapshot shows, as a file that needs none beside it."""
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        connection = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("journal_mode", "OFF")
            connection.pragma("synchronous", "OFF")
            synced = 0
            with connection.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(PAGES)
                    written = os.fstat(descriptor).st_size
                    if written - synced >= PORTION_BYTES:
                        os.fdatasync(descriptor)
                        synced = written
        finally:
            connection.close()
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return fingerprint(target)


def copy_file(source: Path, target: Path) -> Copied:
    """Byte by byte."""
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as reading, os.fdopen(descriptor, "wb") as writing:
        for portion in _portions(reading):
            writing.write(portion)
            writing.flush()
            os.fdatasync(writing.fileno())
            digest.update(portion)
            size += len(portion)
        os.fsync(writing.fileno())
    return Copied(size, digest.hexdigest())


def fingerprint(path: Path) -> Copied:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as reading:
        for portion in _portions(reading):
            digest.update(portion)
            size += len(portion)
    return Copied(size, digest.hexdigest())


def _portions(file: BinaryIO) -> Iterator[bytes]:
    while portion := file.read(PORTION_BYTES):
        yield portion
