"""Where the time of one pixel goes: each step of a worker and of the recorder, timed in this process.

    make profile
    .venv/bin/python benchmarks/hot_path.py --events 4000 --top 30

Nothing is served: no socket, no second process, so anyone can repeat it beside other work (the best of
several rounds counts). What the HTTP server, the event loop and the kernel cost is in RESULTS.md, by process.
"""

import argparse
import asyncio
import cProfile
import gc
import io
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import mix  # noqa: E402 - found by the line above
from pixelwire import frames  # noqa: E402
from pixelwire.clock import SystemClock  # noqa: E402
from pixelwire.collect import answers, headers, payload, query  # noqa: E402
from pixelwire.collect.address import ClientAddress  # noqa: E402
from pixelwire.collect.app import CALLS, PixelApp, Waiting  # noqa: E402
from pixelwire.collect.fate import BatchResult  # noqa: E402
from pixelwire.collect.intake import Accepted, Intake, Request  # noqa: E402
from pixelwire.collect.outbox import Gathering, Outbox, Pending  # noqa: E402
from pixelwire.collect.paths import Paths  # noqa: E402
from pixelwire.collect.privacy import shown_address  # noqa: E402
from pixelwire.collect.shapes import Added, Shape, Shapes  # noqa: E402
from pixelwire.event import (  # noqa: E402
    RECEIVED,
    Event,
    Outcome,
    Tally,
    client_id_key,
    encode_extra,
    own_id_key,
)
from pixelwire.frames import Batch  # noqa: E402
from pixelwire.record.segments import Storage  # noqa: E402
from pixelwire.record.writer import Writer  # noqa: E402
from pixelwire.times import hour_of  # noqa: E402
from support.pixels import NOW, NOW_MS, PIXEL, WRITE_KEY, FakeKeys, scope_of  # noqa: E402

BATCH = 32  # events of a worker that share a commit at 64 connections and 2 workers
PUT_EVENTS = 1_024  # an outbox holds so many for each of 64 rounds
SAFE = BatchResult(None)

Scope = dict[str, Any]


class Step(NamedTuple):
    """`run` does it once for all events, in the round of that number, and returns the seconds for one."""

    process: str
    name: str
    run: Callable[[int], float]


def measure(events: int, rounds: int) -> list[tuple[str, str, float]]:
    """(process, step, microseconds an event) in the best of the rounds, in which all steps take turns: other
    work on the machine only adds."""

    async def run() -> list[tuple[str, str, float]]:
        with _writer() as writer, tempfile.TemporaryDirectory() as nowhere:
            outbox = Outbox(f"{nowhere}/nobody.sock", hold_s=0.0)
            await outbox.start()
            steps = [*_worker(events), _put(outbox, events), *_recorder(writer, events, rounds)]
            gc.collect()
            took_s = [[step.run(number) for step in steps] for number in range(rounds)]
            await outbox.stop()
            best_s = map(min, zip(*took_s, strict=True))
            return [(*step[:2], best * 1e6) for step, best in zip(steps, best_s, strict=True)]

    return asyncio.run(run())


def table(rows: Sequence[tuple[str, str, float]]) -> str:
    lines = [f"{'process':<9} {'step':<45} {'us an event':>11}"]
    lines += [f"{process:<9} {name:<45} {us:>11.2f}" for process, name, us in rows]
    return "\n".join(lines)


# -- The worker ------------------------------------------------------------------------------------


def _worker(events: int) -> Iterator[Step]:
    scopes = requests("measured", events)
    intake = Intake(FakeKeys(), ClientAddress())
    for scope in scopes:
        _take(intake, scope)  # every shape is known afterwards
    taken = [_take(intake, scope) for scope in scopes]
    known = [(CALLS[scope["path"]], scope["query_string"]) for scope in scopes]
    shapes = Shapes(Paths())
    for call, text in known:
        shapes.find(call, text)
    persons = [f"amp-{n}" for n in range(events)]
    ids = [accepted.message_id for accepted in taken]
    lines = headers.fold(scopes[0]["headers"])
    facts = headers.facts(lines, "GET", "1.1")
    address, peer = ClientAddress(), ("127.0.0.1", lines)
    found = [found for one in known if (found := shapes.find(*one))]
    app = PixelApp(Intake(FakeKeys(), ClientAddress()), Gatherer(), SystemClock())
    gathered = [Batch(1, [], group) for group in _groups([accepted.event for accepted in taken])]
    steps: list[tuple[str, Callable[[Any], object], Sequence[Any]]] = [
        ("fold the headers", lambda scope: headers.fold(scope["headers"]), scopes),
        ("decode the query", lambda one: query.regular(one[1]), known),
        ("decode it and find its shape", lambda one: shapes.find(*one), known),
        ("an id of our own, and its key", lambda _: own_id_key(payload.new_message_id()), ids),
        ("the key of a client's id", lambda given: client_id_key(PIXEL, given), ids),
        ("the rudder id", lambda person: payload.rudder_id("", person), persons),
        ("put the values into the shape's text", _fill, found),
        ("the address, as far as it is shown", lambda _: shown_address(address.of(*peer), "masked"), ids),
        ("encode what the receipt shows besides", lambda _: encode_extra([], 0, facts), ids),
        ("make a request an event: these and the rest", partial(_take, intake), scopes),
        ("choose the answer", lambda given: answers.stored(Outcome.STORED, given, 0, lines), ids),
        ("the whole app, from request to answer", partial(_answer, app), scopes),
        (f"encode batches of {BATCH}", frames.encode, gathered),
    ]
    for name, work, inputs in steps:
        yield Step("worker", name, partial(_time, work, inputs, events))


