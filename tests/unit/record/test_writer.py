"""The one writer: what it returned is on disk, once."""

from collections import Counter
from pathlib import Path

import apsw
import pytest

from pixelwire.clock import HOUR_MS
from pixelwire.errors import DiskFull, SchemaMismatch, SegmentDamaged
from pixelwire.event import Call, Event, Signal, Tally
from pixelwire.frames import ABSENT, COMMITTED, STORED, Ack, Welcome
from pixelwire.limits import DUPLICATE_WINDOW_MS, EVENT_NAMES_MAX
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.reader import Reader
from pixelwire.record.segments import segment_numbers, segment_path
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event

WORKER = 77


class Store:
    """A store in a folder that is written by one worker, batch after batch."""

    def __init__(self, path: Path, events_max: int = 250_000) -> None:
        self.path = path
        self.limits = SegmentLimits(events_max=events_max)
        self.number = 0
        self.writer = self.open()
        self.reader = Reader(path)

    def open(self) -> Writer:
        return Writer.open(self.path, segment_limits=self.limits, is_inline=True)

    def commit(self, *events: Event, tallies: tuple[Tally, ...] = ()) -> Ack:
        self.number += 1
        (ack,) = self.writer.commit([(WORKER, make_batch(self.number, events, tallies))])
        return ack

    def reopen(self) -> None:
        self.writer.close()
        self.writer = self.open()

    def seqs(self) -> list[int]:
        return [event.seq for event in self.reader.read(0, limit=10_000).events]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def rolling(tmp_path: Path) -> Store:
    """Begins a new segment after every second event."""
    return Store(tmp_path, events_max=2)


def test_an_acknowledged_event_is_read_back(store: Store) -> None:
    """What was acknowledged is there for a reader at once, byte for byte."""
    event = make_event(extra=b'{"dropped_total":1}')
    assert store.commit(event) == Ack(1, STORED, [])
    (stored,) = store.reader.read(0, limit=10).events
    assert (stored.payload, stored.extra, stored.seq) == (event.payload, event.extra, 1)


def test_seq_has_no_gaps_over_segments_and_restarts(rolling: Store) -> None:
    """One number an event, in order, never used again."""
    for _ in range(5):
        rolling.commit(make_event())
    rolling.reopen()
    for _ in range(4):
        rolling.commit(make_event())
    assert rolling.seqs() == list(range(1, 10))
    assert len(segment_numbers(rolling.path)) > 3


def test_an_empty_store_is_reopened(store: Store) -> None:
    """Nothing recorded is a state like any other, and the store keeps its id."""
    store_id = store.writer.store_id
    store.reopen()
    assert store.writer.head == 0
    assert store.writer.store_id == store_id == store.reader.store_id()


@pytest.mark.parametrize("between", ["nothing", "restart", "roll", "roll and restart"])
def test_a_client_id_is_stored_once(rolling: Store, between: str) -> None:
    """The second is a duplicate wherever the first is: this segment, a sealed one, after a restart."""
    rolling.commit(make_event(message_id="m1"))
    if "roll" in between:
        for _ in range(5):
            rolling.commit(make_event())
    if "restart" in between:
        rolling.reopen()
    before = rolling.writer.head
    ack = rolling.commit(make_event(message_id="new"), make_event(message_id="m1"))
    assert ack.duplicates == [1]
    assert rolling.writer.head == before + 1


def test_a_duplicate_within_one_batch_is_found(store: Store) -> None:
    """The first of two in one transaction is stored."""
    ack = store.commit(make_event(message_id="m"), make_event(message_id="m"), make_event(2, message_id="m"))
    assert ack.duplicates == [1]
    assert store.seqs() == [1, 2]


@pytest.mark.parametrize("is_sealed", [False, True])
def test_an_id_is_new_again_after_the_window(rolling: Store, is_sealed: bool) -> None:
    """48 hours after the first, the same id is another event."""
    first_ms = make_event().received_ms - DUPLICATE_WINDOW_MS - 1
    rolling.commit(make_event(message_id="m", received_ms=first_ms))
    if is_sealed:
        for _ in range(4):
            rolling.commit(make_event())
    at_the_end = make_event(message_id="m", received_ms=first_ms + DUPLICATE_WINDOW_MS)
    assert rolling.commit(at_the_end).duplicates == [0]
    assert (
        rolling.commit(make_event(message_id="m", received_ms=first_ms + DUPLICATE_WINDOW_MS + 1)).duplicates
        == []
    )


