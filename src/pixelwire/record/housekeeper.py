"""The recorder's second thread: seals segments in their order, copies the log into the open file, looks at
suspects and does a chore in between, all of it off the commit path. Knows no batch.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

import apsw

from pixelwire.record.damage import DAMAGED, has_whole_counts, is_whole, set_aside
from pixelwire.record.sealing import fold, is_failed_write, open_totals, seal
from pixelwire.record.segments import Storage, open_for_writing, segment_path
from pixelwire.telemetry import logger

RETRY_S: Final = 5.0
_log = logger("record")


class SealJob(NamedTuple):
    number: int
    bits: bytes


class ExamineJob(NamedTuple):
    """A segment that somebody could not read: set aside when it is damaged."""

    number: int
    is_open: bool  # then only its writer can leave it
    is_known_damaged: bool = False


Job = SealJob | ExamineJob
Chore = Callable[[], float]  # returns in how many seconds it wants to be called again


class Housekeeper:
    """Works on connections of its own. SQLite works without the interpreter's lock, so the recorder's loop
    goes on meanwhile. With `is_inline` (tests, and storage that allows one connection only) the caller's
    thread does the jobs when they are given.

    What fails is tried again every RETRY_S, and neither keeps the others waiting: a job (the ones after it
    wait: segments are folded in their order), the copying of the log, the chore. Only a write that the disk
    did not take or confirm ends the thread: it is never tried again, the process opens its files anew.
    """

    def __init__(
        self, data_dir: Path, store_id: str, storage: Storage, now_ms: Callable[[], int], *, is_inline: bool
    ) -> None:
        self._data_dir = data_dir
        self._store_id = store_id
        self._storage = storage
        self._now_ms = now_ms
        self._is_inline = is_inline
        self._jobs: deque[Job] = deque()
        self._log_of: Path | None = None  # the file whose log is to be copied into it
        self._chore: Chore | None = None
        self._again_at_s: dict[str, float] = {}  # what failed, or asked for it -> when it is its turn again
        self._failures: dict[str, Exception] = {}  # what failed at its last try -> why
        self._sealed: SimpleQueue[int] = SimpleQueue()
        self.damaged: SimpleQueue[int] = SimpleQueue()  # numbers of segments not to be used any more
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    @property
    def failure(self) -> Exception | None:
        """Why something does not get on; None when all of it does."""
        failures = list(self._failures.values())
        return next((failure for failure in failures if is_failed_write(failure)), next(iter(failures), None))

    @property
    def is_checkpointing(self) -> bool:
        """Whether the log is being copied, or waits for it."""
        return self._log_of is not None

    def start(self) -> None:
        """Begins with what was given until now. Its owner starts it when nothing can fail any more that would
        leave it behind."""
        if not self._is_inline:
            self._thread.start()

    def seal(self, job: SealJob) -> None:
        """Jobs must come in the order of the segments."""
        if self._is_inline:
            self._do(job)
            if self._chore is not None:
                self._chore()
        else:
            self._give(job)

    def examine(self, job: ExamineJob) -> None:
        """Between the sealing of segments, whose order it keeps."""
        if self._is_inline:
            self._do(job)
        else:
            self._give(job)

    def take_up(self, chore: Chore) -> None:
        """Something to do now and then between jobs. It tells its own failures."""
        self._chore = chore
        self._wake.set()

    def checkpoint(self, path: Path) -> None:
        """Copies the log's pages into the file while the writer goes on appending to the log."""
        if not self._is_inline:
            self._log_of = path
            self._wake.set()

    def take_sealed(self) -> list[int]:
        """The numbers of the segments sealed since the last call."""
        taken = []
        while not self._sealed.empty():
            taken.append(self._sealed.get())
        return taken

    def stop(self, timeout_s: float) -> None:
        """Ends after what is under way; jobs not begun are found again at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # -- When ---------------------------------------------------------------------------------------

    def _give(self, job: Job) -> None:
        self._jobs.append(job)
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._try("log", self._copy_log)
            self._try("job", self._do_first)
            self._try("chore", self._do_chore)
            if not self._has_more():
                self._wake.wait(self._due_in_s())
                self._wake.clear()

    def _try(self, what: str, step: Callable[[], None]) -> None:
        """Nothing is lost by what fails here: an unsealed segment serves reads and duplicates as well, a log
        that is not copied grows. A full disk gets room again; the recorder reports `failure` meanwhile."""
        if self._stopping.is_set() or time.monotonic() < self._again_at_s.get(what, 0.0):
            return
        try:
            step()
            self._failures.pop(what, None)
        except Exception as error:  # noqa: BLE001 the thread's top: whatever fails is told, and does not end it
            if str(error) != str(self._failures.get(what, "")):  # once, not every few seconds
                _log.warning("housekeeping_failed", work=what, reason=str(error), remedy=_remedy(error))
            self._failures[what] = error
            self._again_at_s[what] = time.monotonic() + RETRY_S
            if is_failed_write(error):
                self._stopping.set()

    def _has_more(self) -> bool:
        return bool(self._jobs) and time.monotonic() >= self._again_at_s.get("job", 0.0)

    def _due_in_s(self) -> float | None:
        has_work = {"log": self.is_checkpointing, "job": bool(self._jobs), "chore": self._chore is not None}
        now_s = time.monotonic()
        waits = [self._again_at_s.get(what, 0.0) - now_s for what, has in has_work.items() if has]
        return max(0.0, min(waits)) if waits else None

    # -- What ---------------------------------------------------------------------------------------

    def _copy_log(self) -> None:
        path = self._log_of
        if path is None:
            return
        connection = open_for_writing(path, self._storage)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            connection.close()
        self._log_of = None

    def _do_first(self) -> None:
        if self._jobs:
            self._do(self._jobs[0])
            self._jobs.popleft()

    def _do_chore(self) -> None:
        if self._chore is not None:
            self._again_at_s["chore"] = time.monotonic() + self._chore()

    def _do(self, job: Job) -> None:
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
        self._again_at_s.pop("chore", None)  # there is one more segment that may go

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


def _remedy(error: Exception) -> str:
    if isinstance(error, apsw.FullError):
        return "free room on the disk of the data directory"
    if isinstance(error, DAMAGED):
        return "restore totals.db from a backup, or the whole store"
    return "check the disk of the data directory"
