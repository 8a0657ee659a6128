"""Stretches of events that are sent to a destination once more, over real files and a webhook's receiver."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.wishes import CancelReplay, RetryLetters, StartReplay
from pixelwire.deliver.replay_state import ReplayState
from pixelwire.record.reader import Reader
from pixelwire.testing.check_destination import Behaviour
from support.delivery import Scene, a_courier, a_scene, eventually, in_order
from support.events import make_event, record
from support.letters import Mood


def replay(scene: Scene, hook: Destination, first: int, last: int, **more: Any) -> str:
    """Orders one of all times; its id."""
    reader = Reader(scene.data_dir)
    wish = StartReplay(0, 2**50, first, last, reader.store_id(), **more)
    reader.close()
    return scene.shop.catalog.give_order(hook.id, wish).id


def state(scene: Scene, hook: Destination, replay_id: str) -> ReplayState:
    found = scene.door.replay(hook.id, replay_id)
    assert found is not None
    return found


def phase(scene: Scene, hook: Destination, replay_id: str) -> str:
    """ "" until the courier has taken it."""
    found = scene.door.replay(hook.id, replay_id)
    return found.state if found else ""


def cursor(scene: Scene, hook: Destination, replay_id: str) -> int:
    """-1 until the courier has taken it."""
    found = scene.door.replay(hook.id, replay_id)
    return found.cursor if found else -1


async def settled(scene: Scene, hook: Destination, seq: int) -> None:
    """The destination has passed an event, and the receiver starts anew."""
    await eventually(lambda: scene.state(hook) and scene.summary(hook).cursor == seq)
    scene.receiver.arrivals.clear()


def test_a_stretch_is_sent_once_more(tmp_path: Path) -> None:
    """Exactly its events, in order; the destination's own place and numbers stay; receipts show both."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=4)
            scene.visit(*"abcdabcdab")
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 10)
                own = scene.door.of_event([hook.id], 5)
                made = replay(scene, hook, 3, 8)
                await eventually(lambda: phase(scene, hook, made) == "done")
                assert sorted(scene.sent()) == ["a-5", "b-6", "c-3", "c-7", "d-4", "d-8"]
                assert all(in_order(scene.sent(), visitor) for visitor in "abcd")
                done = state(scene, hook, made)
                assert (done.sent, done.dead, done.cursor, done.share) == (6, 0, 8, 1.0)
                assert done.started_ms is not None
                assert done.finished_ms is not None
                assert done.created_ms <= done.started_ms <= done.finished_ms
                summary = scene.summary(hook)
                assert (summary.cursor, summary.sent_total) == (10, 10)
                assert scene.door.of_event([hook.id], 5) == own
                [told] = scene.door.replays_of_event([hook.id], 5)[hook.id]
                assert (told.replay_id, told.delivery.state, told.delivery.attempts) == (made, "sent", 1)
                assert scene.door.replays_of_event([hook.id], 9) == {}
                scene.visit("a")
                await eventually(lambda: "a-11" in scene.sent())
            assert [one.destination_id for one in scene.door.summary()] == [hook.id]

    asyncio.run(run())


def test_only_what_was_asked_for_is_sent(tmp_path: Path) -> None:
    """By time, however the clock jumped, by pixel and filters; and only what the destination gets."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            second = scene.shop.catalog.create_pixel(scene.shop.business.id, "https://b.example", "Second")
            other = scene.shop.catalog.create_business("Other")
            foreign = scene.shop.catalog.create_pixel(other.id, "https://o.example", "Foreign")
            pixels = [scene.shop.pixel, scene.shop.pixel, second, second, foreign, scene.shop.pixel]
            hook = scene.create()
            events = [
                make_event(pixel.number, message_id=f"m-{seq}", received_ms=at_ms, anonymous_id=f"v{seq % 2}")
                for seq, (pixel, at_ms) in enumerate(zip(pixels, (10, 20, 30, 15, 20, 29), strict=True), 1)
            ]
            record(scene.data_dir, events)

            async def sent(**given: Any) -> list[str]:
                scene.receiver.arrivals.clear()
                wish = StartReplay(
                    **({"from_ms": 0, "to_ms": 99, "first_seq": 1, "end_seq": 6, "store": ""} | given)
                )
                made = scene.shop.catalog.give_order(hook.id, wish).id
                await eventually(lambda: phase(scene, hook, made) == "done")
                return sorted(scene.sent())

            async with a_courier(scene.data_dir):
                await settled(scene, hook, 6)
                assert await sent() == ["m-1", "m-2", "m-3", "m-4", "m-6"]
                assert await sent(from_ms=15, to_ms=30) == ["m-2", "m-4", "m-6"]
                assert await sent(pixels=[second.number, foreign.number]) == ["m-3", "m-4"]
                filters = {"conditions": [{"path": "anonymousId", "is": "v1"}]}
                assert await sent(filters=filters) == ["m-1", "m-3"]
                assert await sent(filters=filters, from_ms=11, end_seq=3) == ["m-3"]
                assert await sent(from_ms=98) == []

    asyncio.run(run())


def test_live_events_flow_beside_a_replay(tmp_path: Path) -> None:
    """Everything arrives, what is in both twice, and each in its visitor's order."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=4)
            scene.visit(*"abcdefgh" * 40)
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 320)
                made = replay(scene, hook, 1, 320)
                for _ in range(20):
                    scene.visit(*"abcdefgh")
                await eventually(lambda: phase(scene, hook, made) == "done")
                await eventually(lambda: scene.summary(hook).cursor == 480)
            counts = Counter(scene.sent())
            assert len(counts) == counts.total() == 480
            old = [id_ for id_ in scene.sent() if int(id_.rpartition("-")[2]) <= 320]
            new = [id_ for id_ in scene.sent() if int(id_.rpartition("-")[2]) > 320]
            assert all(in_order(part, visitor) for part in (old, new) for visitor in "abcdefgh")

    asyncio.run(run())


