"""The courier sends what its destination's owner declared: only that, and in that shape."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from pixelwire.catalog.destinations import Destination
from pixelwire.deliver.loop import Loop
from pixelwire.destinations.webhook import Webhook
from pixelwire.event import Call, Signal
from support.delivery import Scene, a_courier, a_scene, eventually
from support.events import make_event, record
from support.receiver import Answer, Receiver

PURCHASES = {"calls": ["track"], "conditions": [{"path": "properties.price", "at_least": 5}]}
HASHED = [
    {"cast": {"properties.price": "number"}},
    {"hash": {"paths": ["traits.email"], "kind": "email"}},
    {"remove": ["context"]},
]


def order(scene: Scene, visitor: str, price: str) -> None:
    """Puts one track event on disk."""
    payload = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"{visitor}-{scene.head() + 1}",
        "anonymousId": visitor,
        "properties": {"price": price},
        "traits": {"email": " Ann@Example.org "},
        "context": {"ip": "203.0.113.0"},
    }
    event = make_event(
        scene.number_of(scene.shop.pixel), call=Call.TRACK, name="Order Completed", signal=Signal.PURCHASE
    )
    record(scene.data_dir, [event._replace(payload=msgspec.json.encode(payload))])


def declare(scene: Scene, destination: Destination, **routing: Any) -> None:
    scene.shop.catalog.change_destination(destination.id, **routing)


def bodies(scene: Scene) -> list[dict[str, Any]]:
    return [msgspec.json.decode(arrival.body) for arrival in scene.receiver.arrivals if arrival.status == 200]


def test_only_what_passes_the_filters_is_sent_in_the_shape_declared(tmp_path: Path) -> None:
    """Receipts say why the others were not; a cast that fails is counted and its text kept."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            declare(scene, hook, filters=PURCHASES, transforms=HASHED)
            scene.visit("a")
            order(scene, "a", "4.99")
            order(scene, "a", "9.50")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 3) == "sent")
                await eventually(lambda: scene.summary(hook).cursor == 3)
            [body] = bodies(scene)
            assert body["properties"] == {"price": 9.5}
            assert body["traits"]["email"] not in ("", " Ann@Example.org ")
            assert len(body["traits"]["email"]) == 64
            assert "context" not in body
            assert body["messageId"] == "a-3"
            first, second = (scene.door.of_event([hook.id], seq)[0] for seq in (1, 2))
            assert (first.state, first.reason) == ("filtered", "call is page")
            assert second.state == "filtered"
            assert "properties.price" in second.reason
            summary = scene.summary(hook)
            assert (summary.sent_total, summary.filtered_total, summary.failed_casts_total) == (1, 2, 0)

    asyncio.run(run())


def test_a_restart_filters_nothing_twice(tmp_path: Path) -> None:
    """What was passed by stays passed, also where the cursor waits for an event before it."""
    taken = {"status": 503}

    def answer(request: web.Request, body: bytes) -> Answer:
        return web.Response(status=taken["status"])

    async def run() -> None:
        async with a_scene(tmp_path, Receiver(answer)) as scene:
            hook = scene.create()
            declare(scene, hook, filters={"calls": ["track"]})
            order(scene, "a", "1")
            scene.visit("b", "c")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 3) == "filtered")
            async with a_courier(scene.data_dir):
                taken["status"] = 200
                await eventually(lambda: scene.event_state(hook, 1) == "sent")
                await eventually(lambda: scene.summary(hook).cursor == 3)
            assert scene.summary(hook).filtered_total == 2

    asyncio.run(run())


def test_changed_filters_hold_for_what_waits_too(tmp_path: Path) -> None:
    """An event that was parked under other rules is held back when its turn comes."""

    def answer(request: web.Request, body: bytes) -> Answer:
        return web.Response(status=503 if b'"page"' in body else 200)

    async def run() -> None:
        async with a_scene(tmp_path, Receiver(answer)) as scene:
            hook = scene.create()
            scene.visit("a")
            order(scene, "b", "1")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 1) == "retrying")
                await eventually(lambda: scene.event_state(hook, 2) == "sent")
                declare(scene, hook, filters={"calls": ["track"]})
                await eventually(lambda: scene.event_state(hook, 1) == "filtered")
            assert scene.summary(hook).parked == 0

    asyncio.run(run())


