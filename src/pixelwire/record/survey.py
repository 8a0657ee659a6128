"""What retention has to know, gathered from the files: segments, cursors, free disk, confirmed jumps.

Reads only; used by the recorder and by the command line.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import apsw
import msgspec

from pixelwire.clock import HOUR_MS
from pixelwire.deliver.state import Deliveries
from pixelwire.errors import PixelwireError
from pixelwire.record.retention import SegmentFacts, Situation
from pixelwire.record.segments import (
    TOTALS_VERSION,
    Storage,
    files_of,
    last_seq,
    open_for_reading,
    read_info,
    schema_version,
    segment_numbers,
    segment_path,
    totals_path,
)
from pixelwire.record.timeline import read_spans

CONFIRMED_FILE: Final = "retention.json"
CURSOR_UNKNOWN: Final = 0  # nothing is known to be delivered: only a hard limit goes on


class Confirmed(msgspec.Struct, frozen=True):
    """The owner's word on jumps, as it lies in the data directory."""

    note: str
    hours: list[int]  # with which the events go on after a jump


class Survey:
    """Belongs to one thread. What a sealed segment says of itself is read once."""

    def __init__(self, data_dir: Path, storage: Storage = Storage()) -> None:  # noqa: B008 an immutable value
        self._data_dir = data_dir
        self._storage = storage
        self._known: dict[int, SegmentFacts] = {}

    def look(self) -> Situation:
        """apsw.Error when totals.db or the newest segment can not be read."""
        folded_to, quiet = self._totals()
        segments = list(self._segments(folded_to))
        self._known = {facts.number: facts for facts in segments if facts.is_folded and facts.hours}
        newest_ms, steady_ms = self._newest(segments)
        return Situation(
            segments=segments,
            newest_ms=newest_ms,
            steady_ms=steady_ms,
            free_bytes=shutil.disk_usage(self._data_dir).free,
            cursor=slowest_cursor(self._data_dir),
            confirmed=quiet | confirmed_hours(self._data_dir),
        )

    def _totals(self) -> tuple[int, frozenset[int]]:
        path = totals_path(self._data_dir)
        if not path.exists():
            return 0, frozenset()
        connection = open_for_reading(path, self._storage)
        try:
            if schema_version(connection, path, TOTALS_VERSION) < TOTALS_VERSION:
                return 0, frozenset()
            quiet = frozenset(hour for (hour,) in connection.execute("SELECT hour FROM quiet"))
            return connection.execute("SELECT folded_to FROM meta").get, quiet
        finally:
            connection.close()

    def _segments(self, folded_to: int) -> Iterable[SegmentFacts]:
        """Oldest first. One that can not be read is taken for as old as the next, so that it goes with it."""
        later: SegmentFacts | None = None
        found: list[SegmentFacts] = []
        for number in reversed(segment_numbers(self._data_dir)):
            size = size_of(self._data_dir, number)
            if number in self._known:
                facts = self._known[number]._replace(size_bytes=size)
            else:
                try:
                    read = self._read(number, size, is_folded=number <= folded_to)
                except apsw.Error:
                    if later is None:
                        raise
                    # Its events can not be told; it goes with the next.
                    last = later.first_seq - 1
                    read = later._replace(
                        number=number,
                        first_seq=last,
                        last_seq=last,
                        size_bytes=size,
                        hours=frozenset(),
                        is_folded=number <= folded_to,
                    )
                if read is None:
                    continue
                facts = read
            later = facts
            found.append(facts)
        return reversed(found)

    def _read(self, number: int, size: int, *, is_folded: bool) -> SegmentFacts | None:
        connection = open_for_reading(segment_path(self._data_dir, number), self._storage)
        try:
            info = read_info(connection)
            if info is None:
                return None
            hours = frozenset(
                hour for (hour,) in connection.execute("SELECT DISTINCT hour FROM signal_count")
            )
            newest_ms = (max(hours) + 1) * HOUR_MS - 1 if hours else info.opened_ms
            last = last_seq(connection, info)
            _, steady_ms = last_received(connection)
            return SegmentFacts(number, info.first_seq, last, size, newest_ms, steady_ms, hours, is_folded)
        finally:
            connection.close()

    def _newest(self, segments: list[SegmentFacts]) -> tuple[int, int]:
        """When the newest event was received, by its place and not by its time; and on the steady line."""
        for facts in reversed(segments):
            if facts.events:
                connection = open_for_reading(segment_path(self._data_dir, facts.number), self._storage)
                try:
                    return last_received(connection)
                finally:
                    connection.close()
        return 0, 0


def last_received(connection: apsw.Connection) -> tuple[int, int]:
    """When a segment's last event was received, by the wall clock and on the steady line; 0 for none."""
    received_ms = connection.execute("SELECT received_ms FROM event ORDER BY seq DESC LIMIT 1").get
    if received_ms is None:
        return 0, 0
    spans = read_spans(connection)
    offset_ms = min(spans[-1].offset_ms, spans[-1].other_ms) if spans else 0
    return received_ms, received_ms - offset_ms


def size_of(data_dir: Path, number: int) -> int:
    """The bytes of a segment's files; 0 when it is gone."""
    size = 0
    for path in files_of(data_dir, number):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            pass  # not every file is there at all times
    return size


def slowest_cursor(data_dir: Path) -> int | None:
    """None when nothing is delivered. What can not be read holds everything."""
    deliveries = Deliveries(data_dir)
    try:
        return deliveries.slowest_cursor()
    except PixelwireError:
        return CURSOR_UNKNOWN
    finally:
        deliveries.close()


def farthest_cursor(data_dir: Path) -> int:
    """0 when nothing is delivered, or what is can not be read."""
    deliveries = Deliveries(data_dir)
    try:
        return deliveries.farthest_cursor()
    except PixelwireError:
        return 0
    finally:
        deliveries.close()


def confirmed_hours(data_dir: Path) -> frozenset[int]:
    """What the owner confirmed; nothing when the file is missing or damaged."""
    try:
        text = (data_dir / CONFIRMED_FILE).read_bytes()
        return frozenset(msgspec.json.decode(text, type=Confirmed).hours)
    except (FileNotFoundError, msgspec.MsgspecError):
        return frozenset()


def confirm(data_dir: Path, hours: Iterable[int]) -> None:
    """Adds to what the owner confirmed. The recorder reads it at its next look."""
    kept = sorted(confirmed_hours(data_dir) | set(hours))
    note = "Hours (since 1970) at which events go on after a jump that the owner confirmed."
    path = data_dir / CONFIRMED_FILE
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(Confirmed(note, kept))) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
