"""Events that always fail, and the crowds behind them: nobody else waits, and it is told."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from pixelwire.deliver.parking import CROWD_MIN, LINES_MAX
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.testing.check_destination import Behaviour
from support.delivery import a_courier, a_scene, eventually, in_order
from support.receiver import Receiver, identity_of

PATIENT = RetryPolicy(first_s=0.01, delay_s_max=0.02, failures_to_down=1_000)
STRICT = RetryPolicy(
    first_s=0.01,
    delay_s_max=0.02,
    give_up_after_s=0.2,
    attempts_min=3,
    probe_first_s=0.01,
    probe_delay_s_max=0.02,
)


def fails_for(*needles: bytes) -> Receiver:
    """500 for what has one of these in it."""
    return Receiver(
        lambda request, body: web.Response(status=500 if any(n in body for n in needles) else 200)
    )


def test_a_crowd_behind_one_that_fails_holds_nobody_else_up(tmp_path: Path) -> None:
    """However many there are: others pass, the summary says what waits, and only its visitor does."""
    followers = LINES_MAX + 500

    async def run() -> None:
        async with a_scene(tmp_path, fails_for(b'"poison-1"')) as scene:
            hook = scene.create()
            scene.visit(*["poison"] * (1 + followers), "a", "b")
            async with a_courier(scene.data_dir, PATIENT):
                await eventually(lambda: len(scene.sent()) == 2)
                await eventually(lambda: scene.summary(hook).cursor == followers + 3)
                await eventually(lambda: "holds up many later ones" in scene.summary(hook).reason)
                summary = scene.summary(hook)
                assert (summary.state, summary.parked) == ("running", followers + 1)
                assert scene.event_state(hook, followers + 1) == "pending"
            async with a_courier(scene.data_dir, PATIENT):
                scene.visit("poison", "c")
                await eventually(lambda: scene.event_state(hook, followers + 5) == "sent")
                await eventually(lambda: scene.summary(hook).parked == followers + 2)
            assert sorted(scene.sent()) == [f"a-{followers + 2}", f"b-{followers + 3}", f"c-{followers + 5}"]

    asyncio.run(run())


def test_what_a_crowd_waits_for_dies(tmp_path: Path) -> None:
    """Although nothing else comes that could pass; and then the crowd goes, in order, over a restart too."""
    followers = 2 * CROWD_MIN

    async def run() -> None:
        async with a_scene(tmp_path, fails_for(b'"only-1"')) as scene:
            hook = scene.create()
            scene.visit(*["only"] * (1 + followers))
            async with a_courier(scene.data_dir, STRICT):
                await eventually(lambda: len(scene.sent()) > 20)
            async with a_courier(scene.data_dir, STRICT):
                scene.visit("only")
                await eventually(lambda: scene.event_state(hook, followers + 2) == "sent")
                await eventually(lambda: scene.summary(hook).reason == "")
            assert [letter.seq for letter in scene.door.dead_letters(hook.id)] == [1]
            assert in_order(scene.sent(), "only")
            assert set(scene.sent()) == {f"only-{seq}" for seq in range(2, followers + 3)}
            assert scene.summary(hook).parked == 0

    asyncio.run(run())


def test_one_that_holds_nobody_up_lives(tmp_path: Path) -> None:
    """Alone, it may be the destination that fails: it is tried on and on."""

    async def run() -> None:
        async with a_scene(tmp_path, fails_for(b'"only-1"')) as scene:
            hook = scene.create()
            scene.visit(*["only"] * CROWD_MIN)
            async with a_courier(scene.data_dir, STRICT):
                await eventually(lambda: len(scene.receiver.arrivals) > 100)
                assert scene.event_state(hook, 1) == "retrying"
                assert scene.summary(hook).reason == ""

    asyncio.run(run())


def test_a_destination_that_fails_costs_a_crowd_one_event_at_most(tmp_path: Path) -> None:
    """The first one is blamed; when the second fails too, it is the destination that is down."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            await scene.receiver.behave(Behaviour.IS_BUSY)
            scene.visit(*["only"] * (2 * CROWD_MIN))
            async with a_courier(scene.data_dir, STRICT):
                await eventually(lambda: scene.state(hook) == "down")
                tried = len(scene.receiver.arrivals)
                await eventually(lambda: len(scene.receiver.arrivals) > tried + 50)
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: scene.event_state(hook, 2 * CROWD_MIN) == "sent")
            assert [letter.seq for letter in scene.door.dead_letters(hook.id)] == [1]
            assert len(scene.sent()) == 2 * CROWD_MIN - 1

    asyncio.run(run())


