"""Dead letters sent again and dropped by order of their owner, over real files and a webhook's receiver."""

import asyncio
from pathlib import Path

import apsw
import pytest

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.wishes import DropLetters, RetryLetters, Wish
from pixelwire.deliver import books, orders
from pixelwire.deliver.database import delivery_path
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.state import Delivery
from pixelwire.testing.check_destination import Behaviour
from support.delivery import Scene, a_courier, a_scene, eventually, in_order
from support.letters import Mood


def give(scene: Scene, hook: Destination, wish: Wish) -> str:
    return scene.shop.catalog.give_order(hook.id, wish).id


def is_done(scene: Scene, order_id: str) -> bool:
    state = scene.door.order(order_id)
    return state is not None and state.done_ms is not None


def seqs(scene: Scene, hook: Destination) -> list[int]:
    """Of the letters that are dead."""
    return sorted(letter.seq for letter in scene.door.dead_letters(hook.id) if not letter.is_retried)


def delivery(scene: Scene, hook: Destination, seq: int) -> Delivery:
    return scene.door.of_event([hook.id], seq)[0]


def test_letters_that_are_retried_arrive(tmp_path: Path) -> None:
    """One, those of a reason, all: each is sent again as it was, and is a letter no more."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=4)
            mood.refused = {"a", "b", "c"}
            scene.visit(*"abcdabcd")
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(seqs(scene, hook)) == 6)
                mood.refused = set()
                one = give(scene, hook, RetryLetters(scene.door.dead_letters(hook.id)[0].number))
                await eventually(lambda: len(seqs(scene, hook)) == 5)
                await eventually(lambda: delivery(scene, hook, 1).state == "sent")
                of_b = give(scene, hook, RetryLetters(reason="NO B"))
                await eventually(lambda: len(seqs(scene, hook)) == 3)
                rest = give(scene, hook, RetryLetters())
                await eventually(lambda: len(scene.sent()) == 8)
                await eventually(lambda: scene.summary(hook).sent_total == 8)
            states = [scene.door.order(order) for order in (one, of_b, rest)]
            assert [state.events for state in states if state] == [1, 2, 3]
            assert sorted(scene.sent()) == sorted(set(scene.sent()))
            assert all(in_order(scene.sent(), visitor) for visitor in "bcd")
            assert [delivery(scene, hook, seq).attempts for seq in (1, 2, 4)] == [2, 2, 1]
            headers = [a.headers["X-Pixelwire-Attempt"] for a in scene.receiver.arrivals if a.status == 200]
            assert sorted(headers) == ["1", "1", *["2"] * 6]
            summary = scene.summary(hook)
            assert (summary.dead, summary.dead_total, summary.parked, summary.state) == (0, 6, 0, "running")

    asyncio.run(run())


def test_a_letter_that_dies_again_is_one_letter(tmp_path: Path) -> None:
    """With its number, all attempts, and the newer reason; it can be retried again."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create()
            mood.refused = {"a"}
            scene.visit("a", "b")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [1])
                [before] = scene.door.dead_letters(hook.id)
                for attempts in (2, 3):
                    give(scene, hook, RetryLetters())
                    await eventually(lambda n=attempts: delivery(scene, hook, 1).attempts == n)
                await eventually(lambda: seqs(scene, hook) == [1])
                [after] = scene.door.dead_letters(hook.id)
                assert (after.number, after.attempts) == (before.number, 3)
                assert after.died_ms > before.died_ms
                assert scene.summary(hook).dead_total == 3
                mood.refused = set()
                give(scene, hook, RetryLetters())
                await eventually(lambda: delivery(scene, hook, 1) == Delivery(
                    hook.id, "sent", 4, at_ms=scene.summary(hook).last_sent_ms
                ))  # fmt: skip

    asyncio.run(run())