def test_a_restart_takes_a_replay_up(tmp_path: Path) -> None:
    """At its place, after a clean stop nothing twice."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=2)
            scene.visit(*"abcdefgh" * 5)
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 40)
                scene.receiver.silent_for = b'"h-24"'
                made = replay(scene, hook, 1, 40)
                await eventually(lambda: cursor(scene, hook, made) == 23 and len(scene.sent()) > 24)
                assert phase(scene, hook, made) == "running"
                assert scene.door.replays_going() == {hook.id: 1}
                assert scene.door.slowest_cursor() == 23
            scene.receiver.silent_for = b""
            async with a_courier(scene.data_dir):
                await eventually(lambda: phase(scene, hook, made) == "done")
                assert scene.door.replays_going() == {}
                assert scene.door.slowest_cursor() == 40
            assert sorted(scene.sent()) == sorted(set(scene.sent()))
            assert len(scene.sent()) == 40

    asyncio.run(run())


def test_a_replay_can_be_cancelled(tmp_path: Path) -> None:
    """While it runs and while it waits; what was sent stays sent, and no restart goes on with it."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=2)
            scene.visit(*"abcdefgh" * 5)
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 40)
                scene.receiver.silent_for = b'"h-24"'
                made, queued = replay(scene, hook, 1, 40), replay(scene, hook, 1, 2)
                await eventually(lambda: cursor(scene, hook, made) == 23)
                assert state(scene, hook, queued).reason == "another replay to the destination runs first"
                for one in (queued, made):
                    scene.shop.catalog.give_order(hook.id, CancelReplay(one))
                await eventually(lambda: phase(scene, hook, made) == "cancelled")
                assert phase(scene, hook, queued) == "cancelled"
            scene.receiver.silent_for = b""
            sent = len(scene.sent())
            async with a_courier(scene.data_dir):
                late = scene.shop.catalog.give_order(hook.id, CancelReplay(made)).id
                scene.visit("a")
                await eventually(lambda: "a-41" in scene.sent())
                await eventually(lambda: (told := scene.door.order(late)) and told.done_ms)
                order = scene.door.order(late)
                assert order is not None
                assert order.problem == "there was no such replay, or it was at its end"
            assert len(scene.sent()) == sent + 1
            assert scene.door.slowest_cursor() == 41

    asyncio.run(run())


def test_replays_to_a_destination_run_one_after_the_other(tmp_path: Path) -> None:
    """Those to another one beside them; each is whole."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook, other = scene.create(), scene.create("other")
            scene.visit(*"abcd")
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 4)
                await settled(scene, other, 4)
                scene.receiver.silent_for = b'"a-1"'
                first, second = replay(scene, hook, 1, 4), replay(scene, hook, 2, 4)
                beside = replay(scene, other, 2, 3)
                await eventually(lambda: phase(scene, other, beside) == "done")
                assert phase(scene, hook, first) == "running"
                assert phase(scene, hook, second) == "waiting"
                await scene.receiver.behave(Behaviour.TAKES)
                scene.receiver.silent_for = b""
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: phase(scene, hook, second) == "done")
                assert phase(scene, hook, first) == "done"
                assert [one.id for one in scene.door.replays(hook.id)] == [second, first]
                assert sum(one.sent for one in scene.door.replays(hook.id)) == 7

    asyncio.run(run())


@pytest.mark.parametrize("how", ["paused", "disabled"])
def test_a_destination_that_is_paused_pauses_its_replays(tmp_path: Path, how: str) -> None:
    """Before they begin and while they run; when it is resumed they go on."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=1)
            scene.visit(*"abcdefgh")
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 8)
                running = replay(scene, hook, 1, 8)
                scene.receiver.silent_for = b'"d-4"'
                await eventually(lambda: cursor(scene, hook, running) == 3)
                await scene.receiver.behave(Behaviour.LOCKS_OUT)
                if how == "disabled":
                    scene.shop.catalog.change_destination(hook.id, is_enabled=False)
                else:
                    scene.visit("z")
                await eventually(lambda: scene.state(hook) == how)
                scene.receiver.silent_for = b""
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: phase(scene, hook, running) == "waiting")
                assert state(scene, hook, running).reason.startswith(f"the destination is {how}")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == how)
                waiting = replay(scene, hook, 1, 1)
                await eventually(lambda: phase(scene, hook, waiting) == "waiting")
                scene.receiver.arrivals.clear()
                scene.shop.catalog.resume_destination(hook.id)
                await eventually(lambda: phase(scene, hook, waiting) == "done")
                assert phase(scene, hook, running) == "done"
                assert {"e-5", "f-6", "g-7", "h-8"} <= set(scene.sent())
                assert scene.sent().count("e-5") == 1

    asyncio.run(run())