def test_many_that_fail_hold_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More visitors' events than should be parked: others are tried with care, and pass; it is told."""
    monkeypatch.setattr("pixelwire.deliver.parking.LINES_MAX", 20)
    monkeypatch.setattr("pixelwire.deliver.books.CARE_S", 0.02)
    poisoned = [f"poison{number}" for number in range(60)]

    async def run() -> None:
        async with a_scene(tmp_path, fails_for(b'"poison')) as scene:
            hook = scene.create(concurrency=4)
            scene.visit(*poisoned, *"abcdefgh")
            policy = RetryPolicy(first_s=0.01, delay_s_max=0.05, probe_first_s=0.01, probe_delay_s_max=0.02)
            async with a_courier(scene.data_dir, policy):
                await eventually(lambda: len(scene.sent()) == 8)
                for number in range(20):
                    scene.visit(f"late{number}")
                    await eventually(lambda: len(scene.sent()) == 9 + number)  # noqa: B023 awaited at once
                await eventually(lambda: "are parked: new events are held up" in scene.summary(hook).reason)
                assert scene.summary(hook).parked == 60

    asyncio.run(run())


def test_new_events_wait_their_turn_no_longer_than_parked_ones(tmp_path: Path) -> None:
    """Those that fail and are due again at once take every second turn, not all."""
    policy = RetryPolicy(first_s=0.0, delay_s_max=0.0, failures_to_down=10_000)

    async def run() -> None:
        async with a_scene(tmp_path, fails_for(b'"poison')) as scene:
            scene.create(concurrency=1)
            scene.visit(*[f"poison{number}" for number in range(50)])
            async with a_courier(scene.data_dir, policy):
                await eventually(lambda: len(scene.receiver.arrivals) > 100)
                scene.visit(*[f"well{number}" for number in range(50)])
                await eventually(lambda: scene.sent())
                begun = len(scene.receiver.arrivals)
                await eventually(lambda: len(scene.sent()) == 50)
                visitors = [identity_of(arrival.body) for arrival in scene.receiver.arrivals[begun:]]
            assert sum(visitor.startswith("poison") for visitor in visitors) <= 60

    asyncio.run(run())


def test_a_busy_visitor_holds_nobody_else_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More events of one than a window holds: the others pass, nothing is alarmed, and its order holds."""
    share, window = 16, 256
    monkeypatch.setattr("pixelwire.deliver.bounds.IDENTITY_EVENTS_MAX", share)
    monkeypatch.setattr("pixelwire.deliver.bounds.WINDOW_EVENTS_MIN", window)
    busy = window + 100

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=4, timeout_s=60)
            scene.receiver.silent_for = b'"busy-1"'
            scene.visit(*["busy"] * busy, "a", "b")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 2)
                await eventually(lambda: scene.summary(hook).parked == busy - share)
                assert (scene.state(hook), scene.summary(hook).reason) == ("running", "")
                assert scene.summary(hook).cursor == 0
                scene.receiver.silent_for = b""
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: len(scene.sent()) > 2 + share + 20)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, busy) == "sent")
            assert in_order(scene.sent(), "busy")
            assert len(scene.sent()) == len(set(scene.sent())) == busy + 2

    asyncio.run(run())
