"""Removes segments as retention decides, one at a time, so that a kill at any point leaves a whole store.

First, in one transaction of totals.db, what is lost is written down; then the file goes, then what SQLite
keeps beside it. Doing any of it twice is harmless. Runs in the housekeeper's thread, off the commit path.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final, cast

import apsw

from pixelwire.clock import DAY_MS
from pixelwire.errors import PixelwireError
from pixelwire.limits import EXPIRED_EVENTS_MAX, RETENTION_HELD_S, RETENTION_LOOK_S, RETENTION_PAUSE_S
from pixelwire.record.retention import Removal, RetentionLimits, Situation, Verdict, decide, jumps
from pixelwire.record.sealing import is_failed_write, open_totals
from pixelwire.record.segments import NAME, Storage, events_dir, files_of, segment_numbers, segment_path, sql
from pixelwire.record.steadiness import Steadiness, uptime_ms
from pixelwire.record.survey import Survey
from pixelwire.telemetry import logger
from pixelwire.times import hour_iso

EXPIRED_KEPT_MS: Final = 90 * DAY_MS  # receipts of what was lost, when no age is set
NO_ROOM: Final = (apsw.FullError, apsw.IOError, apsw.CantOpenError)
BESIDE: Final = ("-wal", "-shm")
REMEDIES: Final = {
    "destination": "mend, disable or delete the destination that is behind: `pixelwire destination list`",
    "duplicates": "nothing is wrong: message ids are remembered for 48 hours",
    "clock": "check the clock; if the times are right: `pixelwire retention confirm`",
}


class Retention:
    """Belongs to one thread. `removed` tells others which segments are gone."""

    def __init__(
        self,
        data_dir: Path,
        store_id: str,
        limits: RetentionLimits,
        now_ms: Callable[[], int],
        *,
        storage: Storage = Storage(),  # noqa: B008 an immutable value
        uptime_ms: Callable[[], int] = uptime_ms,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._store_id = store_id
        self._limits = limits
        self._now_ms = now_ms
        self._storage = storage
        self._survey = Survey(data_dir, storage)
        self._steadiness = Steadiness(now_ms, uptime_ms)
        self._uptime_ms = uptime_ms
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(data_dir).free)
        self._held: list[tuple[int, int]] = []  # (until when, bytes): room that readers may still keep
        self._told = Verdict()
        self._has_noted = False
        self._trouble = ""
        self.removed: SimpleQueue[int] = SimpleQueue()

    def turn(self) -> float:
        """`step`; what keeps it from working is told once, and it tries again later. apsw.IOError when the
        disk did not take a write."""
        try:
            pause_s = self.step()
            self._trouble = ""
        except (PixelwireError, OSError, apsw.Error) as error:
            if isinstance(error, apsw.Error) and is_failed_write(error):
                raise  # what is in the disk's cache is not to be trusted: the process has to end
            if str(error) != self._trouble:
                logger("record").error(
                    "retention_failed", reason=str(error), remedy="check the data directory"
                )
            self._trouble = str(error)
            pause_s = RETENTION_LOOK_S
        return pause_s

    def step(self) -> float:
        """Removes at most one segment. Returns in how many seconds to look again."""
        self._steadiness.look()
        if not segment_numbers(self._data_dir):
            return RETENTION_LOOK_S  # the directory is away: nothing must be made in its place
        if self._limits.is_off:
            self._note(Verdict())
            return RETENTION_LOOK_S
        self._sweep()
        now = self._survey.look()
        now = now._replace(free_bytes=self._free_bytes() + self._held_bytes())
        now = self._pass_quiet_times(now)
        verdict = decide(self._limits, now)
        if verdict.removal is not None:
            self._remove(verdict.removal, now)
        self._note(verdict, now)
        return RETENTION_LOOK_S if verdict.removal is None else RETENTION_PAUSE_S

    # -- Removing ----------------------------------------------------------------------------------

    def _remove(self, removal: Removal, now: Situation) -> None:
        segment = removal.segment
        self._tell(removal)
        self._write_down(removal, now)
        self.removed.put(segment.number)
        for path in files_of(self._data_dir, segment.number):
            path.unlink(missing_ok=True)
        sync_directory(events_dir(self._data_dir))
        until = self._uptime_ms() + int(RETENTION_HELD_S * 1_000)
        self._held.append((until, segment.size_bytes))

    def _write_down(self, removal: Removal, now: Situation) -> None:
        """On disk before the segment goes. A disk that is too full for the receipts keeps the range only, one
        that is too full for that gets its room all the same: new events come first."""
        for with_receipts in (True, False):
            try:
                with self._totals() as connection:
                    self._expire(connection, removal, now, with_receipts=with_receipts)
                return
            except NO_ROOM as error:
                if is_failed_write(error):
                    raise
                log = logger("record")
                log.error("removal_not_noted", segment=removal.segment.number, reason=str(error))

    def _expire(
        self, connection: apsw.Connection, removal: Removal, now: Situation, *, with_receipts: bool
    ) -> None:
        segment, after = removal.segment, removal.lost_after
        is_listed = after is not None and with_receipts and self._attach(connection, segment.number)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE retention SET removed_to = :number, removed_segments = removed_segments + 1,"
            " removed_events = removed_events + :events, removed_bytes = removed_bytes + :bytes"
            " WHERE removed_to < :number",
            {"number": segment.number, "events": segment.events, "bytes": segment.size_bytes},
        )
        if after is not None:
            after = max(after, segment.first_seq - 1)
            row = (segment.number, after, segment.last_seq, segment.newest_ms, self._now_ms(), is_listed)
            connection.execute("INSERT OR REPLACE INTO expired VALUES (?, ?, ?, ?, ?, ?)", row)
            self._forget_receipts(connection, now)
        if is_listed:
            try:
                connection.execute(sql("expire.sql"), {"after": after})
            except (apsw.CorruptError, apsw.NotADBError):
                connection.execute("UPDATE expired SET is_listed = 0 WHERE number = ?", (segment.number,))
        connection.execute("COMMIT")

    def _attach(self, connection: apsw.Connection, number: int) -> bool:
        """Whether the segment can be read for its receipts."""
        try:
            connection.execute("ATTACH ? AS segment", (str(segment_path(self._data_dir, number)),))
            return True
        except (apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError):
            return False

    def _forget_receipts(self, connection: apsw.Connection, now: Situation) -> None:
        """Those that are too old, and the oldest when there are too many."""
        before_ms = now.newest_ms - (self._limits.age_ms or EXPIRED_KEPT_MS)
        kept = 0
        query = (
            "SELECT number, after_seq, last_seq, newest_ms FROM expired WHERE is_listed ORDER BY number DESC"
        )
        listed = cast("list[tuple[int, int, int, int]]", connection.execute(query).fetchall())
        for number, after, last, newest_ms in listed:
            kept += last - after
            if newest_ms < before_ms or kept > EXPIRED_EVENTS_MAX:
                connection.execute("DELETE FROM expired_event WHERE seq > ? AND seq <= ?", (after, last))
                connection.execute("UPDATE expired SET is_listed = 0 WHERE number = ?", (number,))

    def _sweep(self) -> None:
        """What is left beside a segment that is gone: of a kill, or of a reader that came too late."""
        names = {entry.name for entry in events_dir(self._data_dir).iterdir()}
        for name in names:
            database = name.removesuffix("-wal").removesuffix("-shm")
            if name.endswith(BESIDE) and NAME.fullmatch(database) and database not in names:
                (events_dir(self._data_dir) / name).unlink(missing_ok=True)

    def _held_bytes(self) -> int:
        now_ms = self._uptime_ms()
        self._held = [(until, size) for until, size in self._held if until > now_ms]
        return sum(size for _, size in self._held)

    # -- The clock ---------------------------------------------------------------------------------

    def _pass_quiet_times(self, now: Situation) -> Situation:
        """Notes the stretches without events that the clock ran through evenly."""
        quiet = [jump.to_hour for jump in jumps(now) if self._steadiness.covers(jump)]
        if not quiet or self._limits.age_ms is None:
            return now
        try:
            with self._totals() as connection:
                rows = [(hour,) for hour in quiet]
                connection.executemany("INSERT OR IGNORE INTO quiet VALUES (?)", rows)
        except NO_ROOM as error:
            if is_failed_write(error):
                raise
        return now._replace(confirmed=frozenset(now.confirmed) | frozenset(quiet))

    @contextmanager
    def _totals(self) -> Iterator[apsw.Connection]:
        connection = open_totals(self._data_dir, self._store_id, self._storage)
        try:
            yield connection
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            connection.close()

    # -- Telling -----------------------------------------------------------------------------------

    def _tell(self, removal: Removal) -> None:
        log, segment = logger("record"), removal.segment
        facts = {"segment": segment.number, "why": removal.why, "events": segment.events}
        if removal.lost_after is not None:
            log.error(
                "events_expired",
                **facts,
                undelivered=segment.last_seq - max(removal.lost_after, segment.first_seq - 1),
                remedy="a destination is too far behind for the hard limit of retention: mend or delete it",
            )
        elif removal.is_early:
            log.warning("segment_removed_early", **facts, reason="duplicates in it are no longer known")
        else:
            log.info("segment_removed", **facts)

    def _note(self, verdict: Verdict, now: Situation | None = None) -> None:
        """Writes down and says where retention stands, when that has changed."""
        told = Verdict(None, verdict.why, None if verdict.held_by == "sealing" else verdict.held_by)
        if told == self._told and self._has_noted:
            return
        row = (told.why or "", told.held_by or "", self._now_ms())
        try:
            with self._totals() as connection:
                connection.execute(
                    "UPDATE retention SET why = ?1, held_by = ?2, since_ms = ?3"
                    " WHERE why <> ?1 OR held_by <> ?2",
                    row,
                )
        except NO_ROOM as error:
            if is_failed_write(error):
                raise
            return  # at the next look
        self._told, self._has_noted = told, True
        if told.held_by:
            self._tell_waiting(told.held_by, row[0], now)

    def _tell_waiting(self, holder: str, limit: str, now: Situation | None) -> None:
        log, facts = logger("record"), {"reason": holder, "limit": limit, "remedy": REMEDIES[holder]}
        if holder == "duplicates":
            log.info("retention_waits", **facts)
        elif holder == "clock" and now is not None:
            hole = jumps(now)[0]
            log.warning(
                "retention_waits", **facts, last=hour_iso(hole.from_hour), next=hour_iso(hole.to_hour)
            )
        else:
            log.warning("retention_waits", **facts)


def sync_directory(path: Path) -> None:
    """So that what was made or removed in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
