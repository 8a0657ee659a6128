"""What the segments on disk tell a recorder that starts: of the store, of seqs and ids, of workers' batches.
Reads only; knows no open segment.
"""

from pathlib import Path
from typing import Final, NamedTuple

import apsw
import msgspec

from pixelwire.record.damage import DAMAGED, is_empty
from pixelwire.record.ids import OpenIds
from pixelwire.record.sealing import totals_store_id
from pixelwire.record.segments import (
    Storage,
    files_of,
    last_seq,
    open_for_reading,
    open_for_writing,
    read_info,
    segment_numbers,
    segment_path,
)
from pixelwire.record.survey import farthest_cursor
from pixelwire.record.timeline import Span, read_spans

BATCH_SEGMENTS: Final = 3  # newest ones that are asked what became of a batch: it is seconds old
LOST: Final = (-1, [0])  # what is known of a worker's last batch may lie in a segment that was set aside


class Older(NamedTuple):
    """What a start finds in a segment that takes no more events."""

    number: int
    last_seq: int
    newest_ms: int
    ids: OpenIds | None  # None: it is sealed
    bits: bytes  # the filter of a sealed one
    spans: list[Span]  # its stretches of time


def look_at_older(data_dir: Path, number: int, storage: Storage) -> Older:
    """What a segment that takes no more events has to say. One of `DAMAGED` when it has nothing to say: only
    the newest can be one that was just begun."""
    path = segment_path(data_dir, number)
    if is_empty(path):
        raise apsw.CorruptError("a segment that was full is empty")
    connection = open_for_reading(path, storage)
    try:
        info = read_info(connection)
        if info is None:
            raise apsw.CorruptError("a segment that was full does not say what it is")
        newest = connection.execute("SELECT received_ms FROM event ORDER BY seq DESC LIMIT 1").get
        return Older(
            number,
            last_seq(connection, info),
            newest or 0,
            OpenIds.load(connection) if info.sealed_ms is None else None,
            connection.execute("SELECT bits FROM filter").get or b"",
            read_spans(connection),
        )
    finally:
        connection.close()


def has_lost_itself(data_dir: Path, number: int, next_seq: int, storage: Storage) -> bool:
    """Whether the newest segment says nothing though it was more than begun: it was cut off, or its log is
    gone. Taken for one that was just begun, it would be given seqs that were given before.

    Before a segment is sealed, the next one is whole on disk. One of `DAMAGED` when it can not be read.
    """
    path, log, _ = files_of(data_dir, number)
    if not path.exists() or _says_what_it_is(path, storage):
        return False
    return (
        (is_empty(path) and log.exists() and not is_empty(log))
        or (number > 1 and _is_done(data_dir, number - 1, storage))
        or farthest_cursor(data_dir) >= next_seq
    )


def _says_what_it_is(path: Path, storage: Storage) -> bool:
    if is_empty(path):
        return False
    connection = open_for_reading(path, storage)
    try:
        return read_info(connection) is not None
    finally:
        connection.close()


def _is_done(data_dir: Path, number: int, storage: Storage) -> bool:
    """Whether a segment was sealed: then it says so, or is gone."""
    try:
        return look_at_older(data_dir, number, storage).ids is None
    except FileNotFoundError:
        return True
    except DAMAGED:
        return False


def spans_of(data_dir: Path, number: int, storage: Storage) -> list[Span]:
    """A segment's stretches of time; none when it is not there, only begun or damaged."""
    path = segment_path(data_dir, number)
    if not path.exists() or is_empty(path):
        return []
    try:
        connection = open_for_reading(path, storage)
    except DAMAGED:
        return []
    try:
        return read_spans(connection) if read_info(connection) is not None else []
    except DAMAGED:
        return []
    finally:
        connection.close()


def last_batch_of(
    worker: int, newest: apsw.Connection, newest_number: int, data_dir: Path, storage: Storage, lost: int
) -> tuple[int, list[int]] | None:
    """(number, positions of duplicates) of a worker's newest committed batch, in the newest segments; None
    when there is none, LOST when the damaged segment `lost` may know better."""
    query = "SELECT number, duplicates FROM worker WHERE worker = ?"
    row = newest.execute(query, (worker,)).get
    for number in segment_numbers(data_dir)[: -BATCH_SEGMENTS - 1 : -1]:
        if row is not None:
            break
        if number < lost:
            return LOST
        if number not in (newest_number, lost):
            try:
                connection = open_for_reading(segment_path(data_dir, number), storage)
            except apsw.CantOpenError:
                continue  # retention has just removed it
            row = connection.execute(query, (worker,)).get
            connection.close()
    if row is None and lost > newest_number - BATCH_SEGMENTS:
        return LOST
    return (row[0], msgspec.msgpack.decode(row[1], type=list[int])) if row else None


def find_store_id(data_dir: Path, storage: Storage) -> str:
    """The store id of the newest segment that has one; empty for a new store.

    The totals know it too, but without a segment seqs begin anew: cursors must not take them for the former.
    """
    numbers = segment_numbers(data_dir)
    for number in reversed(numbers):
        path = segment_path(data_dir, number)
        if is_empty(path):
            continue
        try:
            connection = open_for_writing(path, storage)
        except DAMAGED:
            continue
        try:
            info = read_info(connection)
        except DAMAGED:
            continue
        finally:
            connection.close()
        if info is not None:
            return info.store_id
    return totals_store_id(data_dir, storage) if numbers else ""
