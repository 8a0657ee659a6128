"""Jumps of the wall clock: an id is a duplicate for 48 hours of time that passed, whatever the clock says."""

from pathlib import Path

import pytest

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.event import Event
from pixelwire.frames import Ack
from pixelwire.limits import DUPLICATE_WINDOW_MS
from pixelwire.record.chain import SegmentLimits
from pixelwire.record.reader import Reader
from pixelwire.record.timeline import ON_THEIR_WAY_S, TOLERANCE_MS
from pixelwire.record.writer import Writer
from pixelwire.testing.manual_clock import ManualClock
from support.events import make_batch, make_event

WORKER = 9
DAY_S = 86_400
WINDOW_S = DUPLICATE_WINDOW_MS / 1_000
JUMPS_S = [-3_600, DAY_S, 3_650 * DAY_S, -3_650 * DAY_S]


class Store:
    """A store with a clock of its own."""

    def __init__(self, path: Path, events_max: int) -> None:
        self.path = path
        self.clock = ManualClock()
        self.number = 0
        self._limits = SegmentLimits(events_max=events_max)
        self.writer = self._open()

    def _open(self) -> Writer:
        return Writer.open(self.path, clock=self.clock, segment_limits=self._limits, is_inline=True)

    def restart(self) -> None:
        self.writer.close()
        self.writer = self._open()

    def event(self, message_id: str) -> Event:
        return make_event(message_id=message_id, received_ms=self.clock.now_ms())

    def send(self, *events: Event) -> Ack:
        self.number += 1
        (ack,) = self.writer.commit([(WORKER, make_batch(self.number, events))])
        return ack

    def is_duplicate(self, message_id: str) -> bool:
        return self.send(self.event(message_id)).duplicates == [0]


@pytest.fixture(params=[250_000, 1], ids=["open", "sealed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The ids are in the open segment, or each in a sealed one."""
    return Store(tmp_path, request.param)


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_a_jump_makes_no_id_older_or_younger(store: Store, jump_s: float, is_restarted: bool) -> None:
    """Known just before the window's end, new after it; seen while the recorder runs and while it is away."""
    store.send(store.event("a"))
    store.send(store.event("b"))
    store.clock.advance(3_600)
    store.clock.jump(jump_s)
    if is_restarted:
        store.restart()
    assert store.is_duplicate("a")
    store.clock.advance(WINDOW_S - 3_600 - 60)
    assert store.is_duplicate("a")
    store.clock.advance(120)
    assert not store.is_duplicate("b")


def test_jumps_add_up(store: Store) -> None:
    """There and back again, with restarts in between, as a clock that is set wrong and right."""
    store.send(store.event("a"))
    for jump_s in (*JUMPS_S, 3_600, -DAY_S):
        store.clock.advance(3_600)
        store.clock.jump(jump_s)
        assert store.is_duplicate("a")
        store.restart()
        assert store.is_duplicate("a")
    store.clock.advance(WINDOW_S)
    assert not store.is_duplicate("a")


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_what_was_on_its_way_at_a_jump_is_known_as_long(store: Store, jump_s: float) -> None:
    """An event that was received before the jump and stored after it, and one that was not."""
    before = store.event("before")
    store.clock.jump(jump_s)
    store.clock.advance(1)
    store.send(before)
    store.send(store.event("after"))
    store.clock.advance(ON_THEIR_WAY_S)
    store.send(store.event("settled"))
    store.clock.advance(WINDOW_S - ON_THEIR_WAY_S - TOLERANCE_MS / 1_000)
    for message_id in ("before", "after", "settled"):
        assert store.is_duplicate(message_id)
    store.clock.advance(2 * DAY_S)
    assert not store.is_duplicate("settled")


def test_a_clock_that_is_disciplined_is_no_jump(store: Store) -> None:
    """A few seconds are corrected every day on every machine."""
    store.send(store.event("a"))
    store.clock.jump(-30)
    store.send(store.event("b"))
    assert store.writer._chain.timeline.look(3) == []


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_events_keep_the_hour_that_was_seen(store: Store, jump_s: float) -> None:
    """A jump moves no count and removes nothing."""
    first_hour = store.clock.now_ms() // HOUR_MS
    store.send(store.event("a"))
    store.clock.jump(jump_s)
    store.send(store.event("b"))
    hours = [first_hour, store.clock.now_ms() // HOUR_MS]
    reader = Reader(store.path)
    assert reader.signal_counts(1, 0, 10 * max(hours)) == {(hour, 1): 1 for hour in hours}
    assert len(reader.read(0, limit=10).events) == 2


def test_a_jump_that_could_not_be_written_is_written_with_the_next_events(store: Store) -> None:
    """The line is durable with the events that depend on it."""
    store.send(store.event("a"))
    store.clock.jump(365 * DAY_S)
    timeline = store.writer._chain.timeline
    unsaved = timeline.look(2)  # as in a transaction that fails
    assert len(unsaved) == 1
    assert timeline.look(2) == unsaved
    store.send(store.event("b"))
    assert timeline.look(3) == []
    store.restart()
    assert store.is_duplicate("a")
    assert DAY_MS < DUPLICATE_WINDOW_MS
