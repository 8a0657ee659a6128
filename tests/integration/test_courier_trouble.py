"""The courier when something in it, or under it, is not as it should be."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from pixelwire.deliver.courier import Courier
from pixelwire.deliver.database import delivery_path
from pixelwire.deliver.ledger import Progress
from pixelwire.destinations import registry
from pixelwire.destinations.base import Surroundings, Unreachable
from pixelwire.errors import DeliveryError
from pixelwire.record.reader import Reader
from pixelwire.testing.check_destination import Behaviour
from support.delivery import Scene, a_courier, a_scene, eventually


def test_a_loop_that_fails_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others do not notice, the summary says why, and it goes on by itself."""
    monkeypatch.setattr("pixelwire.deliver.keeping.RESTART_FIRST_S", 0.05)
    build, failing = registry.build, ["first"]

    def build_or_fail(kind: str, options: dict[str, Any], surroundings: Surroundings) -> Any:
        if options.get("method") == "PUT" and failing:
            raise RuntimeError("a fault in the program")
        return build(kind, options, surroundings)

    monkeypatch.setattr(registry, "build", build_or_fail)

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            faulty, well = scene.create("faulty", method="PUT"), scene.create("well")
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(well, 1) == "sent")
                await eventually(lambda: scene.state(faulty) == "failed")
                assert "a fault in the program" in scene.summary(faulty).reason
                failing.clear()
                await eventually(lambda: scene.event_state(faulty, 1) == "sent")
                await eventually(lambda: scene.state(faulty) == "running")

    asyncio.run(run())


def test_a_destination_that_can_not_be_opened_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again until it can."""
    build, left = registry.build, [Unreachable("no such host yet")] * 3

    def build_late(kind: str, options: dict[str, Any], surroundings: Surroundings) -> Any:
        destination, limits = build(kind, options, surroundings)
        opened = destination.open

        async def open_late() -> None:
            if left:
                raise left.pop()
            await opened()

        destination.open = open_late  # type: ignore[method-assign] # for this one
        return destination, limits

    monkeypatch.setattr(registry, "build", build_late)

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 1) == "sent")
                await eventually(lambda: scene.state(hook) == "running")
            assert left == []

    asyncio.run(run())


def test_what_a_deleted_destination_leaves_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows go when their time is over, and only its."""
    monkeypatch.setattr("pixelwire.deliver.courier.SWEEP_S", 0.02)
    monkeypatch.setattr("pixelwire.deliver.courier.SWEEP_MORE_S", 0.01)
    monkeypatch.setattr("pixelwire.deliver.sweep.REMOVED_KEPT_MS", -1)

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            going, staying = scene.create("going"), scene.create("staying")
            scene.visit(*"abc")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(scene.sent()) == 6)
                scene.shop.catalog.delete_destination(going.id)
                connection = apsw.Connection(str(delivery_path(tmp_path)))

                def count(table: str) -> int:
                    return int(connection.execute(f"SELECT count(*) FROM {table}").get)

                await eventually(lambda: (count("destination"), count("sent")) == (1, 3))
                connection.close()
                assert scene.event_state(staying, 1) == "sent"

    asyncio.run(run())


def test_a_sweep_that_can_not_read_is_done_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is not cut for it, and nothing is sent again."""
    monkeypatch.setattr("pixelwire.deliver.courier.SWEEP_S", 0.02)
    monkeypatch.setattr("pixelwire.deliver.courier.LET_GO_S", 0.02)
    oldest = Reader.oldest
    failed: list[str] = []

    def oldest_or_fail(self: Reader) -> int:
        if len(failed) < 3 and armed:
            failed.append("once more")
            raise apsw.IOError("disk I/O error")
        return oldest(self)

    def fail(self: Reader) -> None:
        if len(failed) < 3 and armed:
            raise apsw.IOError("disk I/O error")

    armed: list[bool] = []
    monkeypatch.setattr(Reader, "oldest", oldest_or_fail)
    monkeypatch.setattr(Reader, "forget_removed", fail)

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            scene.visit("a")
            async with a_courier(scene.data_dir) as running:
                await eventually(lambda: scene.event_state(hook, 1) == "sent")
                await scene.receiver.behave(Behaviour.IS_SILENT)
                scene.visit("b")
                await eventually(lambda: scene.receiver.waiting == 1)
                armed.append(True)
                await eventually(lambda: len(failed) == 3 or running.done())
                await scene.receiver.behave(Behaviour.TAKES)
                await eventually(lambda: scene.event_state(hook, 2) == "sent")
            assert scene.sent() == ["a-1", "b-2"]

    asyncio.run(run())


def test_a_destination_may_begin_after_a_head_not_heard_of_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cursor is looked at beside the newest head, so nobody is alarmed; it begins where it should."""
    entered: list[tuple[str, str]] = []
    enter = Progress.enter

    def remember(self: Progress, state: str, reason: str, *rest: Any) -> None:
        entered.append((state, reason))
        enter(self, state, reason, *rest)

    monkeypatch.setattr(Progress, "enter", remember)
    look = Courier._look

    def look_and_miss(self: Courier) -> None:
        """An event and a destination come after the head was looked at and before the catalog is."""
        if todo:
            has_changed = self._catalog.has_changed

            def late() -> bool:
                while todo:
                    todo.pop()()
                return has_changed()

            monkeypatch.setattr(self._catalog, "has_changed", late)
        look(self)

    todo: list[Callable[[], object]] = []
    monkeypatch.setattr(Courier, "_look", look_and_miss)

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            scene.visit("a")
            first = scene.create("first")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(first, 1) == "sent")
                todo.extend([lambda: scene.create("late", start_after=3), lambda: scene.visit("b", "c")])
                await eventually(lambda: not todo)
                scene.visit("d")
                await eventually(lambda: scene.sent().count("d-4") == 2)
            assert sorted(scene.sent()) == ["a-1", "b-2", "c-3", "d-4", "d-4"]
            assert {state for state, _ in entered} == {"running"}

    asyncio.run(run())


def test_a_delivery_file_that_fails_ends_the_courier(tmp_path: Path) -> None:
    """Its supervisor starts it again, and it opens the file anew."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            scene.create()
            with pytest.raises(DeliveryError, match=r"delivery\.db could not be written"):
                await break_the_file(scene)

    async def break_the_file(scene: Scene) -> None:
        async with a_courier(scene.data_dir) as running:
            scene.visit("a")
            await eventually(lambda: len(scene.sent()) == 1)
            connection = apsw.Connection(str(delivery_path(tmp_path)))
            connection.set_busy_timeout(5_000)
            connection.execute("DROP TABLE sent")
            connection.close()
            scene.visit("b")
            await asyncio.wait([running], timeout=10)
            assert running.done()

    asyncio.run(run())
