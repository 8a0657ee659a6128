"""The courier over real files, with a webhook's receiver on the loopback."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import apsw
from aiohttp import web

from pixelwire.deliver.database import delivery_path
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.testing.check_destination import Behaviour
from support.delivery import a_courier, a_scene, eventually, in_order
from support.receiver import Answer, Receiver, identity_of

PROMPT_S = 3.0  # a third of a second and half of one on an idle machine; the hanging one waits for 300 s


def answers(decide: Callable[[str], int]) -> Receiver:
    """A receiver whose status depends on the visitor; 0 cuts the connection."""

    def answer(request: web.Request, body: bytes) -> Answer:
        status = decide(identity_of(body))
        return web.Response(status=status) if status else None

    return Receiver(answer)


def test_every_event_arrives_once_and_in_order(tmp_path: Path) -> None:
    """What is on disk and what comes later; the receipts say so; the payload is the stored one."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=8)
            scene.visit(*"abcabcabc" * 20)
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 180)
                scene.visit("a", "b")
                await eventually(lambda: len(scene.sent()) == 182)
                await eventually(lambda: scene.event_state(hook, 182) == "sent")
            assert len(set(scene.sent())) == 182
            assert all(in_order(scene.sent(), visitor) for visitor in "abc")
            summary = scene.summary(hook)
            assert (summary.state, summary.cursor, summary.sent_total) == ("running", 182, 182)
            assert scene.door.slowest_cursor() == 182

    asyncio.run(run())


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing is sent again after a clean stop."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            scene.create()
            for _ in range(3):
                scene.visit(*"abcdefgh")
                async with a_courier(scene.data_dir):
                    await eventually(lambda: len(scene.sent()) >= scene.head())
            assert len(scene.sent()) == len(set(scene.sent())) == 24

    asyncio.run(run())


def test_only_its_own_events_are_delivered(tmp_path: Path) -> None:
    """After its beginning, and of its business's pixels, those made later too from their first event on."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            scene.visit("old")
            other = scene.shop.catalog.create_business("Other")
            foreign = scene.shop.catalog.create_pixel(other.id, "https://other.example", "Foreign")
            hook = scene.create(start_after=1)
            async with a_courier(scene.data_dir):
                scene.visit("a", pixel=foreign)
                for number in range(20):
                    late = scene.shop.catalog.create_pixel(
                        scene.shop.business.id, "https://l.example", f"P{number}"
                    )
                    scene.visit("b", pixel=late)
                await eventually(lambda: len(scene.sent()) == 20)
                await eventually(lambda: scene.event_state(hook, 22) == "sent")
            assert {id_.partition("-")[0] for id_ in scene.sent()} == {"b"}
            assert [scene.event_state(hook, seq) for seq in (1, 2, 3)] == ["filtered", "filtered", "sent"]

    asyncio.run(run())


def test_an_event_that_fails_holds_its_visitor_only(tmp_path: Path) -> None:
    """It is retried until it passes; others pass meanwhile; its visitor's order holds."""
    failures = {"left": 5}

    def decide(visitor: str) -> int:
        if visitor == "poor" and failures["left"]:
            failures["left"] -= 1
            return 503
        return 200

    async def run() -> None:
        async with a_scene(tmp_path, answers(decide)) as scene:
            hook = scene.create(concurrency=2)
            scene.visit("poor", "a", "poor", "b", "a", "poor", "c")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 7)
                await eventually(lambda: scene.event_state(hook, 6) == "sent")
            assert scene.sent().index("c-7") < scene.sent().index("poor-1")
            assert in_order(scene.sent(), "poor")
            assert scene.door.of_event([hook.id], 1)[0].attempts == 6
            assert scene.summary(hook).retried_total == 5

    asyncio.run(run())


def test_parked_events_survive_a_restart(tmp_path: Path) -> None:
    """The cursor has passed them; they are retried with their attempts and in their order."""
    is_busy = [True]

    async def run() -> None:
        async with a_scene(
            tmp_path, answers(lambda visitor: 503 if visitor == "p" and is_busy[0] else 200)
        ) as scene:
            hook = scene.create()
            scene.visit(*"papapap")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 3)
                await eventually(lambda: scene.event_state(hook, 1) == "retrying")
                await eventually(lambda: scene.summary(hook).cursor == 7)
            assert scene.door.slowest_cursor() == 0
            is_busy[0] = False
            async with a_courier(scene.data_dir):
                scene.visit("p")
                await eventually(lambda: len(scene.sent()) == 8)
                await eventually(lambda: scene.event_state(hook, 8) == "sent")
            assert in_order(scene.sent(), "p")
            assert scene.door.of_event([hook.id], 1)[0].attempts >= 2
            assert scene.door.slowest_cursor() == 8

    asyncio.run(run())