def test_an_event_that_can_not_be_brought_into_shape_is_a_dead_letter(tmp_path: Path) -> None:
    """With the stored payload and the reason; the others go on, and nothing of it was sent."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            declare(scene, hook, transforms=[{"rename": {"event": "name"}}])
            number = scene.number_of(scene.shop.pixel)
            record(scene.data_dir, [make_event(number)._replace(payload=b"[1]")])
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.event_state(hook, 2) == "sent")
                await eventually(lambda: scene.event_state(hook, 1) == "dead")
            [letter] = scene.door.dead_letters(hook.id)
            found = scene.door.dead_letter(hook.id, letter.number)
            assert found is not None
            assert found[1] == b"[1]"
            assert letter.attempts == 0
            assert letter.reason
            assert len(bodies(scene)) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("transforms", "reason"),
    [([{"function": "no_such_function"}], "no_such_function"), ([{"renam": {}}], "routing is not valid")],
)
def test_a_declaration_that_can_not_be_done_pauses_the_destination(
    tmp_path: Path, transforms: list[dict[str, Any]], reason: str
) -> None:
    """Nothing is sent in another shape, and nothing dies; when it is mended all goes."""

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            declare(scene, hook, transforms=transforms)
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "paused")
                assert reason in scene.summary(hook).reason
                declare(scene, hook, transforms=[])
                await eventually(lambda: scene.event_state(hook, 1) == "sent")
            assert scene.summary(hook).dead_total == 0

    asyncio.run(run())


def test_a_down_destination_is_not_probed_with_what_does_not_go(tmp_path: Path) -> None:
    """An event that its sample leaves out says nothing of the target; the next one tells."""
    taken = {"status": 503}

    def answer(request: web.Request, body: bytes) -> Answer:
        return web.Response(status=taken["status"])

    async def run() -> None:
        async with a_scene(tmp_path, Receiver(answer)) as scene:
            hook = scene.create(concurrency=2)
            declare(scene, hook, transforms=[{"sample": {"percent": 50}}])
            scene.visit(*(f"v{number}" for number in range(40)))
            async with a_courier(scene.data_dir):
                await eventually(lambda: scene.state(hook) == "down")
                taken["status"] = 200
                await eventually(lambda: scene.summary(hook).cursor == 40)
                await eventually(lambda: scene.summary(hook).parked == 0)
            summary = scene.summary(hook)
            assert summary.sent_total + summary.filtered_total == 40
            assert summary.filtered_total > 5
            assert summary.sent_total > 5

    asyncio.run(run())


def test_a_change_while_it_opens_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destination may take its time to open; what its owner changes meanwhile holds for what it sends."""
    opening, may_open, told = asyncio.Event(), asyncio.Event(), asyncio.Event()
    opened, stop = Webhook.open, Loop.stop

    def stop_and_tell(self: Loop) -> None:
        stop(self)
        told.set()

    async def slowly(self: Webhook) -> None:
        opening.set()
        await may_open.wait()
        await opened(self)

    monkeypatch.setattr(Webhook, "open", slowly)
    monkeypatch.setattr(Loop, "stop", stop_and_tell)

    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            hook = scene.create()
            scene.visit("a")
            async with a_courier(scene.data_dir):
                await asyncio.wait_for(opening.wait(), 10)
                declare(scene, hook, transforms=[{"set": {"properties.late": "yes"}}])
                order(scene, "b", "1")
                await asyncio.wait_for(told.wait(), 10)
                may_open.set()
                await eventually(lambda: scene.event_state(hook, 2) == "sent")
            assert {body["properties"]["late"] for body in bodies(scene)} == {"yes"}

    asyncio.run(run())