def test_ids_of_our_own_are_never_duplicates(store: Store) -> None:
    """Only what a client gave is looked for."""
    event = make_event()
    assert store.commit(event, event).duplicates == []


def test_counts_are_those_of_the_events(rolling: Store) -> None:
    """Signals, names, outcomes and activity agree with what is stored, over folded and open segments."""
    for n in range(7):
        received_ms = 1_000 * HOUR_MS + n
        rolling.commit(
            make_event(received_ms=received_ms),
            make_event(
                call=Call.TRACK, name="Order Completed", signal=Signal.PURCHASE, received_ms=received_ms
            ),
            make_event(call=Call.TRACK, name="Clicked", received_ms=received_ms + HOUR_MS),
        )
    reader = rolling.reader
    assert reader.signal_counts(1, 1_000, 1_001) == {(1_000, 1): 7, (1_000, 2): 7, (1_001, 0): 7}
    assert reader.name_counts(1, 1_000, 1_001) == {(1_000, "Order Completed"): 7, (1_001, "Clicked"): 7}
    assert reader.outcomes(1, 1_000, 1_001) == {(1_000, "stored", ""): 14, (1_001, "stored", ""): 7}
    first_ms = 1_000 * HOUR_MS
    assert reader.activity(1) == {
        1: (first_ms, first_ms + 6),
        2: (first_ms, first_ms + 6),
        0: (first_ms + HOUR_MS, first_ms + HOUR_MS + 6),
    }
    assert reader.signal_counts(1, 1_001, 1_001) == {(1_001, 0): 7}
    assert reader.signal_counts(2, 0, 10_000) == {}


def test_every_segment_is_folded_once(rolling: Store) -> None:
    """Restarts in between change no count."""
    for n in range(6):
        rolling.commit(make_event(received_ms=HOUR_MS + n), make_event(received_ms=HOUR_MS + n))
        rolling.reopen()
    assert rolling.reader.signal_counts(1, 0, 10) == {(1, 1): 12}


def test_event_names_are_capped(rolling: Store) -> None:
    """Past the cap of a pixel and hour names are summed under one, also after a roll and a restart."""

    def named(name: str) -> Event:
        return make_event(call=Call.TRACK, name=name, received_ms=HOUR_MS)

    rolling.commit(*(named(f"name {n}") for n in range(EVENT_NAMES_MAX - 1)))
    rolling.commit(named("last one"))
    rolling.reopen()
    rolling.commit(named("too many"), named("name 1"), named("and more"))
    counts = rolling.reader.name_counts(1, 0, 10)
    assert len(counts) == EVENT_NAMES_MAX + 1
    assert (counts[1, "(other)"], counts[1, "name 1"], counts[1, "last one"]) == (2, 2, 1)


def test_tallies_are_summed_and_corrected(store: Store) -> None:
    """Rows of the ledger add up; a correction takes back."""
    store.commit(tallies=(Tally(5, 0, "received", "", 3), Tally(5, 0, "refused", "write_key_unknown", 2)))
    store.commit(
        tallies=(Tally(5, 0, "refused", "write_key_unknown", -1), Tally(5, 1, "filtered", "head", 1))
    )
    assert store.reader.outcomes(0, 5, 5) == {(5, "received", ""): 3, (5, "refused", "write_key_unknown"): 1}
    assert store.reader.outcomes(None, 5, 5)[5, "filtered", "head"] == 1


def test_a_worker_is_told_of_its_last_batch(rolling: Store) -> None:
    """Committed with its duplicates, or absent; from memory, from disk, and from older segments."""
    rolling.commit(make_event(message_id="m"), make_event(message_id="m"))
    rolling.reopen()
    for number in range(1, 4):
        rolling.writer.commit([(1, make_batch(number, [make_event(), make_event()]))])
    assert rolling.writer.last_batch(WORKER, 1) == Welcome(COMMITTED, [1])
    assert rolling.writer.last_batch(WORKER, 2).state == ABSENT
    assert rolling.writer.last_batch(999, 1).state == ABSENT
    assert rolling.writer.last_batch(999, 5).state == ABSENT


