"""The courier where events are gone, or are another store's: it goes on, loudly, and only when it may."""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import StartReplay
from pixelwire.deliver.database import open_to_write
from pixelwire.deliver.state import Deliveries
from pixelwire.record.retention import RetentionLimits
from support.delivery import Scene, a_courier, a_scene, eventually
from support.keeping import START_MS, fill, fill_days, retention, run
from support.receiver import Behaviour
from support.stores import restore, take

HARD = RetentionLimits(hard_bytes_max=1)
SOFT = RetentionLimits(bytes_max=1)


def said(lines: list[Any], event: str) -> list[Any]:
    return [line for line in lines if line["event"] == event]


def states(scene: Scene, hook: Destination, seqs: range, *, is_gone: bool = False) -> list[str]:
    return [scene.door.of_event([hook.id], seq, is_gone=is_gone)[0].state for seq in seqs]


def cursor(scene: Scene, hook: Destination) -> int:
    return scene.summary(hook).cursor if scene.state(hook) else 0


def resume(scene: Scene, hook: Destination) -> None:
    scene.shop.catalog.resume_destination(hook.id)


def test_the_courier_goes_on_after_what_a_hard_limit_took(tmp_path: Path) -> None:
    """One error with the seqs, a range for the receipts, and the next event is sent."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            fill_days(scene.data_dir, 1)
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 3)
            fill_days(scene.data_dir, 3)
            run(retention(scene.data_dir, HARD))
            assert states(scene, hook, range(4, 10), is_gone=True) == ["expired"] * 6
            with structlog.testing.capture_logs() as lines:
                async with a_courier(scene.data_dir):
                    await eventually(lambda: len(scene.sent()) == 6)
            (line,) = said(lines, "events_expired")
            assert (line["first_seq"], line["last_seq"], line["log_level"]) == (4, 9, "error")
            assert scene.sent() == ["e1", "e2", "e3", "e10", "e11", "e12"]
            assert states(scene, hook, range(1, 13)) == [*["sent"] * 3, *["expired"] * 6, *["sent"] * 3]
            assert (scene.summary(hook).expired, scene.summary(hook).cursor) == (6, 12)

    asyncio.run(trial())


def test_what_a_faster_destination_had_is_no_loss_to_it(tmp_path: Path) -> None:
    """Also after its rows were swept: its cursor was past the event."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            quick = scene.create("quick")
            slow = scene.create("slow")
            scene.shop.catalog.change_destination(slow.id, is_enabled=False)
            fill_days(scene.data_dir, 3)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(quick, 9) == "sent")
                await eventually(lambda: scene.state(slow) == "disabled")
            run(retention(scene.data_dir, HARD))
            assert states(scene, quick, range(1, 7), is_gone=True) == ["sent"] * 6
            assert states(scene, slow, range(1, 7), is_gone=True) == ["expired"] * 6
            connection = open_to_write(scene.data_dir)
            connection.execute("DELETE FROM sent WHERE seq <= 6")
            connection.close()
            assert states(scene, quick, range(1, 7), is_gone=True) == ["sent"] * 6

    asyncio.run(trial())


def test_a_parked_event_that_is_gone_is_expired(tmp_path: Path) -> None:
    """It was tried, it waited, and it can not be tried again; no letter without an event is left of it."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            await scene.receiver.behave(Behaviour.IS_BUSY)
            fill_days(scene.data_dir, 3)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 1) == "retrying")
            run(retention(scene.data_dir, HARD))
            await scene.receiver.behave(Behaviour.TAKES)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 9) == "sent")
                await eventually(lambda: scene.event_state(hook, 1) == "expired")
            summary = scene.summary(hook)
            assert (summary.parked, summary.dead, summary.dead_total) == (0, 0, 0)
            assert summary.expired > 0

    asyncio.run(trial())


def test_a_new_destination_begins_with_what_there_is(tmp_path: Path) -> None:
    """Sent from the start, it gets what retention has left, and nobody calls the rest lost."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            fill_days(scene.data_dir, 4)
            assert run(retention(scene.data_dir, SOFT)) == 1
            hook = scene.create()
            with structlog.testing.capture_logs() as lines:
                async with a_courier(scene.data_dir):
                    await eventually(lambda: len(scene.sent()) == 9)
            assert not said(lines, "events_expired")
            assert scene.summary(hook).expired == 0

    asyncio.run(trial())


def test_a_cursor_of_another_store_goes_on_when_its_owner_says_so(tmp_path: Path) -> None:
    """After `resume`, at its place; the error before told how."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            fill(scene.data_dir, [START_MS] * 2)
            async with a_courier(scene.data_dir):
                await eventually(lambda: cursor(scene, hook) == 2)
            (scene.data_dir / "events").rename(tmp_path / "elsewhere")
            (scene.data_dir / "totals.db").unlink()
            fill(scene.data_dir, [START_MS] * 4)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "failed")
                assert "pixelwire destination resume" in scene.summary(hook).reason
                resume(scene, hook)
                await eventually(lambda: len(scene.sent()) == 4)
            assert scene.sent() == ["e1", "e2", "e3", "e4"]
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "running")

    asyncio.run(trial())


def test_a_change_before_the_error_accepts_nothing(tmp_path: Path) -> None:
    """The owner must have seen that the cursor does not fit."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            fill(scene.data_dir, [START_MS] * 2)
            async with a_courier(scene.data_dir):
                await eventually(lambda: cursor(scene, hook) == 2)
            (scene.data_dir / "events").rename(tmp_path / "elsewhere")
            (scene.data_dir / "totals.db").unlink()
            fill(scene.data_dir, [START_MS] * 4)
            resume(scene, hook)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "failed")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.summary(hook).state == "failed")
            assert len(scene.sent()) == 2

    asyncio.run(trial())