def test_a_retried_letter_is_retried_by_the_rules(tmp_path: Path) -> None:
    """Tried again while that may help, with its visitor's later events behind it; then it is dead again."""
    policy = RetryPolicy(
        first_s=0.01, delay_s_max=0.02, give_up_after_s=0.2, attempts_min=3, failures_to_down=1_000
    )

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=2)
            mood.refused = {"a"}
            scene.visit("a")
            async with a_courier(scene.data_dir, policy):
                await eventually(lambda: seqs(scene, hook) == [1])
                mood.refused, mood.busy = set(), {"a"}
                give(scene, hook, RetryLetters())
                await eventually(lambda: delivery(scene, hook, 1).attempts > 1)
                assert delivery(scene, hook, 1).state == "retrying"
                scene.visit("a")
                await eventually(lambda: delivery(scene, hook, 2).reason.startswith("waits for an earlier"))
                await eventually(lambda: scene.visit("b") or seqs(scene, hook) == [1])
                [letter] = scene.door.dead_letters(hook.id)
                assert letter.attempts >= 4
                assert "given up after" in letter.reason
                mood.busy = set()
                await eventually(lambda: "a-2" in scene.sent())

    asyncio.run(run())


def test_dropped_letters_are_gone_for_good(tmp_path: Path) -> None:
    """Their receipts tell, they are counted, and no restart sends them again."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=4)
            mood.refused = {"a", "b"}
            scene.receiver.silent_for = b'"slow-1"'
            scene.visit("slow", *"aabb")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [2, 3, 4, 5])
                assert scene.summary(hook).cursor == 0
                order = give(scene, hook, DropLetters(reason="no a"))
                await eventually(lambda: is_done(scene, order))
                assert seqs(scene, hook) == [4, 5]
            mood.refused = set()
            scene.receiver.silent_for = b""
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.summary(hook).cursor == 5)
                assert scene.sent() == ["slow-1"]
                dropped = delivery(scene, hook, 2)
                assert (dropped.state, dropped.attempts) == ("dead", 1)
                assert dropped.reason.startswith("dropped by its owner: answered 422")
                give(scene, hook, RetryLetters())
                await eventually(lambda: sorted(scene.sent()) == ["b-4", "b-5", "slow-1"])
                await eventually(lambda: scene.summary(hook).dropped_total == 2)
            assert scene.summary(hook).dead == 0

    asyncio.run(run())


@pytest.mark.parametrize("state", ["disabled", "paused", "down"])
def test_orders_are_taken_whatever_the_destination_is(tmp_path: Path, state: str) -> None:
    """What is to be retried waits until it is up again; what is dropped is dropped."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=1)
            mood.refused = {"a", "b"}
            scene.visit("a", "b")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [1, 2])
                await put(scene, hook, state)
                of_a, of_b = give(scene, hook, RetryLetters(reason="no a")), give(scene, hook, DropLetters())
                await eventually(lambda: is_done(scene, of_a) and is_done(scene, of_b))
                assert scene.summary(hook).dropped_total == 1
                assert delivery(scene, hook, 1).state == "retrying"
                assert scene.state(hook) == state
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == state)
                mood.refused = set()
                await scene.receiver.behave(Behaviour.TAKES)
                scene.shop.catalog.resume_destination(hook.id)
                await eventually(lambda: "a-1" in scene.sent())
                await eventually(lambda: scene.state(hook) == "running")
            assert "b-2" not in scene.sent()

    asyncio.run(run())


async def put(scene: Scene, hook: Destination, state: str) -> None:
    """Brings a destination into a state."""
    if state == "disabled":
        scene.shop.catalog.change_destination(hook.id, is_enabled=False)
    else:
        await scene.receiver.behave(Behaviour.LOCKS_OUT if state == "paused" else Behaviour.IS_BUSY)
        scene.visit("c", "d")
    await eventually(lambda: scene.state(hook) == state)