def test_a_refused_event_is_a_dead_letter(tmp_path: Path) -> None:
    """Kept with payload, reason and attempts; its visitor's next event goes on."""

    async def run() -> None:
        answer = lambda request, body: web.Response(  # noqa: E731 short
            status=422 if b'"bad-2"' in body else 200, text="no such field"
        )
        async with a_scene(tmp_path, Receiver(answer)) as scene:
            hook = scene.create()
            scene.visit("a", "bad", "bad")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 3) == "sent")
            [letter] = scene.door.dead_letters(hook.id)
            assert (letter.seq, letter.message_id, letter.attempts) == (2, "bad-2", 1)
            assert letter.reason == "answered 422 Unprocessable Entity: no such field"
            found = scene.door.dead_letter(hook.id, letter.number)
            assert found is not None
            assert b'"bad-2"' in found[1]
            assert scene.event_state(hook, 2) == "dead"

    asyncio.run(run())


def test_what_keeps_failing_while_others_pass_dies(tmp_path: Path) -> None:
    """After long enough and often enough, with what it failed by."""
    policy = RetryPolicy(
        first_s=0.01, delay_s_max=0.02, give_up_after_s=0.2, attempts_min=3, failures_to_down=1_000
    )

    async def run() -> None:
        async with a_scene(tmp_path, answers(lambda visitor: 500 if visitor == "poison" else 200)) as scene:
            hook = scene.create()
            scene.visit("poison", "a")
            async with a_courier(scene.data_dir, policy):
                await eventually(lambda: scene.visit("a") or scene.event_state(hook, 1) == "dead")
            [letter] = scene.door.dead_letters(hook.id)
            assert letter.attempts >= 3
            assert letter.reason.startswith("answered 500 Internal Server Error (given up after")

    asyncio.run(run())


def test_nothing_dies_while_the_destination_is_down(tmp_path: Path) -> None:
    """Everything fails, so no event's clock runs: even a policy that gives up at once gives up nothing."""
    policy = RetryPolicy(
        first_s=0.01, delay_s_max=0.01, give_up_after_s=0.001, attempts_min=1, probe_first_s=0.01,
        probe_delay_s_max=0.02, failures_to_down=1,
    )  # fmt: skip

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=1)
            await scene.receiver.behave(Behaviour.IS_BUSY)
            scene.visit(*"abcabc")
            async with a_courier(scene.data_dir, policy):
                await eventually(lambda: scene.state(hook) == "down")
                await eventually(lambda: len(scene.receiver.arrivals) > 20)
                summary = scene.summary(hook)
                assert summary.reason == "answered 503 Service Unavailable: I am is_busy"
                assert summary.retry_at_ms is not None
                await scene.receiver.behave(Behaviour.IS_GONE)
                await eventually(lambda: "no connection" in scene.summary(hook).reason)
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: len(scene.sent()) == 6)
                await eventually(lambda: scene.state(hook) == "running")
            assert all(in_order(scene.sent(), visitor) for visitor in "abc")
            assert scene.door.dead_letters(hook.id) == []

    asyncio.run(run())


def test_a_locked_out_destination_waits_for_its_owner(tmp_path: Path) -> None:
    """401 pauses it, over a restart too; `resume` goes on and nothing is lost."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=4)
            await scene.receiver.behave(Behaviour.LOCKS_OUT)
            scene.visit(*"abcdefgh")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "paused")
                assert scene.event_state(hook, 1) == "paused"
                assert "401" in scene.summary(hook).reason
            tried = len(scene.receiver.arrivals)
            await scene.receiver.behave(Behaviour.TAKES)
            async with a_courier(scene.data_dir):
                scene.visit("i")
                await eventually(lambda: scene.state(hook) == "paused")
                assert len(scene.receiver.arrivals) == tried <= 4
                scene.shop.catalog.resume_destination(hook.id)
                await eventually(lambda: len(scene.sent()) == 9)
                await eventually(lambda: scene.state(hook) == "running")

    asyncio.run(run())


def test_its_owner_can_switch_it_off_change_it_and_delete_it(tmp_path: Path) -> None:
    """Each takes effect while the courier runs."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            catalog = scene.shop.catalog
            async with a_courier(scene.data_dir):
                scene.visit("a")
                await eventually(lambda: len(scene.sent()) == 1)
                catalog.change_destination(hook.id, is_enabled=False)
                await eventually(lambda: scene.state(hook) == "disabled")
                scene.visit("b")
                catalog.change_destination(
                    hook.id, is_enabled=True, options={**hook.options, "headers": {"X-New": "1"}}
                )
                await eventually(lambda: len(scene.sent()) == 2)
                assert scene.receiver.arrivals[-1].headers["X-New"] == "1"
                catalog.delete_destination(hook.id)
                await eventually(lambda: scene.state(hook) == "")
                assert scene.door.slowest_cursor() is None

    asyncio.run(run())


