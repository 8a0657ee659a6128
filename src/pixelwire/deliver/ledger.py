"""The courier's writes to delivery.db, and what it reads there when a loop begins. Knows no destination.

Group commit: while one transaction syncs, what else comes to its end gathers for the next. Rows are inserted
on the event loop's thread and only the commit, which waits for the disk, runs in another: rows inserted one
by one beside a busy loop would each wait for the interpreter's lock.

Invariant: an event is told to be durable only after the commit that holds it, and a cursor is written in the
same transaction as the last event it passes, or later.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from pixelwire.deliver.database import FILE, open_to_read, open_to_write, translated
from pixelwire.deliver.parking import Parked
from pixelwire.deliver.statements import load
from pixelwire.errors import DeliveryError
from pixelwire.event import StoredEvent
from pixelwire.telemetry import logger

_SQL: Final = load("ledger.sql")
# In this order: an event can be parked and come to its end in one group, never the other way round.
_WRITES: Final = (
    "adopt",
    "park",
    "unpark",
    "sent",
    "bury",
    "bury_again",
    "filter",
    "revive",
    "end_retry",
    "expire",
    "expire_one",
    "start_replay",
    "progress",
    "finish_replay",
    "remove",
)
DISK_FULL_WAIT_S: Final = 1.0

BEFORE_ALL: Final = -(2**63)  # seqs of letters set apart are negative

Row = tuple[Any, ...]


class Progress(msgspec.Struct):
    """A destination's row, as its loop keeps it in memory. The fields are those of `-- name: destination`."""

    number: int
    store: str
    cursor: int
    state: str
    reason: str
    since_ms: int
    retry_at_ms: int | None
    revision: int
    sent_total: int
    retried_total: int
    dead_total: int
    send_ms_total: int
    last_sent_ms: int | None
    last_error: str
    last_error_ms: int | None
    filtered_total: int
    failed_casts_total: int

    def enter(self, state: str, reason: str, now_ms: int, retry_at_ms: int | None = None) -> None:
        """Another state, or the same one for another reason."""
        if state != self.state:
            self.state, self.since_ms = state, now_ms
        self.reason, self.retry_at_ms = reason, retry_at_ms


class Group:
    """What becomes durable together."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.progress: dict[int, Callable[[], Progress]] = {}
        self.chores: list[Callable[[apsw.Connection], None]] = []
        self.durable = asyncio.Event()

    def add(self, statement: str, rows: Iterable[Row]) -> None:
        assert statement in _WRITES, statement
        self.rows.setdefault(statement, []).extend(rows)


class Ledger:
    """One for the courier, on the event loop's thread. DeliveryError when delivery.db can not be used."""

    def __init__(self, data_dir: Path) -> None:
        self._writes = open_to_write(data_dir)
        reads = open_to_read(data_dir)
        assert reads is not None, "it was just made"
        self._reads = reads
        self._group = Group()
        self._wake = asyncio.Event()
        self._is_finishing = False
        self._committer = ThreadPoolExecutor(1, "commit")
        self._log = logger("deliver")

    async def run(self) -> None:
        """Commits group after group until `finish()`.

        Ends with DeliveryError when a commit failed: what is on disk is not known then, and only opening the
        file anew tells.
        """
        while not (self._is_finishing and not self._wake.is_set()):
            await self._wake.wait()
            self._wake.clear()
            group, self._group = self._group, Group()
            await self._write(group)
            group.durable.set()

    def finish(self) -> None:
        """Lets `run` end once everything handed in so far is durable."""
        self._is_finishing = True
        self._wake.set()

    def close(self) -> None:
        self._committer.shutdown()
        self._reads.close()
        self._writes.close()

    def gather(self) -> Group:
        """The group that is committed next; the caller adds to it without giving way in between."""
        self._wake.set()
        return self._group

    async def adopt(self, destination_id: str, *, store: str, start_after: int, now_ms: int) -> Progress:
        """A destination's row, made when it is new; all that was handed in for it before is durable."""
        group = self.gather()
        group.add("adopt", [(destination_id, store, start_after, now_ms)])
        await group.durable.wait()
        [row] = self._ask("destination", destination_id)
        return Progress(*row)

    def known(self) -> list[str]:
        """The ids of the destinations that are not removed."""
        return [row[0] for row in self._ask("known")]

    def lines(self, number: int, cursor: int) -> list[tuple[Parked, int, int | None]]:
        """What is parked: the first row of each line, its length, and its first seq after the cursor."""
        return [(Parked(*row), length, ahead) for *row, length, ahead in self._ask("lines", number, cursor)]

    def next_in_line(
        self, number: int, identity_key: int, limit: int, *, after: int = BEFORE_ALL
    ) -> list[Parked]:
        """The first rows of one line that are on disk, after a seq."""
        return [Parked(*row) for row in self._ask("next_in_line", number, identity_key, limit, after)]

    def to_recall(self, number: int, limit: int) -> list[Row]:
        """Letters to be sent again that are not parked yet: (number, seq, attempts, payload)."""
        return self._ask("to_recall", number, limit)

    def recalled(self, number: int, limit: int) -> int:
        """How many of the first letters to be sent again are parked."""
        return int(self._ask("recalled", number, limit)[0][0])

    def has_retried(self, number: int) -> bool:
        """Whether letters are to be sent again, parked or not."""
        return bool(self._ask("has_retried", number)[0][0])

    def letter(self, letter: int) -> StoredEvent | None:
        """The event of a dead letter, as it was stored."""
        rows = self._ask("letter", letter)
        return StoredEvent(*rows[0]) if rows else None

    def settled_to(self, number: int) -> int:
        """The last event with a row: after it nothing has to be looked for."""
        return int(self._ask("settled_to", number)[0][0])

    def settled_between(self, number: int, after: int, up_to: int) -> set[int]:
        """The events in (after, up_to] that are sent, filtered, parked or dead."""
        return {row[0] for row in self._ask("settled_between", number, after, up_to)}

    def ask(self, sql: str, *values: Any) -> list[Row]:
        """What is durable, by a statement of another part of this room."""
        with translated():
            return self._reads.execute(sql, values).fetchall()

    def _ask(self, name: str, *values: Any) -> list[Row]:
        return self.ask(_SQL[name], *values)

    async def _write(self, group: Group) -> None:
        # Once and now: a cursor read later could pass events of the next group.
        group.add("progress", [msgspec.structs.astuple(row()) for row in group.progress.values()])
        while True:
            try:
                self._insert(group)
                await asyncio.get_running_loop().run_in_executor(self._committer, self._commit)
                return
            except apsw.FullError as exc:
                self._roll_back()
                if self._is_finishing:
                    raise DeliveryError(f"{FILE} can not be written", hint="the disk is full") from exc
                # Nothing new is sent meanwhile: no slot is free before its event is durable.
                self._log.error("delivery_stopped", reason="the disk is full", remedy="free some space")
                await asyncio.sleep(DISK_FULL_WAIT_S)
            except apsw.Error as exc:
                raise DeliveryError(f"{FILE} could not be written: {exc}") from exc

    def _insert(self, group: Group) -> None:
        self._writes.execute("BEGIN IMMEDIATE")
        for statement in _WRITES:
            if rows := group.rows.get(statement):
                self._writes.executemany(_SQL[statement], rows)
        for chore in group.chores:
            chore(self._writes)

    def _commit(self) -> None:
        self._writes.execute("COMMIT")

    def _roll_back(self) -> None:
        if self._writes.in_transaction:  # SQLite may have done it by itself
            self._writes.execute("ROLLBACK")
