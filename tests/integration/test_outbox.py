"""A worker's outbox against a recorder that is there, gone, slow, full or confused."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pixelwire.collect import outbox as outbox_module
from pixelwire.collect.fate import BatchResult
from pixelwire.collect.outbox import Outbox, Pending
from pixelwire.event import Event, Failure, Tally
from pixelwire.frames import (
    ABSENT,
    COMMITTED,
    STORED,
    UNKNOWN,
    Ack,
    Batch,
    Deframer,
    Hello,
    Welcome,
    decode_to_recorder,
    encode,
)
from pixelwire.limits import BATCH_EVENTS_MAX, HELD_EVENTS_MAX
from support.events import make_event

SHORT_HOLD_S = 0.3
DEADLINE_S = 10.0
HOUR = make_event().received_ms // 3_600_000


class ScriptedRecorder:
    """Speaks the recorder's side by hand: keeps what arrives, answers when told to."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path
        self.hellos: list[Hello] = []
        self.batches: list[Batch] = []
        self.welcome = Welcome(ABSENT, [])
        self.acks_by_itself = True
        self.status = STORED
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.socket_path)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        Path(self.socket_path).unlink(missing_ok=True)

    async def acknowledge(self, batch: Batch, duplicates: tuple[int, ...] = ()) -> None:
        self._writers[-1].write(encode(Ack(batch.number, self.status, list(duplicates))))

    async def arrived(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self._arrived:
            await self._arrived.wait_for(is_there)

    def ledger(self) -> Counter[tuple[str, str]]:
        """The sum of all tallies, by outcome and reason."""
        rows: Counter[tuple[str, str]] = Counter()
        for batch in self.batches:
            for tally in batch.tallies:
                rows[tally.outcome, tally.reason] += tally.amount
        return rows

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        deframer = Deframer()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                for body in deframer.feed(data):
                    await self._take(decode_to_recorder(body), writer)
        writer.close()

    async def _take(self, message: Hello | Batch, writer: asyncio.StreamWriter) -> None:
        if isinstance(message, Hello):
            self.hellos.append(message)
            writer.write(encode(self.welcome))
        else:
            self.batches.append(message)
            if self.acks_by_itself:
                writer.write(encode(Ack(message.number, self.status, [])))
        async with self._arrived:
            self._arrived.notify_all()


@contextlib.asynccontextmanager
async def connected(
    tmp_path: Path, hold_s: float = DEADLINE_S
) -> AsyncIterator[tuple[Outbox, ScriptedRecorder]]:
    recorder = ScriptedRecorder(str(tmp_path / "r.sock"))
    await recorder.start()
    outbox = Outbox(recorder.socket_path, hold_s=hold_s)
    await outbox.start()
    await recorder.arrived(lambda: bool(recorder.hellos))
    try:
        yield outbox, recorder
    finally:
        recorder.acks_by_itself = True
        await outbox.stop()
        await recorder.stop()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 4 * DEADLINE_S))


def put(outbox: Outbox, event: Event | None = None) -> Pending:
    outbox.received(HOUR)
    pending = outbox.put(event or make_event())
    assert isinstance(pending, Pending)
    return pending


async def result_of(pending: Pending) -> BatchResult:
    return await asyncio.wait_for(pending.batch.fate, DEADLINE_S)


def test_events_of_one_turn_share_a_batch(tmp_path: Path) -> None:
    """What is put before the loop turns goes out together, with its tallies, and is answered together."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            events = [make_event() for _ in range(3)]
            pendings = [put(outbox, event) for event in events]
            assert [await result_of(pending) for pending in pendings] == [BatchResult(None)] * 3
            assert [batch.events for batch in recorder.batches] == [events]
            assert recorder.batches[0].tallies == [Tally(HOUR, 0, "received", "", 3)]

    run(scenario())


def test_the_next_batch_gathers_while_one_is_under_way(tmp_path: Path) -> None:
    """One batch at a time; what comes meanwhile is one batch again."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            recorder.acks_by_itself = False
            first = put(outbox)
            await recorder.arrived(lambda: len(recorder.batches) == 1)
            later = [put(outbox) for _ in range(5)]
            await recorder.acknowledge(recorder.batches[0])
            await result_of(first)
            await recorder.arrived(lambda: len(recorder.batches) == 2)
            assert len(recorder.batches[1].events) == 5
            await recorder.acknowledge(recorder.batches[1], duplicates=(2,))
            assert (await result_of(later[0])).duplicates == {2}

    run(scenario())


