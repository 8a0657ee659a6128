"""What happens to a segment after its last event: the index of its ids is built, its counts are folded
into the totals. Also moves written pages from the log into the open file, and does other chores in between.
All of it off the commit path.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import apsw

from pixelwire.record.damage import DAMAGED, has_whole_counts, is_whole, set_aside
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
from pixelwire.telemetry import logger

RETRY_S = 5.0
_log = logger("record")
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


def is_failed_write(error: apsw.Error | None) -> bool:
    """Whether the disk did not take or not confirm a write: what is in its cache is not to be trusted."""
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _FAILED_WRITES


class SealJob(NamedTuple):
    number: int
    bits: bytes


class ExamineJob(NamedTuple):
    """A segment that somebody could not read: set aside when it is damaged."""

    number: int
    is_open: bool  # then only its writer can leave it
    is_known_damaged: bool = False


Job = SealJob | ExamineJob | Path  # a path: its log is to be copied into it
Chore = Callable[[], float]  # returns in how many seconds it wants to be called again


class Housekeeper:
    """Does the jobs in a thread of its own, each on connections of its own, one after the other.

    SQLite works without the interpreter's lock, so the recorder's loop goes on meanwhile. With
    `is_inline` (tests, and storage that allows one connection only) the caller's thread does them.
    """

    def __init__(
        self, data_dir: Path, store_id: str, storage: Storage, now_ms: Callable[[], int], *, is_inline: bool
    ) -> None:
        self._data_dir = data_dir
        self._store_id = store_id
        self._storage = storage
        self._now_ms = now_ms
        self._is_inline = is_inline
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()  # None: look what there is to do
        self._sealed: SimpleQueue[int] = SimpleQueue()
        self.damaged: SimpleQueue[int] = SimpleQueue()  # numbers of segments not to be used any more
        self._stopping = threading.Event()
        self.failure: apsw.Error | None = None  # of the last try; None once it worked
        self.is_checkpointing = False
        self._chore: Chore | None = None
        self._chore_at_s = 0.0
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        if not is_inline:
            self._thread.start()

    def seal(self, job: SealJob) -> None:
        """Jobs must come in the order of the segments."""
        if self._is_inline:
            self._do(job)
            if self._chore is not None:
                self._chore()
        else:
            self._jobs.put(job)

    def examine(self, job: ExamineJob) -> None:
        """Between the sealing of segments, whose order it keeps."""
        if self._is_inline:
            self._do(job)
        else:
            self._jobs.put(job)

    def take_up(self, chore: Chore) -> None:
        """Something to do now and then between jobs. It tells its own failures."""
        self._chore = chore
        self._jobs.put(None)

    def checkpoint(self, path: Path) -> None:
        """Copies the log's pages into the file while the writer goes on appending to the log."""
        if not self._is_inline:
            self.is_checkpointing = True
            self._jobs.put(path)

    def take_sealed(self) -> list[int]:
        """The numbers of the segments sealed since the last call."""
        taken = []
        while not self._sealed.empty():
            taken.append(self._sealed.get())
        return taken

    def stop(self, timeout_s: float) -> None:
        """Ends after the job under way; jobs not begun are found again at the next start."""
        self._stopping.set()
        self._jobs.put(None)
        if not self._is_inline:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                job = self._jobs.get(timeout=self._chore_due_s())
            except Empty:
                job = None
            if job is not None:
                self._do_patiently(job)
            self._do_chore()

    def _do_patiently(self, job: Job) -> None:
        while not self._stopping.is_set():
            try:
                self._do(job)
                self.failure = None
                break
            except apsw.Error as error:
                # Nothing is lost: an unsealed segment serves reads and duplicates as well. A full
                # disk gets room again; the recorder reports `failure` meanwhile.
                self.failure = error
                self._do_chore()  # which may make room
                self._stopping.wait(RETRY_S)
        if isinstance(job, Path):
            self.is_checkpointing = False

    def _chore_due_s(self) -> float | None:
        return None if self._chore is None else max(0.0, self._chore_at_s - time.monotonic())

    def _do_chore(self) -> None:
        if self._chore is None or self._chore_due_s() or self._stopping.is_set():
            return
        try:
            self._chore_at_s = time.monotonic() + self._chore()
        except apsw.IOError as error:  # a failed write: see _do
            self.failure = error
            self._stopping.set()

    def _do(self, job: Job) -> None:
        try:
            self._work(job)
        except apsw.IOError as error:
            if is_failed_write(error):
                self._stopping.set()  # never tried again: the process ends and opens its files anew
            raise

    def _work(self, job: Job) -> None:
        if isinstance(job, Path):
            connection = open_for_writing(job, self._storage)
            try:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            finally:
                connection.close()
            return
        if isinstance(job, ExamineJob):
            self._examine(job)
            return
        try:
            seal(self._data_dir, job.number, job.bits, self._now_ms(), self._storage)
            fold(self._data_dir, job.number, self._store_id, self._storage)
        except DAMAGED:
            self._examine(ExamineJob(job.number, is_open=False))
            if segment_path(self._data_dir, job.number).exists():
                raise  # it is whole, so the totals are not: told as a failure
            return
        self._sealed.put(job.number)
        self._chore_at_s = 0.0  # there is one more that may go

    def _examine(self, job: ExamineJob) -> None:
        path = segment_path(self._data_dir, job.number)
        if not path.exists() or (not job.is_known_damaged and is_whole(path, self._storage)):
            return
        self.damaged.put(job.number)
        if job.is_open:
            return
        are_counted = self._salvage_counts(path, job.number)
        aside = set_aside(self._data_dir, job.number)
        _log.error(
            "segment_damaged",
            segment=job.number,
            set_aside=aside.name,
            counts="kept" if are_counted else "lost",
            remedy=f"put a copy from a backup in its place as events/{path.name} and remove {aside.name}",
        )

    def _salvage_counts(self, path: Path, number: int) -> bool:
        """Folds what a damaged segment still counts rightly; whether its counts are in the totals."""
        try:
            if has_whole_counts(path, self._storage):
                fold(self._data_dir, number, self._store_id, self._storage)
            totals = open_totals(self._data_dir, self._store_id, self._storage)
            folded_to = totals.execute("SELECT folded_to FROM meta").get
            totals.close()
            return bool(number <= folded_to)
        except DAMAGED:
            return False