def test_a_batch_sent_twice_is_stored_once(store: Store) -> None:
    """The same number of the same worker is answered as the first time."""
    batch = make_batch(1, [make_event(message_id="a"), make_event(message_id="a"), make_event()])
    (first,) = store.writer.commit([(WORKER, batch)])
    (second,) = store.writer.commit([(WORKER, batch)])
    assert first == second
    assert store.seqs() == [1, 2]


def test_batches_of_several_workers_share_a_transaction(store: Store) -> None:
    """Each gets its own answer; ids are compared across them."""
    acks = store.writer.commit(
        [(1, make_batch(1, [make_event(message_id="x")])), (2, make_batch(9, [make_event(message_id="x")]))]
    )
    assert [(ack.number, ack.duplicates) for ack in acks] == [(1, []), (9, [0])]


def test_a_full_disk_loses_nothing_and_ends(store: Store) -> None:
    """A transaction that does not fit is refused whole; with room again the next one is stored."""
    store.commit(make_event(message_id="before"))
    connection = store.writer._chain.connection
    connection.pragma("max_page_count", connection.pragma("page_count") + 8)
    with pytest.raises(DiskFull):
        store.commit(*(make_event(payload={"x": "y" * 2_000}, message_id=f"m{n}") for n in range(100)))
    assert store.seqs() == [1]
    connection.pragma("max_page_count", 1_000_000)
    store.number -= 1
    assert store.commit(make_event(message_id="m1"), make_event(message_id="before")).duplicates == [1]
    assert store.seqs() == [1, 2]
    assert store.reader.signal_counts(1, 0, 10**7).popitem()[1] == 2


def test_a_newer_store_is_refused(store: Store) -> None:
    """Data of a newer program is not touched, and the text says what to do."""
    store.writer.close()
    connection = apsw.Connection(str(segment_path(store.path, 1)))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(SchemaMismatch, match="newer"):
        store.open()


def test_a_segment_that_was_only_begun_is_taken_up(rolling: Store) -> None:
    """A process killed while it made the next segment leaves an empty file."""
    rolling.commit(make_event(), make_event())
    rolling.writer.close()
    segment_path(rolling.path, 2).touch()
    rolling.writer = rolling.open()
    rolling.commit(make_event())
    assert rolling.seqs() == [1, 2, 3]


def test_housekeeping_in_a_thread_gives_the_same(tmp_path: Path) -> None:
    """Sealing beside the writer changes no count, no id and no order."""
    writer = Writer.open(tmp_path, segment_limits=SegmentLimits(events_max=50))
    for number in range(1, 61):
        writer.commit([(1, make_batch(number, [make_event(message_id=f"{number}-{n}") for n in range(10)]))])
    again = [make_event(message_id=f"{number}-3") for number in range(1, 61)]
    (ack,) = writer.commit([(1, make_batch(61, again))])
    writer.close()
    assert ack.duplicates == list(range(60))
    reader = Reader(tmp_path)
    assert [event.seq for event in reader.read(0, limit=1_000).events] == list(range(1, 601))
    assert Counter(reader.signal_counts(1, 0, 10**7)).total() == 600
    assert reader.find(1, "17-3") is not None


def test_totals_of_segments_that_are_gone_are_refused(rolling: Store) -> None:
    """Events that are counted nowhere would be worse than a server that does not start."""
    for _ in range(4):
        rolling.commit(make_event(), make_event())
    rolling.writer.close()
    for path in (rolling.path / "events").iterdir():
        path.unlink()
    with pytest.raises(SegmentDamaged, match="restore a backup"):
        rolling.open()


def test_a_start_looks_no_further_back_than_it_must(rolling: Store) -> None:
    """Segments that are folded and out of the duplicate window are not opened, however many there are."""
    for n in range(8):
        rolling.commit(make_event(received_ms=n), make_event(message_id=f"m{n}", received_ms=n))
    rolling.writer.close()
    segment_path(rolling.path, 1).write_bytes(b"not a database")
    rolling.writer = rolling.open()
    assert rolling.writer.head == 16
    rolling.commit(make_event())
    assert rolling.writer.head == 17