@pytest.mark.parametrize(("linger_s", "sizes"), [(60.0, [8, 4, 1]), (0.0, [8, 1, 3])])
def test_visitors_who_come_again_together_share_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linger_s: float, sizes: list[int]
) -> None:
    """After a batch of eight the next one waits for four, and no longer than it may."""
    monkeypatch.setattr(outbox_module, "LINGER_S", linger_s)

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            await result_of([put(outbox) for _ in range(8)][-1])
            recorder.acks_by_itself = False
            put(outbox)
            if not linger_s:
                await recorder.arrived(lambda: len(recorder.batches) == 2)
            later = [put(outbox) for _ in range(3)]
            await recorder.arrived(lambda: len(recorder.batches) == 2)
            recorder.acks_by_itself = True
            await recorder.acknowledge(recorder.batches[1])
            await result_of(later[-1])
            monkeypatch.setattr(outbox_module, "LINGER_S", 0.0)
            await result_of(put(outbox))
            assert [len(batch.events) for batch in recorder.batches][: len(sizes)] == sizes

    run(scenario())


def test_a_batch_is_bounded(tmp_path: Path) -> None:
    """More events than a batch may have are several batches."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            pendings = [put(outbox) for _ in range(BATCH_EVENTS_MAX + 1)]
            await result_of(pendings[-1])
            assert [len(batch.events) for batch in recorder.batches] == [BATCH_EVENTS_MAX, 1]
            assert [batch.number for batch in recorder.batches] == [1, 2]

    run(scenario())


def test_what_is_held_is_bounded(tmp_path: Path) -> None:
    """Past the bound an event is refused at once, and the others still have their place."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            recorder.acks_by_itself = False
            event = make_event()
            pendings = [outbox.put(event) for _ in range(HELD_EVENTS_MAX)]
            assert outbox.put(event) is Failure.QUEUE_FULL
            recorder.acks_by_itself = True
            await recorder.arrived(lambda: bool(recorder.batches))
            await recorder.acknowledge(recorder.batches[0])
            last = pendings[-1]
            assert isinstance(last, Pending)
            assert await result_of(last) == BatchResult(None)
            assert isinstance(outbox.put(event), Pending)

    run(scenario())


def test_refusals_reach_the_recorder_without_an_event(tmp_path: Path) -> None:
    """Within a second, in a batch of their own."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            outbox.received(HOUR)
            outbox.tally(HOUR, 0, "refused", "write_key_unknown")
            await recorder.arrived(lambda: bool(recorder.batches))
            assert recorder.ledger() == {("received", ""): 1, ("refused", "write_key_unknown"): 1}
            assert recorder.batches[0].events == []

    run(scenario())


def test_requests_are_held_while_the_recorder_comes_back(tmp_path: Path) -> None:
    """An event put while it is gone is stored when it is there again; nothing is refused."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            await recorder.stop()
            pending = put(outbox)
            await recorder.start()
            assert await result_of(pending) == BatchResult(None)

    run(scenario())