def _put(outbox: Outbox, events: int) -> Step:
    """Into the real outbox, whose recorder never comes."""
    some = [event for batch in batches("put", min(events, PUT_EVENTS)) for event in batch.events]
    return Step("worker", "put it into a batch", partial(_time, outbox.put, some, len(some)))


def _time(work: Callable[[Any], object], inputs: Sequence[Any], events: int, _round: int) -> float:
    started_s = time.perf_counter()
    for one in inputs:
        work(one)
    return (time.perf_counter() - started_s) / events


class Gatherer:
    """An outbox whose batches are safe as soon as they are full."""

    def __init__(self) -> None:
        self._batch = Gathering(0.0)

    def put(self, event: Event) -> Pending:
        batch = self._batch
        batch.events.append(event)
        if len(batch.events) == BATCH:
            self._batch = Gathering(0.0)
            batch.fate.tell(SAFE)
        return Pending(batch, len(batch.events) - 1)

    def tally(self, hour: int, pixel: int, outcome: str, reason: str, amount: int = 1) -> None: ...
    def received(self, hour: int) -> None: ...


def _answer(app: PixelApp, scope: Scope) -> None:
    """As a server does that needs no task for a request."""
    taken = app.take(scope)
    assert isinstance(taken, Waiting)
    taken.fate.then(taken.answer)


def _take(intake: Intake, scope: Scope) -> Accepted:
    request = Request(
        CALLS[scope["path"]],
        scope["method"],
        scope["query_string"],
        headers.fold(scope["headers"]),
        scope["client"][0],
        scope["http_version"],
    )
    taken = intake.take(request, NOW_MS)
    assert isinstance(taken, Accepted)
    return taken


def _fill(found: tuple[Shape, list[str]]) -> bytes:
    shape, values = found
    return shape.fill([*values], NOW, "an id", "a rudder id", Added("127.0.0.0", True, "", "", ""))


# -- The recorder ----------------------------------------------------------------------------------


def _recorder(writer: Writer, events: int, rounds: int) -> Iterator[Step]:
    sent = [[_body(batch) for batch in batches(f"round{number}", events)] for number in range(rounds)]
    numbers = count(1)

    def commit(number: int) -> float:
        """New ids each time; the time of this thread, not of the disk."""
        decoded = [_batch(body, next(numbers)) for body in sent[number]]
        started_s = time.thread_time()
        for batch in decoded:
            writer.commit([(1, batch)])
        return (time.thread_time() - started_s) / events

    yield Step(
        "recorder", f"decode batches of {BATCH}", partial(_time, frames.decode_to_recorder, sent[0], events)
    )
    yield Step("recorder", f"commit batches of {BATCH}, but for the sync", commit)


def _body(batch: Batch) -> bytes:
    return frames.encode(batch)[frames.LENGTH.size :]


def _batch(body: bytes, number: int) -> Batch:
    batch = frames.decode_to_recorder(body)
    assert isinstance(batch, Batch)
    batch.number = number
    return batch


@contextmanager
def _writer() -> Iterator[Writer]:
    """Over real files, without syncs: what is timed is the work, not the disk."""
    with tempfile.TemporaryDirectory(prefix="pixelwire-profile-") as directory:
        writer = Writer.open(Path(directory), storage=Storage(synchronous="OFF"), is_inline=True)
        try:
            yield writer
        finally:
            writer.close()


# -- Input -----------------------------------------------------------------------------------------


def requests(mark: str, events: int) -> list[Scope]:
    """The fair mix, as granian describes it."""
    asked = [mix.asked(WRITE_KEY, mark, n) for n in range(events)]
    return [scope_of(one.path, one.query, headers={"host": "127.0.0.1"}) for one in asked]


def batches(mark: str, events: int) -> list[Batch]:
    """What a worker makes of them, as it sends it."""
    intake = Intake(FakeKeys(), ClientAddress())
    made = [_take(intake, scope).event for scope in requests(mark, events)]
    tallies = [Tally(hour_of(NOW_MS), 0, RECEIVED, "", BATCH)]
    return [Batch(number, tallies, group) for number, group in enumerate(_groups(made), 1)]


def _groups(made: list[Event]) -> list[list[Event]]:
    return [made[start : start + BATCH] for start in range(0, len(made), BATCH)]


# -- Where, by cProfile ------------------------------------------------------------------------------


def profile(events: int, top: int) -> str:
    """The functions that take most of the time by themselves, of worker and recorder. cProfile makes every
    call dearer: what it says is where, not how long."""
    app = PixelApp(Intake(FakeKeys(), ClientAddress()), Gatherer(), SystemClock())
    scopes, sent = requests("profiled", events), batches("sent", events)
    text = io.StringIO()
    profiler = cProfile.Profile()
    with _writer() as writer, profiler:
        for scope in scopes:
            _answer(app, scope)
        for batch in sent:
            writer.commit([(1, batch)])
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(top)
    return text.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Time each step of a pixel in this process.")
    parser.add_argument("--events", type=int, default=4_096, help="a multiple of a batch")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--top", type=int, default=25, help="functions of cProfile's list")
    options = parser.parse_args()
    events = max(BATCH, options.events // BATCH * BATCH)
    print(f"{events} pixels of the fair mix, the best of {options.rounds} rounds\n")
    print(table(measure(events, options.rounds)))
    print(profile(events, options.top))


if __name__ == "__main__":
    main()
