"""The one writer of events: duplicates, events, counts and outcomes of many batches in one transaction
and one sync. Knows nothing of sockets; what it returned from `commit` is on disk.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import apsw
import msgspec

from pixelwire.clock import Clock, SystemClock
from pixelwire.errors import DiskFull, SegmentDamaged, SyncFailed
from pixelwire.event import Event
from pixelwire.frames import ABSENT, COMMITTED, STORED, UNKNOWN, Ack, Batch, Welcome
from pixelwire.record.chain import Chain, SegmentLimits
from pixelwire.record.counts import Counts, NameCap
from pixelwire.record.damage import DAMAGED
from pixelwire.record.ids import message_id_of, pack_keys
from pixelwire.record.resume import LOST, find_store_id
from pixelwire.record.retention import RetentionLimits
from pixelwire.record.sealing import open_totals
from pixelwire.record.segments import Storage, events_dir
from pixelwire.room import is_disk_full

BYTES_PER_ROW = 64  # of a row beside its payload and extra: varints, keys, page overhead
Row = tuple[int, int, int, int, int, bytes, bytes]


class Transaction(NamedTuple):
    """What a commit gathers before it writes."""

    first_seq: int
    counts: Counts
    rows: list[Row]  # in the order of `seq`, without gaps
    keys: list[int]  # one per row
    fresh: dict[int, int]  # client-given keys of these rows -> seq


class Writer:
    """Belongs to one thread. Between calls every acknowledged event is on disk.

    Invariants: `seq` grows by one per stored event over all segments and is never reused; a batch is in
    exactly one segment, whole or not at all; a worker's batch is committed once.
    """

    def __init__(self, chain: Chain, data_dir: Path) -> None:
        self._chain = chain
        self._translated = translated(data_dir)
        self._cap = NameCap(chain.names)
        self._last_batch: dict[int, tuple[int, list[int]]] = {}  # worker -> its newest committed one

    @classmethod
    def open(
        cls,
        data_dir: Path,
        *,
        clock: Clock | None = None,
        storage: Storage = Storage(),  # noqa: B008 an immutable value
        segment_limits: SegmentLimits = SegmentLimits(),  # noqa: B008 an immutable value
        retention: RetentionLimits = RetentionLimits(),  # noqa: B008 an immutable value
        is_inline: bool = False,
    ) -> Self:
        """Opens the newest segment, or makes the first. Afterwards everything found in it is durable.

        `is_inline` seals in the calling thread. SchemaMismatch, DiskFull, SegmentDamaged or SyncFailed when
        the store can not be opened.
        """
        make_durable_directory(events_dir(data_dir))
        with translated(data_dir):
            store_id = find_store_id(data_dir, storage) or secrets.token_hex(16)
            open_totals(data_dir, store_id, storage).close()
            chain = Chain(
                data_dir,
                clock=clock or SystemClock(),
                storage=storage,
                segment_limits=segment_limits,
                store_id=store_id,
                is_inline=is_inline,
                retention=retention,
            )
        return cls(chain, data_dir)

    @property
    def is_waiting(self) -> bool:
        """Never: its store is open. See waiting.py."""
        return False

    @property
    def store_id(self) -> str:
        return self._chain.store_id

    @property
    def head(self) -> int:
        """The newest seq; 0 when nothing was ever stored."""
        return self._chain.next_seq - 1

    @property
    def housekeeping_failure(self) -> str:
        """Why sealing does not get on; empty when it does."""
        return self._chain.housekeeping_failure

    def close(self) -> None:
        self._chain.close()

    def commit(self, batches: Sequence[tuple[int, Batch]]) -> list[Ack]:
        """Stores all batches, each of (worker, Batch), in one transaction; returns after the sync.

        DiskFull: nothing of it is stored, try again later. SyncFailed: it is not known whether it is
        stored; the process must end and open the files anew. SegmentGone: it is stored where nobody looks.
        """
        with self._translated:
            self._chain.roll_when_due()
            connection = self._chain.connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                self._chain.write_time()
                acks, transaction = self._write(batches)
                connection.execute("COMMIT")
            except BaseException:
                self._cap.forget()
                # After SQLITE_FULL the transaction may be gone already, or still open.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._chain.check_place()
            # On disk from here on.
            self._chain.timeline.saved()
            self._note_committed(batches, acks, transaction)
            self._chain.checkpoint_when_due()
            return acks

    def last_batch(self, worker: int, number: int) -> Welcome:
        """What became of a worker's batch `number`, the last it sent (0: it has sent none)."""
        if number == 0:
            return Welcome(ABSENT, [])
        known = self._last_batch.get(worker)
        if known is None:
            try:
                known = self._chain.last_batch(worker)
            except apsw.Error:
                return Welcome(UNKNOWN, [])
        if known is LOST:
            return Welcome(UNKNOWN, [])
        if known is None:
            return Welcome(ABSENT, [])
        self._last_batch[worker] = known
        committed, duplicates = known
        if committed == number:
            return Welcome(COMMITTED, duplicates)
        # One batch at a time and growing numbers: what is newer than the newest committed one is not there.
        return Welcome(ABSENT if committed < number else UNKNOWN, [])

    def examine(self, suspects: Sequence[int]) -> None:
        """Looks at segments that somebody could not read; what is damaged is set aside."""
        with self._translated:
            self._chain.examine(suspects)

    def mark_suspect(self) -> None:
        """The next process looks at all of the open segment before it uses it."""
        self._chain.mark_suspect()

    def tidy(self) -> None:
        """Lets go of what is no longer needed; called now and then while there is nothing to commit."""
        with self._translated:
            self._chain.tidy()

    def forget_worker(self, worker: int) -> None:
        """Lets go of what is remembered of a worker that left; it can still ask, from disk."""
        self._last_batch.pop(worker, None)

    def _write(self, batches: Sequence[tuple[int, Batch]]) -> tuple[list[Ack], Transaction]:
        """Everything between BEGIN and COMMIT."""
        connection = self._chain.connection
        transaction = Transaction(self._chain.next_seq, Counts(), [], [], {})
        acks = []
        for worker, batch in batches:
            known = self._last_batch.get(worker)
            if known is not None and batch.number <= known[0]:
                # Sent a second time though it was committed: never store it twice.
                acks.append(Ack(batch.number, STORED, known[1] if batch.number == known[0] else []))
            else:
                acks.append(Ack(batch.number, STORED, self._take(batch, transaction)))
        if transaction.rows:
            connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", transaction.rows)
            keys = pack_keys(transaction.keys)
            connection.execute("INSERT INTO id_batch VALUES (?, ?)", (transaction.first_seq, keys))
        transaction.counts.write(connection)
        connection.executemany(
            "INSERT INTO worker VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET number = excluded.number, duplicates = excluded.duplicates"
            " WHERE excluded.number > worker.number",
            [
                (worker, ack.number, msgspec.msgpack.encode(ack.duplicates))
                for (worker, _), ack in zip(batches, acks, strict=True)
            ],
        )
        return acks, transaction

    def _take(self, batch: Batch, transaction: Transaction) -> list[int]:
        """Adds a batch's new events to the transaction; the positions of its duplicates."""
        first_seq, counts, rows, keys, fresh = transaction
        duplicates: list[int] = []
        stored: list[Event] = []
        for position, event in enumerate(batch.events):
            pixel, received_ms, call, signal, _, key, payload, extra = event
            seq = first_seq + len(rows)
            if key < 0:
                if self._is_duplicate(event, transaction):
                    duplicates.append(position)
                    counts.add_duplicate(event)
                    continue
                fresh[key] = seq
            rows.append((seq, pixel, received_ms, call, signal, payload, extra))
            keys.append(key)
            stored.append(event)
        counts.add_stored(stored, self._cap)
        counts.add_tallies(batch.tallies)
        return duplicates

    def _is_duplicate(self, event: Event, transaction: Transaction) -> bool:
        """Whether the same client-given id of the same pixel was stored within the window."""
        seq = transaction.fresh.get(event.key)
        if seq is not None:
            row = transaction.rows[seq - transaction.first_seq]
            return row[1] == event.pixel and message_id_of(row[5]) == message_id_of(event.payload)
        return self._chain.is_stored(event.key, event.pixel, event.payload, event.received_ms)

    def _note_committed(
        self, batches: Sequence[tuple[int, Batch]], acks: Sequence[Ack], transaction: Transaction
    ) -> None:
        for (worker, _), ack in zip(batches, acks, strict=True):
            known = self._last_batch.get(worker)
            if known is None or ack.number > known[0]:
                self._last_batch[worker] = (ack.number, ack.duplicates)
        chain = self._chain
        chain.ids.add(transaction.fresh.items())
        chain.next_seq += len(transaction.rows)
        chain.bytes += sum(len(row[5]) + len(row[6]) + BYTES_PER_ROW for row in transaction.rows)


def make_durable_directory(path: Path) -> None:
    """The directory and its name in the one above."""
    path.mkdir(parents=True, exist_ok=True)
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


class translated:  # noqa: N801 reads as a statement: `with translated():`
    """The one table from apsw's errors to ours."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if is_disk_full(error, self._data_dir):
            raise DiskFull("the disk of the data directory is full", hint="free room on it") from error
        if isinstance(error, DAMAGED):
            raise SegmentDamaged(
                f"a file of the store is damaged: {error}",
                hint="a segment is set aside by the next recorder; for totals.db restore a backup",
            ) from error
        if isinstance(error, apsw.Error):
            raise SyncFailed(f"the disk did not take a write: {error}") from error