def test_a_cursor_beyond_the_head_goes_on_with_the_next_event(tmp_path: Path) -> None:
    """What is known of seqs that will be given again is let go: no new event is passed by for it."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            fill(scene.data_dir, [START_MS] * 6)
            async with a_courier(scene.data_dir):
                await eventually(lambda: cursor(scene, hook) == 6)
            (scene.data_dir / "events").rename(tmp_path / "elsewhere")
            (scene.data_dir / "totals.db").unlink()
            fill(scene.data_dir, [START_MS])
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "failed")
                resume(scene, hook)
                await eventually(lambda: scene.state(hook) == "running")
                fill(scene.data_dir, [START_MS] * 4)
                await eventually(lambda: len(scene.sent()) == 10)
            assert scene.sent()[6:] == ["e2", "e3", "e4", "e5"]

    asyncio.run(trial())


def test_retention_waits_for_a_replay(tmp_path: Path) -> None:
    """A soft limit does, until it is at its end; a hard one does not, and the replay says what it missed."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=1)
            fill_days(scene.data_dir, 4)
            async with a_courier(scene.data_dir):
                await eventually(lambda: cursor(scene, hook) == 12)
                scene.receiver.arrivals.clear()
                scene.receiver.silent_for = b'"e2"'
                made = scene.shop.catalog.give_order(hook.id, StartReplay(0, 2**50, 1, 9, "")).id
                await eventually(lambda: scene.receiver.waiting)
                assert run(retention(scene.data_dir, SOFT)) == 0
            assert run(retention(scene.data_dir, HARD)) == 3
            scene.receiver.silent_for = b""
            scene.receiver.arrivals.clear()
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.door.replays(hook.id)[0].state == "done")
            replay = scene.door.replay(hook.id, made)
            assert replay is not None
            assert (replay.sent, replay.expired, replay.cursor) == (1, 8, 9)
            assert scene.sent() == []
            assert states(scene, hook, range(1, 10), is_gone=True) == ["sent"] * 9

    asyncio.run(trial())


def test_a_restored_replay_waits_as_its_destination_does(tmp_path: Path) -> None:
    """It goes on when the owner says that the place is right, up to the end of the events there are."""

    async def trial() -> None:
        again = tmp_path / "again"
        (tmp_path / "data").mkdir()
        async with a_scene(tmp_path / "data") as scene:
            hook = scene.create(concurrency=1)
            scene.visit(*"abcd")
            async with a_courier(scene.data_dir):
                await eventually(lambda: cursor(scene, hook) == 4)
                scene.receiver.silent_for = b'"b-2"'
                scene.shop.catalog.give_order(hook.id, StartReplay(0, 2**50, 1, 9, ""))
                await eventually(lambda: scene.receiver.waiting)
            take(scene.data_dir, tmp_path / "backup")
            restore(tmp_path / "backup", again)
            scene.receiver.silent_for = b""
            await scene.receiver.behave(Behaviour.TAKES)
            await eventually(lambda: not scene.receiver.waiting)
            scene.receiver.arrivals.clear()
            with Deliveries(again) as door:
                async with a_courier(again):
                    await eventually(lambda: door.replays(hook.id)[0].state == "failed")
                    assert "of store" in door.replays(hook.id)[0].reason
                    catalog = Catalog.open(again)
                    catalog.resume_destination(hook.id)
                    await eventually(lambda: door.replays(hook.id)[0].state == "done")
                    catalog.close()
            assert scene.sent() == ["b-2", "c-3", "d-4"]

    asyncio.run(trial())


def test_a_replay_of_another_store_ends_with_its_events(tmp_path: Path) -> None:
    """When its owner accepts the place, it does not wait for seqs that nobody will give it."""

    async def trial() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create(concurrency=1)
            fill(scene.data_dir, [START_MS] * 6)
            async with a_courier(scene.data_dir):
                await eventually(lambda: cursor(scene, hook) == 6)
                scene.receiver.silent_for = b'"e5"'
                scene.shop.catalog.give_order(hook.id, StartReplay(0, 2**50, 1, 6, ""))
                await eventually(lambda: scene.receiver.waiting)
            (scene.data_dir / "events").rename(tmp_path / "elsewhere")
            (scene.data_dir / "totals.db").unlink()
            fill(scene.data_dir, [START_MS] * 2)
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "failed")
                await eventually(lambda: scene.door.replays(hook.id)[0].state == "failed")
                resume(scene, hook)
                await eventually(lambda: scene.door.replays(hook.id)[0].state == "done")

    asyncio.run(trial())
