"""What holds whatever a destination answers, and however often the courier is killed."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from pixelwire.deliver.bounds import Bounds, bounds_of
from pixelwire.deliver.database import delivery_path
from pixelwire.deliver.envelope import read_envelope
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    GiveUp,
    ItemResult,
    Refused,
    Retry,
    Sent,
    Unreachable,
)
from pixelwire.testing.manual_clock import ManualClock
from support.engine import NOBODY, Stored, an_engine

EVENTS = 300
POLICY = RetryPolicy(first_s=0.5, delay_s_max=4.0, probe_first_s=0.5, probe_delay_s_max=2.0)
MODES = {
    "one by one": BatchLimits(concurrency=4),
    "batches of visitors": BatchLimits(concurrency=3, events_max=7, linger_s=1.0),
    "batches that keep the order": BatchLimits(concurrency=3, events_max=9, linger_s=1.0, keeps_order=True),
    "one slot that keeps the order": BatchLimits(events_max=40, keeps_order=True),
}


class Moody:
    """Answers by chance, as the contract allows, and notices what it must never be asked."""

    def __init__(self, limits: BatchLimits, chance: random.Random) -> None:
        self._limits = limits
        self._chance = chance
        self._busy: set[str] = set()
        self.is_calm = False
        self.ended: list[tuple[str, int]] = []  # (identity, seq) as confirmed or refused

    async def open(self) -> None: ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, batch: Batch) -> BatchResult:
        seqs = [item.seq for item in batch.items]
        assert 0 < len(seqs) <= self._limits.events_max
        assert seqs == sorted(seqs)
        identities = [item.identity for item in batch.items if item.identity]
        assert self._limits.keeps_order or len(identities) == len(set(identities))
        assert not self._busy & set(identities), "an identity is in two batches at a time"
        self._busy |= set(identities)
        try:
            await asyncio.sleep(self._chance.choice([0, 0, 0.001, 0.003]))
            return BatchResult(self._answer(batch))
        finally:
            self._busy -= set(identities)

    def _answer(self, batch: Batch) -> Sequence[ItemResult]:
        draw = 1.0 if self.is_calm else self._chance.random()
        if draw < 0.1:
            raise Unreachable("nobody there")
        if draw < 0.2 and any(item.seq % 50 == 0 for item in batch.items):
            if len(batch.items) == 1:
                self.ended.append((batch.items[0].identity, batch.items[0].seq))
            raise Refused("one of them is bad")
        if draw < 0.3:
            return [Retry("busy")] * len(batch.items)
        results: list[ItemResult] = []
        waiting: set[str] = set()
        for item in batch.items:
            if item.identity in waiting:
                results.append(Retry("after an earlier one"))
            elif not self.is_calm and self._chance.random() < 0.1:
                results.append(Retry("this one"))
                waiting |= {item.identity} - {""}
            elif not self.is_calm and self._chance.random() < 0.02:
                results.append(GiveUp("bad"))
            else:
                results.append(Sent())
            if not isinstance(results[-1], Retry):
                self.ended.append((item.identity, item.seq))
        return results


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_lost_and_every_visitor_is_in_order(tmp_path: Path, mode: str, seed: int) -> None:
    """Every event is taken or refused, no event of a visitor for the first time after a later one, and at any
    kill the cursor has passed only what is durable.
    """
    limits, chance = MODES[mode], random.Random(seed)
    names = [NOBODY, "busy", "busy", "busy", *"abcdefgh"]
    stored = Stored([chance.choice(names) for _ in range(EVENTS)])
    moody = Moody(limits, chance)
    asyncio.run(_until_all_is_done(tmp_path, stored, moody, limits, chance))
    assert {seq for _, seq in moody.ended} == set(range(1, EVENTS + 1)), f"seed {seed}"
    assert _out_of_order(moody.ended) == [], f"seed {seed}"


async def _until_all_is_done(
    data_dir: Path, stored: Stored, moody: Moody, limits: BatchLimits, chance: random.Random
) -> None:
    clock = ManualClock()
    is_done = False
    lives = 0
    while not is_done:
        lives += 1
        moody.is_calm = lives > 8
        async with an_engine(
            data_dir,
            stored,
            moody,
            limits,
            clock=clock,
            policy=POLICY,
            chance=chance.random,
            bounds=_small(limits),
        ) as engine:
            ticks = 2_000 if moody.is_calm else chance.randrange(5, 60)
            for _ in range(ticks):
                clock.advance(0.3)
                engine.sender.wake()
                await asyncio.sleep(0.001)
                backlog = engine.books.backlog
                is_done = backlog.cursor == EVENTS and backlog.next_ms() is None and not backlog.parked
                if is_done:
                    break
            engine.cut = not is_done and chance.random() < 0.7
        _check_the_cursor(data_dir, stored)
        assert lives < 10, "it does not come to an end"


def _small(limits: BatchLimits) -> Bounds:
    """So that a window is full, and a busy visitor's share too, with few events."""
    bounds = bounds_of(limits)
    share = 60 if limits.keeps_order else 5
    return Bounds(
        **{
            **{name: getattr(bounds, name) for name in bounds.__struct_fields__},
            "window_events": 60,
            "page_events": 15,
            "identity_events": share,
        }
    )


def _check_the_cursor(data_dir: Path, stored: Stored) -> None:
    """Every event up to it has a row, and of a visitor nothing is parked before something that was sent."""
    connection = apsw.Connection(str(delivery_path(data_dir)))
    cursor = connection.execute("SELECT cursor FROM destination").get
    ended = {row[0] for row in connection.execute("SELECT seq FROM sent UNION SELECT seq FROM dead_letter")}
    parked = {row[0] for row in connection.execute("SELECT seq FROM parked")}
    connection.close()
    assert set(range(1, cursor + 1)) <= ended | parked
    assert not ended & parked
    first: dict[str, int] = {}
    for event in stored.events:
        identity = read_envelope(event.payload).identity
        if identity and event.seq not in ended:
            first.setdefault(identity, event.seq)
        elif identity and event.seq in ended:
            assert first.get(identity, event.seq) >= event.seq, "a later one came to its end before"


def _out_of_order(ended: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Events that came to their end for the first time after a later one of their visitor."""
    seen: defaultdict[str, set[int]] = defaultdict(set)
    found = []
    for identity, seq in ended:
        if identity and seq not in seen[identity] and max(seen[identity], default=0) > seq:
            found.append((identity, seq))
        seen[identity].add(seq)
    return found
