"""A writer whose store can not be opened yet."""

from pathlib import Path

import pytest

from pixelwire.errors import DiskFull, SyncFailed
from pixelwire.frames import ABSENT, STORED, UNKNOWN, Ack
from pixelwire.record.waiting import RETRY_S, WaitingWriter
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event

WORKER = 5


class Opening:
    """A store on a disk that is full until it is not; counts who asks."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.failure: Exception | None = DiskFull("full")
        self.tries = 0
        self.now_s = 0.0

    def __call__(self) -> Writer:
        self.tries += 1
        if self.failure is not None:
            raise self.failure
        return Writer.open(self.data_dir, is_inline=True)


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    return Opening(tmp_path)


def waiting(opening: Opening) -> WaitingWriter:
    return WaitingWriter(opening, lambda: opening.now_s)


def test_while_it_waits_every_batch_is_refused_at_once(opening: Opening) -> None:
    """And the disk is asked once a second, however many come; nothing is known of former ones."""
    writer = waiting(opening)
    for _ in range(3):
        with pytest.raises(DiskFull):
            writer.commit([(WORKER, make_batch(1, [make_event()]))])
        assert writer.last_batch(WORKER, 1).state == UNKNOWN
        writer.tidy()
    assert (writer.is_waiting, opening.tries) == (True, 1)
    opening.now_s += RETRY_S
    writer.tidy()
    assert opening.tries == 2
    writer.close()


def test_it_goes_on_when_there_is_room(opening: Opening) -> None:
    """With the batch that finds it first."""
    writer = waiting(opening)
    opening.failure = None
    opening.now_s += RETRY_S
    assert writer.commit([(WORKER, make_batch(1, [make_event()]))]) == [Ack(1, STORED, [])]
    assert writer.last_batch(WORKER, 2).state == ABSENT
    assert not writer.is_waiting
    writer.close()


def test_another_failure_is_no_waiting(opening: Opening) -> None:
    """What the next process may mend, or a person has to, ends this one."""
    opening.failure = SyncFailed("the disk did not take it")
    with pytest.raises(SyncFailed):
        waiting(opening)
    opening.failure = DiskFull("full")
    writer = waiting(opening)
    opening.failure = SyncFailed("the disk did not take it")
    opening.now_s += RETRY_S
    with pytest.raises(SyncFailed):
        writer.tidy()
