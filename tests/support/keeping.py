"""Stores of several small segments, and retention over them by hand."""

from collections.abc import Callable
from pathlib import Path

from pixelwire.clock import DAY_MS, Clock, SystemClock
from pixelwire.deliver.database import open_to_write
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.reader import Reader
from pixelwire.record.removal import Retention
from pixelwire.record.retention import RetentionLimits
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event

PER_SEGMENT = 3
CLOCK = SystemClock()
START_MS = 20_000 * DAY_MS


def fill(data_dir: Path, times_ms: list[int], *, clock: Clock | None = None) -> None:
    """Events with the ids e1, e2, ... at these times, three a segment; what came before stays."""
    limits = SegmentLimits(events_max=PER_SEGMENT)
    writer = Writer.open(data_dir, clock=clock, segment_limits=limits, is_inline=True)
    for at_ms in times_ms:
        number = writer.head + 1
        event = make_event(message_id=f"e{number}", received_ms=at_ms)
        writer.commit([(1, make_batch(number, [event]))])
    writer.close()


def fill_days(data_dir: Path, days: int, *, first_ms: int = START_MS) -> None:
    """A segment of three events a day."""
    fill(data_dir, [first_ms + n * DAY_MS // PER_SEGMENT for n in range(days * PER_SEGMENT)])


def retention(
    data_dir: Path,
    limits: RetentionLimits,
    *,
    now_ms: Callable[[], int] = CLOCK.now_ms,
    uptime_ms: Callable[[], int] = lambda: 0,
    free_bytes: int = 1 << 50,
) -> Retention:
    reader = Reader(data_dir)
    store = reader.store_id()
    reader.close()
    return Retention(data_dir, store, limits, now_ms, uptime_ms=uptime_ms, free_bytes=lambda: free_bytes)


def run(keeper: Retention) -> int:
    """Steps until nothing more goes; how many segments went."""
    removed = 0
    while True:
        keeper.step()
        if keeper.removed.empty():
            return removed
        keeper.removed.get()
        removed += 1


def deliver_to(data_dir: Path, cursor: int, destination_id: str = "d1") -> None:
    """A destination that has got this far."""
    reader = Reader(data_dir)
    store = reader.store_id()
    reader.close()
    connection = open_to_write(data_dir)
    connection.execute(
        "INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision)"
        " VALUES (?1, ?3, 0, ?2, 'running', 0, 1) ON CONFLICT (id) DO UPDATE SET cursor = ?2",
        (destination_id, cursor, store),
    )
    connection.close()
