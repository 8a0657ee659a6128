"""Replays by our own API, over real files and with a real courier."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire.clock import DAY_MS
from pixelwire.times import iso_ms
from support.asgi import Api
from support.catalogs import make_shop
from support.couriers import courier
from support.events import Call, make_event, record
from support.receiver import Receiver, ReceiverThread
from support.waiting import wait_until

WAIT_S = 15.0
START_MS = 20_000 * DAY_MS


class Shop(Api):
    """A destination that has had ten events, a day apart: pages, and tracks on even days."""

    data_dir: Path
    path: str
    pixel: str
    receiver: Receiver

    def start(self, first: int, last: int, **more: Any) -> Any:
        """Of the events from one to another."""
        body = {"from": iso_ms(START_MS + first * DAY_MS), "to": iso_ms(START_MS + last * DAY_MS + 1), **more}
        return self.post(self.path, body)

    def replay(self, replay_id: str) -> Any:
        return self.get(f"{self.path}/{replay_id}").json()

    def is_done(self, replay_id: str) -> bool:
        return bool(self.replay(replay_id)["state"] == "done")

    def sent(self) -> list[str]:
        return sorted(arrival.message_id for arrival in self.receiver.arrivals)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api, ReceiverThread() as receiver:
        shop = make_shop(tmp_path)
        api.use_token("write", shop.business.id)
        api.receiver, api.pixel, api.data_dir = receiver, shop.pixel.id, tmp_path
        for day in range(10):
            call = Call.PAGE if day % 2 else Call.TRACK
            event = make_event(
                shop.pixel.number, call=call, message_id=f"m-{day}", received_ms=START_MS + day * DAY_MS
            )
            record(tmp_path, [event])
        options = {"url": receiver.url, "allow_private_addresses": True}
        hook = shop.catalog.create_destination(shop.business.id, "webhook", "Hook", options)
        api.path = f"/api/v1/businesses/{shop.business.id}/destinations/{hook.id}/replays"
        shop.catalog.close()
        yield api


@pytest.fixture
def delivered(api: Shop) -> Iterator[Shop]:
    """With the courier running, after it sent everything."""
    with courier(api.data_dir):
        wait_until(lambda: len(api.receiver.arrivals) == 10, WAIT_S, "all sent")
        api.receiver.arrivals.clear()
        yield api


def test_a_dry_run_counts_and_sends_nothing(delivered: Shop) -> None:
    """By time, pixel and filters, with the first and the last."""
    answer = delivered.start(2, 6, dry_run=True)
    assert (answer.status, answer.json()) == (
        200,
        {
            "events": 5,
            "at_least": False,
            "filtered": 0,
            "first": {"seq": 3, "received_at": iso_ms(START_MS + 2 * DAY_MS)},
            "last": {"seq": 7, "received_at": iso_ms(START_MS + 6 * DAY_MS)},
        },
    )
    of_tracks = delivered.start(2, 6, dry_run=True, filters={"calls": ["track"]}).json()
    assert (of_tracks["events"], of_tracks["first"]["seq"], of_tracks["last"]["seq"]) == (3, 3, 7)
    assert delivered.start(2, 6, dry_run=True, pixel_ids=[delivered.pixel]).json()["events"] == 5
    assert delivered.start(20, 30, dry_run=True).json()["first"] is None
    assert delivered.get(delivered.path).json() == {"replays": []}
    assert delivered.receiver.arrivals == []


def test_a_dry_run_knows_the_destinations_own_filters(delivered: Shop) -> None:
    """What they keep out is counted apart."""
    destination = delivered.path.removesuffix("/replays")
    delivered.patch(destination, {"filters": {"calls": ["page"]}})
    counted = delivered.start(0, 9, dry_run=True).json()
    assert (counted["events"], counted["filtered"]) == (5, 5)


def test_a_replay_is_started_followed_and_listed(delivered: Shop) -> None:
    """From its order to its end; its events arrive once more, and their receipts tell."""
    answer = delivered.start(2, 6, filters={"calls": ["track"]})
    made = answer.json()
    assert (answer.status, made["state"], made["reason"]) == (
        201,
        "waiting",
        "the server has not taken it yet",
    )
    assert (made["first_seq"], made["last_seq"], made["progress"]) == (3, 7, 0.0)
    wait_until(lambda: delivered.is_done(made["id"]), WAIT_S, "done")
    done = delivered.replay(made["id"])
    assert delivered.sent() == ["m-2", "m-4", "m-6"]
    assert (done["sent"], done["dead"], done["cursor"], done["progress"]) == (3, 0, 7, 1.0)
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    assert done["sent_per_s"] > 0
    assert {name: done[name] for name in ("from", "to", "filters", "pixel_ids")} == {
        "from": iso_ms(START_MS + 2 * DAY_MS),
        "to": iso_ms(START_MS + 6 * DAY_MS + 1),
        "filters": {"calls": ["track"]},
        "pixel_ids": None,
    }
    assert delivered.get(delivered.path).json()["replays"] == [done]
    [delivery] = delivered.get(f"/api/v1/pixels/{delivered.pixel}/events/m-4").json()["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("sent", 1)
    [told] = delivery["replays"]
    assert (told["replay_id"], told["state"], told["attempts"]) == (made["id"], "sent", 1)
    assert told["at"] > delivery["at"]
    [other] = delivered.get(f"/api/v1/pixels/{delivered.pixel}/events/m-3").json()["deliveries"]
    assert other["replays"] == []


def test_a_replay_that_waits_is_shown_and_cancelled(api: Shop) -> None:
    """Also while the courier does not run; then it never begins."""
    first, second = (api.start(0, day).json() for day in (3, 5))
    assert [replay["id"] for replay in api.get(api.path).json()["replays"]] == [second["id"], first["id"]]
    answer = api.post(f"{api.path}/{second['id']}/cancel")
    assert (answer.status, answer.json()["state"]) == (202, "waiting")
    with courier(api.data_dir):
        wait_until(lambda: api.is_done(first["id"]), WAIT_S, "the first is done")
        wait_until(lambda: api.replay(second["id"])["state"] == "cancelled", WAIT_S, "cancelled")
        wait_until(lambda: len(api.receiver.arrivals) == 14, WAIT_S, "the destination has all")
    assert api.post(f"{api.path}/{second['id']}/cancel").status == 409
    assert api.post(f"{api.path}/{first['id']}/cancel").status == 409
    assert api.replay(second["id"])["sent"] == 0


def test_without_an_end_it_goes_up_to_now(delivered: Shop) -> None:
    """Events of a clock that is ahead are left out."""
    answer = delivered.post(delivered.path, {"from": iso_ms(0)})
    assert (answer.status, answer.json()["to"]) == (201, "2026-01-23T04:56:07.090Z")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["from"]),
        ({"from": "yesterday", "to": 7}, ["from", "to"]),
        ({"from": "2026-01-23T00:00:00Z", "to": "2026-01-23T00:00:00Z"}, ["from"]),
        ({"from": "1999-01-01T00:00:00Z", "to": "1999-01-02T00:00:00Z"}, ["from"]),
        ({"from": "2000-01-01T00:00:00Z", "filters": {"calls": ["screen"]}}, ["filters.calls"]),
        ({"from": "2000-01-01T00:00:00Z", "pixel_ids": ["0" * 32]}, ["pixel_ids"]),
        ({"from": "2000-01-01T00:00:00Z", "until": "2000-01-01T00:00:00Z"}, ["until"]),
    ],
)
def test_what_can_not_be_replayed_is_refused_by_its_field(api: Shop, body: Any, fields: list[str]) -> None:
    """And nothing is ordered."""
    answer = api.post(api.path, body)
    assert (answer.status, answer.fields) == (400, fields)
    assert api.get(api.path).json() == {"replays": []}


def test_what_is_not_there_is_not_found(api: Shop) -> None:
    """A replay, and one of another destination."""
    assert api.get(f"{api.path}/nothing").status == 404
    assert api.post(f"{api.path}/nothing/cancel").status == 404
    made = api.start(0, 1).json()["id"]
    other = api.path.replace(api.path.split("/")[-2], "0b7c3f3a-0000-4000-8000-000000000000")
    assert api.get(f"{other}/{made}").status == 404
