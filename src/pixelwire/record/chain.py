"""The chain of segments as the writer holds it: the open one, those that wait to be sealed, and what is
remembered of the sealed ones to know a duplicate. Rolls from one to the next; knows no batch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from pixelwire import limits
from pixelwire.clock import Clock
from pixelwire.errors import SegmentDamaged
from pixelwire.record.begin import seqs_of_lost, set_up
from pixelwire.record.damage import DAMAGED, damaged_numbers, is_sound, suspicion
from pixelwire.record.filters import SealedFilters, shrunk
from pixelwire.record.housekeeper import ExamineJob, Housekeeper, SealJob
from pixelwire.record.ids import OpenIds, is_same
from pixelwire.record.removal import Retention
from pixelwire.record.resume import Older, has_lost_itself, last_batch_of, look_at_older, spans_of
from pixelwire.record.retention import RetentionLimits
from pixelwire.record.sealing import is_failed_write, open_totals
from pixelwire.record.segments import (
    Place,
    SegmentInfo,
    Storage,
    last_seq,
    open_for_reading,
    open_for_writing,
    read_info,
    schema_version,
    segment_numbers,
    segment_path,
)
from pixelwire.record.timeline import Timeline, read_spans, write_spans

ROLL_RETRY_S: Final = 10.0


class SegmentLimits(NamedTuple):
    """When the open segment is sealed and the next one begun: whatever comes first."""

    events_max: int = limits.SEGMENT_EVENTS_MAX
    bytes_max: int = limits.SEGMENT_BYTES_MAX
    age_ms: int = limits.SEGMENT_AGE_MS


class Closed(NamedTuple):
    """A segment that takes no more events and waits to be sealed."""

    number: int
    ids: OpenIds
    connection: apsw.Connection
    newest_ms: int  # of its events, on the steady line


class Found(NamedTuple):
    """A segment that a start finds beside the newest."""

    number: int
    newest_ms: int  # of its events, on the steady line
    older: Older | None  # None: damaged


CHECK_S: Final = 0.5  # for the open segment at the start: workers hold their requests meanwhile


class Chain:
    """Belongs to one thread. `connection` is the open segment's, `next_seq` what its next event gets."""

    connection: apsw.Connection
    info: SegmentInfo
    ids: OpenIds

    def __init__(
        self,
        data_dir: Path,
        *,
        clock: Clock,
        storage: Storage,
        segment_limits: SegmentLimits,
        store_id: str,
        is_inline: bool,
        retention: RetentionLimits = RetentionLimits(),  # noqa: B008 an immutable value
    ) -> None:
        self.next_seq = 1
        self.bytes = 0
        self.store_id = store_id
        self._data_dir = data_dir
        self._clock = clock
        self.timeline = Timeline(clock)
        self._storage = storage
        self._limits = segment_limits
        self._housekeeper = Housekeeper(data_dir, store_id, storage, clock.now_ms, is_inline=is_inline)
        self._lost = 0  # the newest segment that was damaged at the start
        self._examined: set[int] = set()
        self._closed: list[Closed] = []
        self._sealed = SealedFilters(data_dir, storage)
        self._wal_pages = 0
        self._is_log_copied = False
        self._roll_again_s = 0.0  # after a roll for which the disk had no room
        self._resume()
        self._retention = Retention(data_dir, store_id, retention, clock.now_ms, storage=storage)
        self._housekeeper.take_up(self._retention.turn)
        self._housekeeper.start()

    @property
    def housekeeping_failure(self) -> str:
        failure = self._housekeeper.failure
        return str(failure) if failure else ""

    def close(self) -> None:
        """Moves the log into the file and lets go; what is not sealed yet is found at the next start."""
        self._housekeeper.stop(timeout_s=1.0)
        try:
            self.connection.set_busy_timeout(0)  # who still reads must not hold up the end
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error:
            pass  # the log holds everything; the next start reads it
        for connection in [self.connection, *(closed.connection for closed in self._closed)]:
            connection.close()
        self._sealed.close()

    # -- Looking back ------------------------------------------------------------------------------

    def is_stored(self, key: int, pixel: int, payload: bytes, now_ms: int) -> bool:
        """Whether the client-given id of a pixel's payload was stored within the duplicate window."""
        now_ms = self.timeline.now_of(now_ms)

        def age_ms(seq: int, received_ms: int) -> int:
            return now_ms - self.timeline.time_of(seq, received_ms)

        seq = self.ids.seq_of_key.get(key)
        if seq is not None and is_same(self.connection, seq, pixel, payload, age_ms):
            return True
        for closed in self._closed:
            seq = closed.ids.seq_of_key.get(key)
            try:
                if seq is not None and is_same(closed.connection, seq, pixel, payload, age_ms):
                    return True
            except DAMAGED:
                self.examine([closed.number])
        try:
            return any(
                is_same(connection, seq, pixel, payload, age_ms) for connection, seq in self._sealed.find(key)
            )
        except DAMAGED:
            self.examine([self._sealed.in_use])
            return False

    def last_batch(self, worker: int) -> tuple[int, list[int]] | None:
        """(number, positions of duplicates) of a worker's newest committed batch; LOST when a segment that
        was set aside may know better."""
        lost = max([self._lost, *damaged_numbers(self._data_dir)])
        return last_batch_of(worker, self.connection, self.info.number, self._data_dir, self._storage, lost)

    def names(self, pixel: int, hour: int) -> set[str]:
        """The event names counted so far for a pixel and hour, wherever they are."""
        query = "SELECT name FROM name_count WHERE pixel = ? AND hour = ?"
        totals = open_totals(self._data_dir, self.store_id, self._storage)
        connections = [self.connection, *(closed.connection for closed in self._closed), totals]
        found = {name for connection in connections for (name,) in connection.execute(query, (pixel, hour))}
        totals.close()
        return found

    # -- Going on ----------------------------------------------------------------------------------

    def roll_when_due(self) -> None:
        """Begins the next segment when this one is full or old. Called between transactions."""
        self.tidy()
        events = self.next_seq - self.info.first_seq
        age_ms = self._clock.now_ms() - self.info.opened_ms
        due = self._limits
        if not events or not (
            events >= due.events_max or self.bytes >= due.bytes_max or age_ms >= due.age_ms
        ):
            return
        connection, number, ids = self.connection, self.info.number, self.ids
        if self._clock.monotonic_s() < self._roll_again_s:
            return
        try:
            self._open(number + 1)
        except (apsw.FullError, apsw.IOError, apsw.CantOpenError) as error:
            if is_failed_write(error):
                raise
            # There is no room for a file more, in bytes or in names. The old one goes on while it can.
            self._roll_again_s = self._clock.monotonic_s() + ROLL_RETRY_S
            return
        connection.close()
        self._hand_over(number, ids, self.timeline.now_ms())
        self._forget_old()

    def tidy(self) -> None:
        """Takes note of what the housekeeper did meanwhile. Called between transactions, and when idle: a
        removed segment keeps its room on the disk for as long as it is open here."""
        self._take_sealed()
        while not self._housekeeper.damaged.empty():
            number = self._housekeeper.damaged.get()
            if number == self.info.number:
                raise apsw.CorruptError("the open segment is damaged")
            self._leave_out(number)
        while not self._retention.removed.empty():
            number = self._retention.removed.get()
            self._leave_out(number)

    def examine(self, suspects: Sequence[int]) -> None:
        """Has the housekeeper look at segments that could not be read, each once."""
        for number in suspects:
            if number not in self._examined and segment_path(self._data_dir, number).exists():
                self._examined.add(number)
                self._housekeeper.examine(ExamineJob(number, is_open=number == self.info.number))

    def mark_suspect(self) -> None:
        """For the next process: all of the open segment is to be looked at before it is used."""
        suspicion(self._data_dir, self.info.number).touch()

    def write_time(self) -> None:
        """With the events of a transaction: that the clock has jumped, if it has."""
        if spans := self.timeline.look(self.next_seq):
            write_spans(self.connection, spans)

    def check_place(self) -> None:
        """Before anything is acknowledged: whoever opens the segment by its name finds what was committed."""
        self._place.check()

    def checkpoint_when_due(self) -> None:
        """Keeps the log short. The housekeeper copies most of it; what was written meanwhile is copied
        here, which is little, and then the log starts again from its beginning."""
        if (
            self._wal_pages * self._page_bytes < limits.WAL_CHECKPOINT_BYTES
            or self._housekeeper.is_checkpointing
        ):
            return
        if not self._is_log_copied:
            self._is_log_copied = True
            self._housekeeper.checkpoint(segment_path(self._data_dir, self.info.number))
            return
        self._is_log_copied = False
        self._wal_pages = 0
        try:
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except (apsw.FullError, apsw.BusyError):
            pass  # what was committed is in the log, durable all the same; copied when there is room again

    # -- Private -----------------------------------------------------------------------------------

    def _resume(self) -> None:
        """Takes up what is on disk: seals what was left unsealed, goes on with the newest segment."""
        totals = open_totals(self._data_dir, self.store_id, self._storage)
        folded_to = totals.execute("SELECT folded_to FROM meta").get
        totals.close()
        numbers = segment_numbers(self._data_dir)
        if folded_to and folded_to >= max(numbers, default=0):
            raise SegmentDamaged(
                f"totals.db counts the segments up to {folded_to}, but the newest one in events/ is"
                f" {max(numbers, default=0)}",
                hint="put the missing segments back, or restore a backup",
            )
        number = numbers[-1] if numbers else 1
        self.timeline.load(spans_of(self._data_dir, number, self._storage))  # which tell where it is now
        known, older = self._look_back(numbers[:-1], folded_to)
        self._skip_seqs(number - 1 - known)
        try:
            self._open_soundly(number)
        except DAMAGED:
            self._skip_seqs(1)
            self._open(number + 1)
            older.append(Found(number, 0, None))
        # None is sealed or set aside before there is one after it: see has_lost_itself.
        self._take_up(older, folded_to)
        if self.info.sealed_ms is not None:
            self.connection.close()
            self._take_up(self._look_back([number], folded_to)[1], folded_to)
            self._open(number + 1)

    def _settle_log(self) -> None:
        """A failed sync of an earlier process may have left pages in the log that were never confirmed. They
        are part of the file once this succeeds, and only then do we listen. The write after it is synced:
        until then a power cut could bring the longer log back and play it over the newer file."""
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self.connection.execute("UPDATE meta SET opened_ms = opened_ms")

    def _open_soundly(self, number: int) -> None:
        """Opens the newest segment and looks whether it is whole, before anything is built on it."""
        if has_lost_itself(self._data_dir, number, self.next_seq, self._storage):
            raise apsw.CorruptError("the newest segment is empty")
        next_seq = self.next_seq
        self._open(number)
        try:
            mark = suspicion(self._data_dir, number)
            if not is_sound(self.connection, None if mark.exists() else CHECK_S):
                raise apsw.CorruptError("the newest segment is damaged")
            mark.unlink(missing_ok=True)
        except DAMAGED:
            self.connection.close()
            self.next_seq = next_seq  # what it says itself is not to be trusted
            raise
        self._settle_log()

    def _skip_seqs(self, segments: int) -> None:
        self.next_seq += seqs_of_lost(segments, self._limits.events_max)

    def _abandon(self, number: int) -> None:
        self._lost = max(self._lost, number)
        self._examined.add(number)
        self._housekeeper.examine(ExamineJob(number, is_open=False, is_known_damaged=True))

    def _leave_out(self, number: int) -> None:
        """Of a segment that is not at its place any more nothing is asked."""
        for closed in [closed for closed in self._closed if closed.number == number]:
            self._closed.remove(closed)
            closed.connection.close()
        self._sealed.remove(number)

    def _look_back(self, numbers: list[int], folded_to: int) -> tuple[int, list[Found]]:
        """Newest first, and no further than needed: what is folded and older than the duplicate window has
        nothing to say, however much of it there is. Returns the newest number that told its last seq (0 for
        none), and what was found, oldest first."""
        known = 0
        found: list[Found] = []
        for number in reversed(numbers):
            try:
                older = look_at_older(self._data_dir, number, self._storage)
            except DAMAGED:
                found.append(Found(number, 0, None))
                continue
            known = max(known, number)
            self.next_seq = max(self.next_seq, older.last_seq + 1)
            self.timeline.load(older.spans)
            newest_ms = self.timeline.time_of(older.last_seq, older.newest_ms)
            if number <= folded_to and self.timeline.now_ms() - newest_ms > limits.DUPLICATE_WINDOW_MS:
                break
            found.append(Found(number, newest_ms, older))
        return known, found[::-1]

    def _take_up(self, found: list[Found], folded_to: int) -> None:
        """Remembers ids, seals and folds what is not, sets aside what can not be read."""
        for number, newest_ms, older in found:
            if older is None:
                self._abandon(number)
            elif older.ids is not None:
                self._hand_over(number, older.ids, newest_ms)
            else:
                self._sealed.add(number, older.bits, newest_ms)
                if number > folded_to:
                    self._housekeeper.seal(SealJob(number, b""))

    def _open(self, number: int) -> None:
        """Makes or opens a segment and makes it the one that events go to."""
        path = segment_path(self._data_dir, number)
        connection = open_for_writing(path, self._storage)
        try:
            if schema_version(connection, path) == 0:
                # New, or begun by a process that was killed before this transaction.
                now_ms = self._clock.now_ms()
                begun = SegmentInfo(self.store_id, number, self.next_seq, now_ms, None)
                set_up(connection, begun, self.timeline.begin(self.next_seq))
            else:
                self.timeline.load(read_spans(connection))
            info = read_info(connection)
            assert info is not None
            self.ids = OpenIds.load(connection)
            self.next_seq = last_seq(connection, info) + 1
        except BaseException:
            connection.close()
            raise
        connection.set_wal_hook(self._note_wal)
        self._place = Place(path)
        self.connection, self.info = connection, info
        self._page_bytes: int = connection.pragma("page_size")  # older segments have smaller ones
        self.bytes = connection.pragma("page_count") * self._page_bytes
        self._wal_pages = 0
        self._is_log_copied = False

    def _hand_over(self, number: int, ids: OpenIds, newest_ms: int) -> None:
        """Gives a segment to the housekeeper; until it is sealed its ids are answered from here."""
        connection = open_for_reading(segment_path(self._data_dir, number), self._storage)
        self._closed.append(Closed(number, ids, connection, newest_ms))
        self._housekeeper.seal(SealJob(number, shrunk(ids.bits, len(ids.seq_of_key))))
        self._take_sealed()

    def _take_sealed(self) -> None:
        """Replaces the table of ids of what was sealed meanwhile by its filter."""
        failure = self._housekeeper.failure
        if failure is not None and is_failed_write(failure):
            raise failure
        for number in self._housekeeper.take_sealed():
            for closed in [closed for closed in self._closed if closed.number == number]:
                self._closed.remove(closed)
                closed.connection.close()
                self._sealed.add(
                    number, shrunk(closed.ids.bits, len(closed.ids.seq_of_key)), closed.newest_ms
                )

    def _forget_old(self) -> None:
        self._sealed.forget_before(self.timeline.now_ms() - limits.DUPLICATE_WINDOW_MS)

    def _note_wal(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK
