"""Segments that can not be read: how they are told from whole ones, and how they are set aside. A damaged
segment keeps its number and its file, under another name, so that it can be mended or replaced.

Knows no batch and no order of segments.
"""

import re
import time
from pathlib import Path
from typing import Final

import apsw

from pixelwire.record.segments import Storage, events_dir, files_of, open_for_reading, read_info, segment_path

DAMAGED: Final = (apsw.CorruptError, apsw.NotADBError)
SUFFIX: Final = ".damaged"
NAME: Final = re.compile(r"(\d{6,})\.db\.damaged")
COUNTS: Final = ("signal_count", "name_count", "outcome_count", "activity")
STEPS: Final = 10_000  # of SQLite's machine between two looks at the time


def is_empty(path: Path) -> bool:
    """Whether a file has no content. Such a database must not be opened when it was one: SQLite would throw
    the log beside it away."""
    return path.stat().st_size == 0


def is_sound(connection: apsw.Connection, budget_s: float | None) -> bool:
    """Whether a segment's structure is whole, as far as it can be told within the time; True when it can not.

    Bytes changed inside a payload are not noticed: SQLite keeps no checksums of them.
    """
    deadline = time.monotonic() + budget_s if budget_s is not None else float("inf")
    connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").get == "ok")
    except apsw.InterruptError:
        return True
    except DAMAGED:
        return False
    finally:
        connection.set_progress_handler(None)


def is_whole(path: Path, storage: Storage) -> bool:
    """The same for a file, all of it."""
    try:
        connection = open_for_reading(path, storage)
    except DAMAGED:
        return False
    try:
        read_info(connection)
        return is_sound(connection, None)
    except DAMAGED:
        return False
    finally:
        connection.close()


def has_whole_counts(path: Path, storage: Storage) -> bool:
    """Whether the counts of a damaged segment can still be trusted."""
    if is_empty(path):
        return False
    try:
        connection = open_for_reading(path, storage)
    except DAMAGED:
        return False
    try:
        if read_info(connection) is None:
            return False
        checks = [connection.execute(f"PRAGMA quick_check('{table}')").get for table in COUNTS]
        return checks == ["ok"] * len(COUNTS)
    except DAMAGED:
        return False
    finally:
        connection.close()


def set_aside(data_dir: Path, number: int) -> Path:
    """Renames a segment's files, so that nobody reads them as a segment any more; the new path.

    The main file goes last: after a kill in between it is found and set aside again.
    """
    path = segment_path(data_dir, number)
    aside = path.with_name(path.name + SUFFIX)
    for file in reversed(files_of(data_dir, number)):
        if file.exists():
            file.rename(aside.with_name(aside.name + file.name.removeprefix(path.name)))
    suspicion(data_dir, number).unlink(missing_ok=True)
    return aside


def damaged_numbers(data_dir: Path) -> list[int]:
    """The numbers of the segments that were set aside, oldest first."""
    try:
        names = [entry.name for entry in events_dir(data_dir).iterdir()]
    except OSError:
        return []
    return sorted(int(match[1]) for name in names if (match := NAME.fullmatch(name)))


def suspicion(data_dir: Path, number: int) -> Path:
    """The mark of a segment that failed a writer: the next one looks at all of it before it uses it."""
    return segment_path(data_dir, number).with_suffix(".suspect")
