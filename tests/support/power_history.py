"""The life of one store whose power is cut again and again, and what must hold each time it is back."""

import gc
import random
import threading
from collections import Counter
from contextlib import closing
from itertools import count
from pathlib import Path

import apsw

from pixelwire.event import RECEIVED, Event, Outcome, Tally
from pixelwire.frames import STORED, Batch
from pixelwire.record.ids import message_id_of
from pixelwire.record.reader import Reader
from pixelwire.record.segments import Storage
from pixelwire.record.writer import SegmentLimits, Writer
from pixelwire.times import hour_of
from support.disk import NEVER, CutAt, Disk
from support.events import make_event
from support.powercut import PowerCutVfs

PIXEL = 1
# How far the cut may be: in the recovery, some commits on, some sealed segments on. Half of the cuts are
# chosen by the syncs before them, since a commit that seals has hundreds of writes and one sync.
OPERATIONS_MAX = (20, 300, 3_000)
SYNCS_MAX = (10, 50, 150)
THREAD_ENDS_S = 20.0
SMALL_SEGMENTS = SegmentLimits(events_max=25)


class History:
    """`live` runs until the power fails; then the disk that survived takes the place of the old one.

    Everything follows from the seed, so that a failure can be looked at again; with a housekeeper's thread
    beside the writer, as in production, all but the order in which the two come to the disk.
    """

    def __init__(
        self, seed: int, directory: Path, *, has_thread: bool = False, synchronous: str = "FULL"
    ) -> None:
        self.chance = random.Random(seed)
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self.seen: dict[int, str] = {}  # what earlier lives have read: seq -> message id
        self._directory = directory
        self._has_thread = has_thread
        self._synchronous = synchronous
        self._lives = 0
        self._root = directory / "0"

    def live(self) -> None:
        """Runs recorders until the power goes off; then the power is back."""
        disk = Disk(self._root, cut_at=self._next_cut())
        self._run_recorder(disk)
        while not disk.is_off:
            disk.expect(NEVER)
            self._run_recorder(disk, is_after_failure=True)
        self._lives += 1
        self._root = self._directory / str(self._lives)
        disk.cut(self.chance, self._root)
        disk.remove()

    def _run_recorder(self, disk: Disk, *, is_after_failure: bool = False) -> None:
        """Commits until the power goes off, or until a sync failed and the recorder gave up.

        After a failed sync the log on the disk may be shorter than programs read it. Opening moves it into
        the file and empties it; when the power goes off before the emptying is written back, the shorter log
        is applied to the newer file. SQLite has nothing against this pair of faults within seconds, so the
        second does not come at once here.
        """
        vfs = PowerCutVfs(disk)
        writer = None
        try:
            writer = self._open(disk, vfs)
            if is_after_failure:
                disk.settle()
                disk.expect(self._next_cut())
            self._commit_for_ever(writer)
        except Exception:
            if not disk.is_off and not disk.has_sync_failed:
                raise
        with disk.held_still():  # a process that ends takes nothing along
            try:
                if writer is not None:
                    writer.close()
            except Exception:
                pass  # it could not have done more
            writer = None
            _end_housekeepers()
            gc.collect()  # connections that a failed start left open

    def _commit_for_ever(self, writer: Writer) -> None:
        worker = self.chance.getrandbits(62) + 1
        for number in count(1):
            batch = self._batch(number)
            acks = writer.commit([(worker, batch)])
            self.acknowledged |= {message_id_of(event.payload) for event in batch.events}
            assert [ack.status for ack in acks] == [STORED]

    def check(self) -> None:
        """The recorder opens what survived; every promise holds."""
        self._reopen()
        for file in sorted(self._root.rglob("*.db")):
            connection = apsw.Connection(str(file))
            assert connection.pragma("integrity_check") == "ok", file.name
            connection.close()
        with closing(Reader(self._root)) as reader:
            self._check_events(reader)
            self._check_counts(reader)

    def lost(self) -> set[str]:
        """Acknowledged ids that are not on the disk any more, though a recorder opened it."""
        self._reopen()
        with closing(Reader(self._root)) as reader:
            return self.acknowledged - set(_stored(reader).values())

    def _reopen(self) -> None:
        """A recorder starts on what survived, and stops."""
        disk = Disk(self._root)
        self._open(disk, PowerCutVfs(disk)).close()

    def _check_events(self, reader: Reader) -> None:
        stored = _stored(reader)
        ids = Counter(stored.values())
        assert not self.acknowledged - ids.keys(), "acknowledged and lost"
        assert not ids.keys() - self.sent, "stored and never sent"
        assert not [message_id for message_id, times in ids.items() if times > 1], "stored twice"
        moved = {seq for seq, message_id in self.seen.items() if stored.get(seq) != message_id}
        assert not moved, "once read, and now elsewhere"
        self.seen = stored

    def _check_counts(self, reader: Reader) -> None:
        stored = len(self.seen)
        assert reader.stored_total() == stored
        assert sum(reader.signal_counts(PIXEL, 0, 1 << 40).values()) == stored
        assert sum(reader.name_counts(PIXEL, 0, 1 << 40).values()) == stored
        sums: Counter[str] = Counter()
        for (_, outcome, _), amount in reader.outcomes(None, 0, 1 << 40).items():
            sums[outcome] += amount
        assert sums[Outcome.STORED] == stored
        assert sums[RECEIVED] == sums[Outcome.STORED] + sums[Outcome.DUPLICATE]

    def _open(self, disk: Disk, vfs: PowerCutVfs) -> Writer:
        storage = Storage(vfs=vfs.name, synchronous=self._synchronous)
        return Writer.open(
            disk.root, storage=storage, segment_limits=SMALL_SEGMENTS, is_inline=not self._has_thread
        )

    def _batch(self, number: int) -> Batch:
        """New events, half with ids of the client's; now and then one that was sent before."""
        events = [self._event() for _ in range(self.chance.randint(1, 12))]
        tally = Tally(hour_of(events[0].received_ms), 0, RECEIVED, "", len(events))
        return Batch(number, [tally], events)

    def _event(self) -> Event:
        message_id = f"own-{self.chance.getrandbits(64):x}" if self.chance.random() < 0.5 else None
        if message_id and self.sent and self.chance.random() < 0.1:
            repeated = [sent for sent in sorted(self.sent)[:50] if sent.startswith("own-")]
            message_id = self.chance.choice(repeated) if repeated else message_id
        name = self.chance.choice(["Order Completed", "Lead", "Something"])
        event = make_event(PIXEL, name=name, message_id=message_id)
        self.sent.add(message_id_of(event.payload))
        return event

    def _next_cut(self) -> CutAt:
        operation = self.chance.randint(1, self.chance.choice(OPERATIONS_MAX))
        sync = self.chance.randint(1, self.chance.choice(SYNCS_MAX))
        way = self.chance.random()
        if way < 0.4:
            return CutAt(operation=operation)
        if way < 0.8:
            return CutAt(sync=sync)
        return CutAt(operation=operation + OPERATIONS_MAX[0], failing_sync=sync)


def _end_housekeepers() -> None:
    """A process takes its threads along; here one that went on would work on the next one's files."""
    for thread in threading.enumerate():
        if thread.name == "housekeeper":
            thread.join(THREAD_ENDS_S)
            assert not thread.is_alive(), "a housekeeper outlived its recorder"


def _stored(reader: Reader) -> dict[int, str]:
    stored: dict[int, str] = {}
    after = 0
    while True:
        page = reader.read(after, limit=1_000)
        stored |= {event.seq: message_id_of(event.payload) for event in page.events}
        after = page.scanned_to
        if page.at_head:
            return stored
