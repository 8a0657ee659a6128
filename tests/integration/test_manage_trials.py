"""Destinations tried out by the API: one real send, past the queue."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixelwire.deliver.state import Deliveries
from pixelwire.manage import trials
from pixelwire.testing.check_destination import Behaviour
from support import moody as moods
from support.asgi import Answer, Api
from support.catalogs import Shop, make_shop
from support.events import make_event, record
from support.moody import moody
from support.receiver import Receiver, ReceiverThread
from support.waiting import wait_until


class Trying(Api):
    """One business with a pixel and two events."""

    shop: Shop

    def make(self, kind: str, shop: Shop | None = None, **given: Any) -> str:
        """A destination's path."""
        owner = (shop or self.shop).business.id
        made = self.catalog.create_destination(
            owner, kind, f"{kind} {given}", given.pop("options", {}), **given
        )
        return f"/api/v1/businesses/{owner}/destinations/{made.id}"

    def hook(self, receiver: Receiver, **given: Any) -> str:
        options = {"url": receiver.url, "allow_private_addresses": True, **given.pop("options", {})}
        return self.make("webhook", options=options, **given)

    def tried(self, path: str, body: Any = None) -> Any:
        answer = self.post(f"{path}/test", body)
        assert answer.status == 200, answer.body
        return answer.json()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Trying]:
    with Trying(tmp_path) as api:
        api.shop = make_shop(tmp_path)
        number = api.shop.pixel.number
        record(tmp_path, [make_event(number, message_id="m1", payload={"messageId": "m1", "userId": "u1"})])
        yield api


def test_a_made_event_says_that_it_is_a_test(api: Trying) -> None:
    """By its id and in its payload; with the destination's transforms, whatever its filters say."""
    with ReceiverThread() as receiver:
        path = api.hook(
            receiver,
            options={"headers": {"Authorization": "Bearer header-secret"}},
            filters={"calls": ["page"]},
            transforms=[{"remove": ["channel"]}],
        )
        done = api.tried(path)
        [arrival] = receiver.arrivals
    assert {**done, "took_ms": 0, "message_id": ""} == {
        "outcome": "sent",
        "reason": None,
        "advice": None,
        "took_ms": 0,
        "message_id": "",
    }
    payload = msgspec.json.decode(arrival.body)
    assert arrival.message_id == payload["messageId"] == done["message_id"]
    assert done["message_id"].startswith("pixelwire-test-")
    assert (payload["context"]["test"], payload["properties"]["test"]) == (True, True)
    assert "channel" not in payload
    assert arrival.headers["X-Pixelwire-Pixel-Id"] == api.shop.pixel.id
    assert arrival.headers["Authorization"] == "Bearer header-secret"


def test_a_stored_event_goes_as_the_courier_would_send_it(api: Trying) -> None:
    """Byte for byte, under its own id; or not at all, where a filter keeps it back."""
    body = {"pixel_id": api.shop.pixel.id, "message_id": "m1"}
    with ReceiverThread() as receiver:
        assert api.tried(api.hook(receiver), body)["outcome"] == "sent"
        done = api.tried(api.hook(receiver, filters={"calls": ["track"]}), body)
        [arrival] = receiver.arrivals
    receipt = api.get(f"/api/v1/pixels/{api.shop.pixel.id}/events/m1").json()
    assert msgspec.json.decode(arrival.body) == receipt["payload"]
    assert (done["outcome"], done["reason"], done["message_id"]) == ("filtered", "call is page", "m1")


def test_nothing_is_written_down(api: Trying) -> None:
    """Neither the destination's place nor a receipt changes."""
    with ReceiverThread() as receiver:
        path = api.hook(receiver)
        before = api.get(path).json()
        api.tried(path, {"pixel_id": api.shop.pixel.id, "message_id": "m1"})
    assert api.get(path).json() == before
    door = Deliveries(api.data_dir)
    assert door.summary() == []
    door.close()


def test_what_went_wrong_is_told_with_what_to_do(api: Trying) -> None:
    """In 200: the test was made. No secret is in it."""
    with ReceiverThread() as receiver:
        path = api.hook(receiver)
        told = {}
        for behaviour in (Behaviour.IS_BUSY, Behaviour.REFUSES, Behaviour.LOCKS_OUT):
            receiver._behaviour = behaviour
            told[behaviour.name] = api.tried(path)
    told["gone"] = api.tried(path)
    assert {name: done["outcome"] for name, done in told.items()} == {
        "IS_BUSY": "retry",
        "REFUSES": "refused",
        "LOCKS_OUT": "misconfigured",
        "gone": "unreachable",
    }
    assert all(done["reason"] and done["advice"] for done in told.values())
    assert "path-secret" not in str(told)