def test_a_letter_is_sent_past_retention(tmp_path: Path) -> None:
    """It holds its event itself: retention does not wait for it, and it is sent from the letter."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create()
            mood.refused = {"a"}
            scene.visit("a", "b")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [1] and scene.summary(hook).cursor == 2)
            body = scene.receiver.arrivals[0].body
            for path in (tmp_path / "events").iterdir():
                path.unlink()
            with apsw.Connection(str(delivery_path(tmp_path))) as connection:
                connection.execute("UPDATE destination SET store = '', cursor = 0")
            mood.refused = set()
            async with a_courier(scene.data_dir):
                give(scene, hook, RetryLetters())
                await eventually(lambda: scene.sent() == ["b-2", "a-1"])
                await eventually(lambda: not scene.door.dead_letters(hook.id))
            assert scene.receiver.arrivals[-1].body == body

    asyncio.run(run())


def test_retention_does_not_wait_for_a_letter(tmp_path: Path) -> None:
    """While it is parked it holds nothing; the events behind it do."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create()
            mood.refused = {"a"}
            scene.visit("a", "b")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [1] and scene.summary(hook).cursor == 2)
                mood.refused, mood.busy = set(), {"a"}
                give(scene, hook, RetryLetters())
                await eventually(lambda: delivery(scene, hook, 1).attempts > 1)
                assert scene.door.slowest_cursor() == 2
                scene.visit("b", "a", "b")
                await eventually(lambda: scene.summary(hook).cursor == 5)
                assert scene.door.slowest_cursor() == 3

    asyncio.run(run())


def test_the_order_of_a_visitor_holds_among_retried_and_new_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are brought back at a time: letters in their order, later events behind, one at a time."""
    monkeypatch.setattr(books, "LETTERS_MAX", 7)
    monkeypatch.setattr(orders, "STEP_LETTERS_MAX", 5)

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create(concurrency=8)
            mood.refused = {"a", "b"}
            scene.visit(*"aabbc" * 20)
            async with a_courier(scene.data_dir):
                await eventually(lambda: len(seqs(scene, hook)) == 80)
                mood.refused, mood.busy = set(), {"b"}
                order = give(scene, hook, RetryLetters())
                await eventually(lambda: is_done(scene, order))
                await eventually(lambda: any(delivery(scene, hook, seq).attempts > 1 for seq in (3, 4)))
                scene.visit(*"aabbc" * 4)
                await eventually(lambda: scene.summary(hook).cursor == 120)
                mood.busy = set()
                await eventually(lambda: len(scene.sent()) == 120)
            assert len(set(scene.sent())) == 120
            old = [id_ for id_ in scene.sent() if int(id_.rpartition("-")[2]) <= 100]
            new = [id_ for id_ in scene.sent() if int(id_.rpartition("-")[2]) > 100]
            assert all(in_order(part, visitor) for part in (old, new) for visitor in "abc")

    asyncio.run(run())


def test_an_order_is_carried_out_once(tmp_path: Path) -> None:
    """A restart, and a catalog that is older or newer than the deliveries, do not repeat it."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create()
            mood.refused = {"a"}
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [1])
                order = give(scene, hook, RetryLetters())
                await eventually(lambda: delivery(scene, hook, 1).attempts == 2)
                await eventually(lambda: is_done(scene, order))
            mood.refused = set()
            connection = scene.shop.catalog._connection
            for number in (0, 10):
                connection.execute("UPDATE delivery_order SET number = number + ?", (number,))
                async with a_courier(scene.data_dir):
                    scene.visit("b")
                    await eventually(lambda: len(scene.sent()) == scene.head() - 1)
            connection.execute("DELETE FROM delivery_order")
            connection.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'delivery_order'")
            async with a_courier(scene.data_dir):
                give(scene, hook, RetryLetters())
                await eventually(lambda: scene.sent() == ["b-2", "b-3", "a-1"])
            assert len(scene.receiver.arrivals) == 5

    asyncio.run(run())


def test_an_order_that_nobody_took_for_a_month_lapses(tmp_path: Path) -> None:
    """It says so, and does nothing."""

    async def run() -> None:
        mood = Mood()
        async with a_scene(tmp_path, mood.receiver()) as scene:
            hook = scene.create()
            mood.refused = {"a"}
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: seqs(scene, hook) == [1])
            order = give(scene, hook, DropLetters())
            scene.shop.catalog._connection.execute(
                "UPDATE delivery_order SET created_ms = created_ms - 31 * 86400000"
            )
            async with a_courier(scene.data_dir):
                await eventually(lambda: is_done(scene, order))
            state = scene.door.order(order)
            assert state is not None
            assert state.problem == "the courier did not run for 30 days after it was given"
            assert seqs(scene, hook) == [1]

    asyncio.run(run())