@pytest.mark.parametrize(
    ("state", "expected", "sent"),
    [
        (COMMITTED, BatchResult(None, frozenset({1})), 1),
        (ABSENT, BatchResult(None), 2),
        (UNKNOWN, BatchResult(Failure.UNCONFIRMED), 1),
    ],
)
def test_a_lost_answer_is_asked_for(tmp_path: Path, state: str, expected: BatchResult, sent: int) -> None:
    """After a reconnect: committed is answered, absent is sent again with its number, unknown is said so."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            recorder.acks_by_itself = False
            pending = put(outbox, make_event(message_id="a"))
            put(outbox, make_event(message_id="a"))
            await recorder.arrived(lambda: len(recorder.batches) == 1)
            await recorder.stop()
            recorder.welcome = Welcome(state, [1] if state == COMMITTED else [])
            recorder.acks_by_itself = True
            await recorder.start()
            assert await result_of(pending) == expected
            assert recorder.hellos[-1].last_number == 1
            assert [batch.number for batch in recorder.batches if batch.events] == [1] * sent

    run(scenario())


def test_a_full_disk_is_told_and_tallied(tmp_path: Path) -> None:
    """The requests fail with the recorder's cause; what was received travels with the next batch."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            recorder.status = Failure.DISK_FULL
            assert (await result_of(put(outbox))).failure is Failure.DISK_FULL
            first = len(recorder.batches)
            recorder.status = STORED
            await result_of(put(outbox))
            del recorder.batches[:first]
            assert recorder.ledger() == {("received", ""): 2, ("failed", "disk_full"): 1}

    run(scenario())


def test_a_silent_recorder_is_unconfirmed_then_corrected(tmp_path: Path) -> None:
    """Held too long while under way: told unconfirmed. Stored after all: the ledger takes it back."""

    async def scenario() -> None:
        async with connected(tmp_path, SHORT_HOLD_S) as (outbox, recorder):
            recorder.acks_by_itself = False
            under_way = put(outbox)
            await recorder.arrived(lambda: len(recorder.batches) == 1)
            behind = put(outbox)
            assert (await result_of(under_way)).failure is Failure.UNCONFIRMED
            assert (await result_of(behind)).failure is Failure.RECORDER_UNREACHABLE
            recorder.acks_by_itself = True
            await recorder.acknowledge(recorder.batches[0])
            await recorder.arrived(lambda: len(recorder.batches) == 2)
            # With the 1 stored that the recorder counts by itself, received is the sum of the outcomes.
            assert recorder.ledger() == {
                ("received", ""): 2,
                ("stored", ""): -1,
                ("failed", "unconfirmed"): 1,
                ("failed", "recorder_unreachable"): 1,
            }

    run(scenario())


def test_who_comes_late_is_held_as_long(tmp_path: Path) -> None:
    """An event put shortly before the first is given up is not given up with it."""

    async def scenario() -> None:
        async with connected(tmp_path, SHORT_HOLD_S) as (outbox, recorder):
            await recorder.stop()
            first = put(outbox)
            late: list[Pending] = []
            asyncio.get_running_loop().call_later(SHORT_HOLD_S / 2, lambda: late.append(put(outbox)))
            assert (await result_of(first)).failure is not None
            assert late[0].batch.fate.result is None
            await recorder.start()
            assert await result_of(late[0]) == BatchResult(None)

    run(scenario())


def test_a_batch_that_was_given_up_is_not_sent_again(tmp_path: Path) -> None:
    """Told unconfirmed, then found absent: it must not be stored behind the sender's back."""

    async def scenario() -> None:
        async with connected(tmp_path, SHORT_HOLD_S) as (outbox, recorder):
            recorder.acks_by_itself = False
            pending = put(outbox)
            await recorder.arrived(lambda: len(recorder.batches) == 1)
            await recorder.stop()
            assert (await result_of(pending)).failure is Failure.UNCONFIRMED
            recorder.batches.clear()
            recorder.acks_by_itself = True
            await recorder.start()
            await recorder.arrived(lambda: bool(recorder.batches))
            assert recorder.batches[0].events == []
            assert recorder.ledger() == {("received", ""): 1, ("failed", "unconfirmed"): 1}

    run(scenario())


def test_stop_sends_what_is_held(tmp_path: Path) -> None:
    """An orderly end leaves neither an event nor a refusal behind."""

    async def scenario() -> None:
        async with connected(tmp_path) as (outbox, recorder):
            pending = put(outbox)
            outbox.tally(HOUR, 0, "refused", "write_key_missing")
            await outbox.stop()
            assert await result_of(pending) == BatchResult(None)
            assert recorder.ledger()["refused", "write_key_missing"] == 1

    run(scenario())