def test_what_a_replay_leaves_dead_is_a_letter_of_the_destination(tmp_path: Path) -> None:
    """Listed with it; retried it goes out by the replay, which then is at its end again."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=4)
            scene.visit(*"abcabc")
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 6)
                mood.refused = {"b"}
                made = replay(scene, hook, 1, 6)
                await eventually(lambda: phase(scene, hook, made) == "done")
                letters = scene.door.dead_letters(hook.id)
                assert [(letter.seq, letter.replay_id) for letter in letters] == [(2, made), (5, made)]
                assert scene.summary(hook).dead == 2
                assert state(scene, hook, made).dead_letters == 2
                assert scene.event_state(hook, 2) == "sent"
                [told] = scene.door.replays_of_event([hook.id], 2)[hook.id]
                assert told.delivery.state == "dead"
                mood.refused = set()
                scene.receiver.arrivals.clear()
                scene.shop.catalog.give_order(hook.id, RetryLetters())
                await eventually(lambda: scene.sent() == ["b-2", "b-5"])
                await eventually(lambda: not scene.door.dead_letters(hook.id))
                await eventually(lambda: phase(scene, hook, made) == "done")
                assert state(scene, hook, made).sent == 6

    asyncio.run(run())


def test_letters_of_a_cancelled_replay_are_retried_alone(tmp_path: Path) -> None:
    """What was cancelled stays unsent."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=2)
            scene.visit(*"abcdefgh")
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 8)
                mood.refused, mood.busy = {"b"}, {"c"}
                scene.receiver.silent_for = b'"e-5"'
                made = replay(scene, hook, 1, 8)
                await eventually(lambda: cursor(scene, hook, made) == 4)
                await eventually(lambda: state(scene, hook, made).dead_letters == 1)
                scene.shop.catalog.give_order(hook.id, CancelReplay(made))
                await eventually(lambda: phase(scene, hook, made) == "cancelled")
            mood.refused, mood.busy, scene.receiver.silent_for = set(), set(), b""
            scene.receiver.arrivals.clear()
            async with a_courier(scene.data_dir):
                scene.shop.catalog.give_order(hook.id, RetryLetters())
                await eventually(lambda: scene.sent() == ["b-2"])
                await eventually(lambda: phase(scene, hook, made) == "cancelled")
                scene.visit("z")
                await eventually(lambda: scene.sent() == ["b-2", "z-9"])

    asyncio.run(run())


def test_a_replay_goes_with_its_destination(tmp_path: Path) -> None:
    """It ends, holds nothing back, and a day later nothing is left of it."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            scene.visit(*"abcd")
            async with a_courier(scene.data_dir):
                await settled(scene, hook, 4)
                await scene.receiver.behave(Behaviour.IS_SILENT)
                replay(scene, hook, 1, 4)
                await eventually(lambda: scene.receiver.waiting == 4)
                scene.shop.catalog.delete_destination(hook.id)
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: scene.state(hook) == "")
                await eventually(lambda: scene.door.replays_going() == {})
                await eventually(lambda: scene.door.slowest_cursor() is None)

    asyncio.run(run())


def test_a_replay_to_a_destination_made_just_now_is_not_lost(tmp_path: Path) -> None:
    """The courier may read of both at the same moment."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            scene.visit(*"abcd")
            async with a_courier(scene.data_dir):
                hook = scene.create(start_after=4)
                made = replay(scene, hook, 1, 4)
                await eventually(lambda: phase(scene, hook, made) == "done")
                assert len(scene.sent()) == 4

    asyncio.run(run())