def test_a_private_address_is_refused_here_too(api: Trying) -> None:
    """Unless the option or the server's setting allows it."""
    with ReceiverThread() as receiver:
        path = api.make("webhook", options={"url": receiver.url})
        done = api.tried(path)
        assert (done["outcome"], receiver.arrivals) == ("misconfigured", [])
        assert "private address" in done["reason"]
        with Api(api.data_dir, allow_private_destinations=True) as other:
            assert other.post(f"{path}/test").json()["outcome"] == "sent"


def test_an_event_that_is_not_there_is_refused(api: Trying) -> None:
    """400 for a pixel that the destination does not cover, 404 for the event itself."""
    path = api.make("webhook", options={"url": "http://127.0.0.1:9/"})
    for body, status, field in [
        ({"pixel_id": "0" * 32}, 400, "pixel_id"),
        ({"nonsense": 1}, 400, "nonsense"),
        ({"message_id": "m2"}, 404, "no pixel of the destination has a stored event of this id"),
        ({"pixel_id": api.shop.pixel.id, "message_id": ""}, 404, None),
    ]:
        answer = api.post(f"{path}/test", body)
        assert answer.status == status
        assert field in (*answer.fields, None)


def test_a_business_without_a_pixel_can_test_too(api: Trying) -> None:
    """And one that lost a transform's function hears of that."""
    bare = api.catalog.create_business("Bare")
    with ReceiverThread() as receiver:
        options = {"url": receiver.url, "allow_private_addresses": True}
        made = api.catalog.create_destination(bare.id, "webhook", "Hook", options)
        path = f"/api/v1/businesses/{bare.id}/destinations/{made.id}"
        assert api.tried(path)["outcome"] == "sent"
        api.catalog.change_destination(made.id, transforms=[{"function": "lost"}])
        done = api.tried(path)
    assert done["outcome"] == "misconfigured"
    assert "lost" in done["reason"]


# -- Bounds ----------------------------------------------------------------------------------------


def one_too_many(api: Trying, under_way: list[str], further: str) -> list[Answer]:
    """The answers to tests that are under way at once, and to a further one that is asked for then."""
    office = api.app.state.office

    async def run() -> list[Answer]:
        asked = [asyncio.ensure_future(api.ask("POST", f"{path}/test")) for path in under_way]
        while office.trials._threads < len(under_way):
            await asyncio.sleep(0.01)
        refused = await api.ask("POST", f"{further}/test")
        assert (await api.ask("GET", "/healthz")).status == 200
        moods.released.set()
        return [*await asyncio.gather(*asked), refused]

    answers: list[Answer] = api.run(asyncio.wait_for(run(), 20))
    return answers


def test_a_business_tests_one_at_a_time(api: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next is a conflict until the first has its answer; another business is not kept waiting."""
    moody(monkeypatch)
    options = {"mood": "blocks"}
    own = api.make("moody", options=options)
    others = api.make("moody", make_shop(api.data_dir, "B"), options=options)
    answers = one_too_many(api, [own, others], own)
    assert [answer.status for answer in answers] == [200, 200, 409]
    assert api.tried(own)["outcome"] == "refused"


def test_the_server_tests_few_at_a_time(api: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    """What blocks holds a thread: their number is bounded, and everything else is answered meanwhile."""
    moody(monkeypatch)
    monkeypatch.setattr(trials, "TRIALS_MAX", 2)
    options = {"mood": "blocks"}
    paths = [api.make("moody", make_shop(api.data_dir, name), options=options) for name in "ABC"]
    first, second, third = one_too_many(api, paths[:2], paths[2])
    assert [first.status, second.status, third.status] == [200, 200, 503]
    assert third.json()["error_codes"][0]["code"] == "tests_busy"
    assert third.headers["retry-after"] == "1"
    wait_until(lambda: _ended(api), 10.0, "the threads have ended")
    assert api.tried(paths[2])["outcome"] == "refused"


def test_a_destination_that_blocks_is_given_up(api: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer says so; its thread counts until it ends."""
    moody(monkeypatch)
    monkeypatch.setattr(trials, "ANSWER_S_MAX", 0.1)
    path = api.make("moody", options={"mood": "blocks"})
    done = api.tried(path)
    assert (done["outcome"], api.app.state.office.trials._threads) == ("fault", 1)
    moods.released.set()
    wait_until(lambda: _ended(api), 10.0, "the thread has ended")


def _ended(api: Trying) -> bool:
    api.get("/healthz")  # the event loop of the test runs only while it is asked something
    return bool(api.app.state.office.trials._threads == 0)
