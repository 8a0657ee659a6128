"""Retention as owners see it: lists that do not skip silently, receipts, metrics, readiness."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelwire.catalog.pixels import Pixel
from pixelwire.clock import DAY_MS
from pixelwire.record.retention import RetentionLimits
from support.asgi import Api
from support.catalogs import make_shop
from support.keeping import START_MS, deliver_to, fill_days, retention, run

SOFT = RetentionLimits(age_ms=4 * DAY_MS)
HARD = RetentionLimits(hard_bytes_max=1)


class Shop(Api):
    """Ten days of events, three a day, of its one pixel."""

    pixel: Pixel
    destination: str

    @property
    def events(self) -> str:
        return f"/api/v1/pixels/{self.pixel.id}/events"

    def check(self, name: str) -> dict[str, str]:
        return next(check for check in self.get("/readyz").json()["checks"] if check["name"] == name)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api:
        made = make_shop(tmp_path)
        api.pixel = made.pixel
        api.destination = made.catalog.create_destination(
            made.business.id, "webhook", "hook", {"url": "http://127.0.0.1:9/"}
        ).id
        fill_days(tmp_path, 10)
        yield api


def test_a_list_says_which_events_are_gone(shop: Shop) -> None:
    """In the answer and in a header, and only where something is missed."""
    deliver_to(shop.data_dir, 30, shop.destination)
    run(retention(shop.data_dir, SOFT))
    answer = shop.get(shop.events, after=4, limit=2)
    assert answer.json()["missed"] == {"first": 5, "last": 15}
    assert answer.headers["x-pixelwire-missed"] == "5-15"
    assert [event["seq"] for event in answer.json()["events"]] == [16, 17]
    answer = shop.get(shop.events, after=15, limit=2)
    assert "missed" not in answer.json()
    assert "x-pixelwire-missed" not in answer.headers


def test_an_event_past_retention_has_no_receipt(shop: Shop) -> None:
    """It was removed after everybody had it: 404, as the contract says."""
    deliver_to(shop.data_dir, 30, shop.destination)
    run(retention(shop.data_dir, SOFT))
    answer = shop.get(f"{shop.events}/e1")
    assert answer.status == 404
    assert "past retention" in answer.json()["messages"][0]


def test_an_expired_event_keeps_a_receipt(shop: Shop) -> None:
    """Without its payload, and with `expired` for the destination that did not get it."""
    deliver_to(shop.data_dir, 4, shop.destination)
    run(retention(shop.data_dir, HARD))
    answer = shop.get(f"{shop.events}/e5")
    receipt = answer.json()
    assert (answer.status, receipt["seq"], receipt["message_id"]) == (200, 5, "e5")
    assert (receipt["payload"], receipt["facts"], receipt["signal"]) == ({}, {}, "VIEW")
    (delivery,) = receipt["deliveries"]
    assert (delivery["state"], delivery["destination_id"]) == ("expired", shop.destination)
    assert "retention" in delivery["reason"]
    assert shop.get(f"{shop.events}/e4").status == 404, "it was sent before"


def test_metrics_tell_what_was_removed_and_lost(shop: Shop) -> None:
    """Sums, and what holds."""
    deliver_to(shop.data_dir, 4, shop.destination)
    run(retention(shop.data_dir, SOFT))
    text = shop.get("/metrics").body.decode()
    assert 'pixelwire_retention_waiting_state{reason="destination"} 1.0' in text
    assert "pixelwire_retention_removed_events_total 3.0" in text
    run(retention(shop.data_dir, HARD))
    text = shop.get("/metrics").body.decode()
    assert "pixelwire_retention_expired_events_total 23.0" in text
    assert "pixelwire_segments_stored_files 1.0" in text


def test_readiness_warns_while_something_holds(shop: Shop) -> None:
    """A destination, or the clock; the server stays ready."""
    deliver_to(shop.data_dir, 4, shop.destination)
    run(retention(shop.data_dir, SOFT))
    assert shop.check("retention")["state"] == "warning"
    assert "destination" in shop.check("retention")["reason"]
    deliver_to(shop.data_dir, 30, shop.destination)
    run(retention(shop.data_dir, SOFT))
    assert shop.check("retention")["state"] == "ok"
    fill_days(shop.data_dir, 1, first_ms=START_MS + 100 * DAY_MS)
    deliver_to(shop.data_dir, 33, shop.destination)
    run(retention(shop.data_dir, SOFT))
    assert "pixelwire retention confirm" in shop.check("retention")["reason"]


def test_counts_outlive_retention(shop: Shop) -> None:
    """Get pixel's and our own are as before."""
    days = {"from": "2024-10-04", "to": "2024-10-13"}
    path = f"/api/v1/pixels/{shop.pixel.id}/counts"
    before = shop.get(path, by="day", **days).json()
    assert sum(row["count"] for row in before["counts"]) == 30
    deliver_to(shop.data_dir, 30, shop.destination)
    run(retention(shop.data_dir, SOFT))
    assert json.dumps(shop.get(path, by="day", **days).json()) == json.dumps(before)


def test_desks_let_go_of_what_was_removed(shop: Shop) -> None:
    """Open files keep their room on the disk, also at a desk where nobody sits."""
    for _ in range(8):
        shop.get(f"{shop.events}/none")
    deliver_to(shop.data_dir, 30, shop.destination)
    run(retention(shop.data_dir, SOFT))
    assert deleted_files(shop.data_dir)
    shop.app.state.office.desks.tidy()
    assert deleted_files(shop.data_dir) == []


def deleted_files(data_dir: Path) -> list[str]:
    """Files of this process that have no name any more."""
    targets = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [target for target in targets if target.startswith(str(data_dir)) and target.endswith("(deleted)")]