def test_options_that_are_wrong_pause(tmp_path: Path) -> None:
    """What an older version took, or somebody wrote by hand, is its owner's to correct."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=0)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "paused")
            assert "concurrency" in scene.summary(hook).reason

    asyncio.run(run())


def test_a_cursor_of_another_store_is_an_error_not_a_reset(tmp_path: Path) -> None:
    """Nothing is sent, the summary says why, and with the right store it goes on."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            scene.visit("a", "b")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 2)
            events, elsewhere = tmp_path / "events", tmp_path / "elsewhere"
            events.rename(elsewhere)
            scene.visit("c", "d", "e")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "failed")
                assert "of store" in scene.summary(hook).reason
                assert scene.summary(hook).cursor == 2
            assert len(scene.sent()) == 2

    asyncio.run(run())


def test_a_cursor_above_the_head_is_an_error(tmp_path: Path) -> None:
    """Events that were delivered are gone from disk: going on would mix two histories."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(start_after=100)
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "failed")
                reason = scene.summary(hook).reason
                assert reason.startswith("the cursor is at event 100, the newest on disk is 1;")
            assert scene.sent() == []

    asyncio.run(run())


def test_a_destination_that_hangs_delays_no_other(tmp_path: Path) -> None:
    """Each has its own loop; and a stop does not wait for it."""

    async def run() -> None:
        silent = await Receiver().start()
        await silent.behave(Behaviour.IS_SILENT)
        async with a_scene(tmp_path) as scene:
            hanging = scene.create("hanging", url=silent.url, timeout_s=300, concurrency=4)
            scene.create("well")
            scene.visit(*"abcdefgh")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 8)
                scene.visit("i")
                started_s = time.monotonic()
                await eventually(lambda: len(scene.sent()) == 9)
                assert time.monotonic() - started_s < PROMPT_S
                assert scene.event_state(hanging, 1) == "pending"
                started_s = time.monotonic()
            assert time.monotonic() - started_s < PROMPT_S
            await silent.stop()

    asyncio.run(run())


def test_a_stop_lets_what_is_under_way_finish(tmp_path: Path) -> None:
    """A request that is answered in time is not sent again by the next start."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            scene.create(concurrency=4)
            await scene.receiver.behave(Behaviour.IS_SILENT)
            scene.visit(*"abcdefgh")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.receiver.waiting == 4)
                asyncio.get_running_loop().call_later(
                    0.1, asyncio.ensure_future, scene.receiver.behave(Behaviour.TAKES)
                )
            assert len(scene.sent()) == 4
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 8)
            assert len(set(scene.sent())) == 8

    asyncio.run(run())


def test_an_event_that_retention_removed_is_told(tmp_path: Path) -> None:
    """A parked event whose segment is gone counts as expired; its visitor goes on."""

    async def run() -> None:
        async with a_scene(tmp_path, answers(lambda visitor: 503 if visitor == "p" else 200)) as scene:
            hook = scene.create()
            scene.visit("p", "a")
            async with a_courier(scene.data_dir, RetryPolicy(first_s=0.5, delay_s_max=0.5)):
                await eventually(lambda: scene.event_state(hook, 1) == "retrying")
            with apsw.Connection(str(delivery_path(tmp_path))) as connection:
                connection.execute("UPDATE parked SET seq = 0, next_ms = 0")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.summary(hook).expired == 1)
            assert scene.summary(hook).parked == 0
            assert scene.summary(hook).last_error == "removed by retention before it could be sent"

    asyncio.run(run())


def test_what_was_confirmed_past_one_that_hangs_is_not_sent_again(tmp_path: Path) -> None:
    """The cursor stands before the one that hangs; a restart passes the others by."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=4)
            scene.receiver.silent_for = b'"c-3"'
            scene.visit(*"abcdefghij")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 9)
                await eventually(lambda: scene.event_state(hook, 10) == "sent")
                assert scene.summary(hook).cursor == 2
                assert [scene.event_state(hook, seq) for seq in (2, 3, 4)] == ["sent", "pending", "sent"]
            scene.receiver.silent_for = b""
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.summary(hook).cursor == 10)
            assert sorted(scene.sent()) == sorted(set(scene.sent()))
            assert len(scene.sent()) == 10

    asyncio.run(run())


def test_a_missing_catalog_is_waited_for(tmp_path: Path) -> None:
    """The courier may be there first."""

    async def run() -> None:
        async with a_courier(tmp_path), a_scene(tmp_path) as scene:
            scene.create()
            scene.visit("a")
            await eventually(lambda: scene.sent() == ["a-1"])

    asyncio.run(run())
