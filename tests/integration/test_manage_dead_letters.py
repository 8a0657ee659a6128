"""Dead letters by our own API, over real files and with a real courier."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.asgi import Answer, Api
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.receiver import Answer as Reply
from support.receiver import ReceiverThread
from support.waiting import wait_until

WAIT_S = 15.0


class Shop(Api):
    """A destination with dead letters."""

    path: str
    pixel: str

    def letters(self, **query: Any) -> list[Any]:
        return list(self.get(self.path, **query).json()["dead_letters"])


class Refusing:
    """A receiver's answers: 422 with the event's number for everything, until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False

    def __call__(self, request: web.Request, body: bytes) -> Reply:
        number = request.headers["X-Pixelwire-Message-Id"]
        return web.Response(status=200) if self.is_mended else web.Response(status=422, text=f"no {number}")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api:
        api.use_token("admin")
        yield api


@pytest.fixture
def refusing(api: Shop, tmp_path: Path) -> Iterator[Refusing]:
    """Five events, refused, with the courier running."""
    decide = Refusing()
    shop = make_shop(tmp_path)
    record(tmp_path, [make_event(shop.pixel.number, message_id=f"m-{n}", anonymous_id="a") for n in range(5)])
    with ReceiverThread(decide) as receiver:
        options = {"url": receiver.url, "allow_private_addresses": True}
        hook = shop.catalog.create_destination(shop.business.id, "webhook", "Hook", options)
        api.path = f"/api/v1/businesses/{shop.business.id}/destinations/{hook.id}/dead-letters"
        api.pixel = shop.pixel.id
        with courier(tmp_path):
            wait_until(lambda: len(api.letters()) == 5, WAIT_S, "all refused")
            yield decide
    shop.catalog.close()


def test_letters_are_listed_in_pages_and_shown(api: Shop, refusing: Refusing) -> None:
    """With why, when and how often; by their reason; the payload only of one."""
    page = api.get(api.path, limit=3).json()
    assert [letter["message_id"] for letter in page["dead_letters"]] == ["m-0", "m-1", "m-2"]
    rest = api.get(api.path, limit=3, after=page["next_after"]).json()
    assert [letter["message_id"] for letter in rest["dead_letters"]] == ["m-3", "m-4"]
    assert rest["next_after"] is None
    [found] = api.letters(reason="NO M-3")
    assert (found["seq"], found["attempts"], found["state"], found["pixel_id"]) == (4, 1, "dead", api.pixel)
    assert found["reason"] == "answered 422 Unprocessable Entity: no m-3"
    whole = api.get(f"{api.path}/{found['number']}").json()
    assert whole.pop("payload") == {"type": "page", "anonymousId": "a", "messageId": "m-3"}
    assert whole == found


def test_one_and_some_and_all_are_retried(api: Shop, refusing: Refusing) -> None:
    """Each order says how many it concerns; when the other side is mended, they arrive."""
    refusing.is_mended = True
    first, *_ = api.letters()
    answer = api.post(f"{api.path}/{first['number']}/retry")
    assert (answer.status, answer.json()["letters"]) == (202, 1)
    wait_until(lambda: len(api.letters()) == 4, WAIT_S, "one arrived")
    assert api.post(f"{api.path}/retry", {"reason": "no m-4"}).json()["letters"] == 1
    wait_until(lambda: len(api.letters()) == 3, WAIT_S, "another arrived")
    assert api.post(f"{api.path}/retry", {"all": True}).json()["letters"] == 3
    wait_until(lambda: not api.letters(), WAIT_S, "all arrived")
    receipt = api.get(f"/api/v1/pixels/{api.pixel}/events/m-3").json()["deliveries"][0]
    assert (receipt["state"], receipt["attempts"]) == ("sent", 2)


def test_letters_are_dropped(api: Shop, refusing: Refusing) -> None:
    """One, and those of a time; the receipt tells."""
    refusing.is_mended = True
    first, *rest = api.letters()
    assert api.delete(f"{api.path}/{first['number']}").status == 202
    wait_until(lambda: len(api.letters()) == 4, WAIT_S, "one dropped")
    assert api.delete(f"{api.path}/{first['number']}").status == 404
    receipt = api.get(f"/api/v1/pixels/{api.pixel}/events/m-0").json()["deliveries"][0]
    assert receipt["state"] == "dead"
    assert receipt["reason"].startswith("dropped by its owner: answered 422")
    answer = api.post(f"{api.path}/drop", {"from": rest[0]["died_at"], "to": "2999-01-01T00:00:00+01:00"})
    assert answer.json()["letters"] == 4
    wait_until(lambda: not api.letters(), WAIT_S, "all dropped")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "all"),
        ({"all": False}, "all"),
        ({"all": True, "reason": "x"}, "all"),
        ({"reason": ""}, "reason"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-23T00:00:00"}, "from"),
        ({"to": "0001-01-01T00:00:00+23:00", "from": "9999-12-31T23:59:59-23:00"}, "from"),
        ({"from": "2026-01-23T00:00:00Z", "to": "2026-01-23T00:00:00Z"}, "from"),
        ({"every": True}, "every"),
    ],
)
def test_an_order_says_which(api: Shop, refusing: Refusing, body: Any, field: str) -> None:
    """All, or what they have in common; anything else is refused by its field."""
    for verb in ("retry", "drop"):
        answer = api.post(f"{api.path}/{verb}", body)
        assert (answer.status, answer.fields) == (400, [field])
    assert len(api.letters()) == 5


def test_what_is_not_there_is_not_found(api: Shop, refusing: Refusing) -> None:
    """A number without a letter; no number at all; a destination of no business here."""

    def asked(path: str) -> list[Answer]:
        return [api.get(path), api.post(f"{path}/retry"), api.delete(path)]

    assert {answer.status for answer in asked(f"{api.path}/999")} == {404}
    assert {answer.status for answer in asked(f"{api.path}/{2**63}")} == {400}
    assert {answer.status for answer in asked(f"{api.path}/first")} == {404}


def test_what_is_being_sent_again_is_neither_retried_nor_dropped(api: Shop, refusing: Refusing) -> None:
    """409, for as long as it lasts."""
    destination = api.path.split("/")[-2]
    api.catalog.change_destination(destination, is_enabled=False)
    number = api.letters()[0]["number"]
    assert api.post(f"{api.path}/{number}/retry").status == 202
    wait_until(lambda: api.letters()[0]["state"] == "retrying", WAIT_S, "the order is taken")
    assert api.post(f"{api.path}/{number}/retry").status == 409
    assert api.delete(f"{api.path}/{number}").status == 409
    assert api.post(f"{api.path}/drop", {"all": True}).json()["letters"] == 4
    wait_until(lambda: len(api.letters()) == 1, WAIT_S, "the others are dropped")
