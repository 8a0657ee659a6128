"""Settings, counts, outcomes, write keys and tokens of our own API (wire.md 3), over real files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.pixels import Pixel
from pixelwire.catalog.snapshot import Snapshot
from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.event import DROPPED, RECEIVED, UNHEARD, Call, Signal, Tally
from pixelwire.record.writer import Writer
from pixelwire.times import hour_of
from support.asgi import NOW_MS, Api
from support.catalogs import make_shop
from support.events import make_batch, make_event, record

HOUR = hour_of(NOW_MS)


class Shop(Api):
    """With a pixel."""

    pixel: Pixel

    @property
    def path(self) -> str:
        return f"/api/v1/pixels/{self.pixel.id}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api:
        api.pixel = make_shop(tmp_path).pixel
        yield api


def tally(shop: Shop, *tallies: Tally) -> None:
    writer = Writer.open(shop.data_dir, is_inline=True)
    writer.commit([(7, make_batch(1, [], tallies))])
    writer.close()


# -- Settings --------------------------------------------------------------------------------------


def test_a_pixels_settings_start_with_the_defaults(shop: Shop) -> None:
    """Addresses masked, user agents kept, GPC counted only."""
    answer = shop.get(shop.path)
    body = answer.json()
    assert answer.status == 200
    assert list(body)[:5] == ["id", "business_id", "domain", "name", "dataset_id"]
    assert {name: body[name] for name in ("enabled", "event_rules", "address", "user_agent", "gpc")} == {
        "enabled": True,
        "event_rules": {},
        "address": "masked",
        "user_agent": "full",
        "gpc": "count",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": False},
        {"event_rules": {"Trial Started": "SIGNUP", "Order Completed": None, "ß": "CUSTOM_EVENT_5"}},
        {"event_rules": {}},
        {"address": "none", "user_agent": "none", "gpc": "filter"},
        {},
    ],
)
def test_each_setting_is_changed_alone(shop: Shop, change: dict[str, Any]) -> None:
    """What is not given stays as it is, and workers see it through their snapshot."""
    before = shop.get(shop.path).json()
    after = shop.patch(shop.path, change).json()
    before.pop("updated_at")
    assert {name: value for name, value in after.items() if name != "updated_at"} == before | change
    entry = Snapshot(shop.data_dir).find_key(shop.pixel.id)
    assert entry is not None
    assert (entry.is_enabled, entry.address) == (after["enabled"], after["address"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {"enabled": "yes", "address": "some", "user_agent": 1, "gpc": None},
            ["enabled", "address", "user_agent", "gpc"],
        ),
        ({"event_rules": {"x": "NONSENSE"}}, ["event_rules"]),
        ({"event_rules": {"!!": "LEAD"}}, ["event_rules"]),
        ({"event_rules": {"a b": "LEAD", "A-B": "VIEW"}}, ["event_rules"]),
        ({"event_rules": []}, ["event_rules"]),
        ({"event_rules": {"x": 1}}, ["event_rules.x"]),
        ({"name": "x", "id": "y"}, ["name", "id"]),
    ],
)
def test_every_bad_setting_is_named(shop: Shop, body: Any, fields: list[str]) -> None:
    """And nothing is changed."""
    before = shop.get(shop.path).json()
    answer = shop.patch(shop.path, body)
    assert (answer.status, answer.fields) == (400, fields)
    assert shop.get(shop.path).json() == before


@pytest.mark.parametrize("rest", ["", "/events", "/events/m1", "/counts", "/outcomes", "/write_keys"])
@pytest.mark.parametrize("odd", ["x", "0" * 32, "A" * 32, "%00"])
def test_an_unknown_pixel_is_404_everywhere(shop: Shop, odd: str, rest: str) -> None:
    """Whatever its form."""
    assert shop.get(f"/api/v1/pixels/{odd}{rest}").status == 404


# -- Counts ----------------------------------------------------------------------------------------


def events_of_two_days(shop: Shop) -> None:
    number = shop.pixel.number
    record(
        shop.data_dir,
        [
            make_event(number, signal=Signal.VIEW, received_ms=NOW_MS),
            make_event(number, signal=Signal.VIEW, received_ms=NOW_MS + HOUR_MS),
            make_event(number, signal=Signal.CUSTOM_EVENT_2, call=Call.TRACK, name="B", received_ms=NOW_MS),
            make_event(number, call=Call.TRACK, name="A", received_ms=NOW_MS),
            make_event(number, call=Call.TRACK, name="A", received_ms=NOW_MS - DAY_MS),
            make_event(number + 1, signal=Signal.LEAD, received_ms=NOW_MS),
        ],
    )


def test_signals_are_counted_by_the_hour(shop: Shop) -> None:
    """Every signal, those without one under null; oldest first, then by name."""
    events_of_two_days(shop)
    answer = shop.get(f"{shop.path}/counts").json()
    assert list(answer) == ["from", "to", "by", "group", "counts"]
    assert (answer["from"], answer["to"]) == ("2026-01-17T00:00:00Z", "2026-01-23T23:00:00Z")
    assert answer["counts"] == [
        {"hour": "2026-01-22T04:00:00Z", "signal": None, "count": 1},
        {"hour": "2026-01-23T04:00:00Z", "signal": None, "count": 1},
        {"hour": "2026-01-23T04:00:00Z", "signal": "CUSTOM_EVENT_2", "count": 1},
        {"hour": "2026-01-23T04:00:00Z", "signal": "VIEW", "count": 1},
        {"hour": "2026-01-23T05:00:00Z", "signal": "VIEW", "count": 1},
    ]


def test_names_are_counted_by_the_day(shop: Shop) -> None:
    """Track events only, each under its name."""
    events_of_two_days(shop)
    query = {"from": "2026-01-22", "to": "2026-01-23"}
    answer = shop.get(f"{shop.path}/counts", by="day", group="event", **query).json()
    assert answer["counts"] == [
        {"day": "2026-01-22", "event": "A", "count": 1},
        {"day": "2026-01-23", "event": "A", "count": 1},
        {"day": "2026-01-23", "event": "B", "count": 1},
    ]
    by_day = shop.get(f"{shop.path}/counts", by="day", **query).json()["counts"]
    assert {"day": "2026-01-23", "signal": "VIEW", "count": 2} in by_day


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"by": "week", "group": "x"}, ["by", "group"]),
        ({"from": "2026-01-01"}, ["to"]),
        ({"from": "2026-02-01", "to": "2026-01-01"}, ["from"]),
        ({"from": "2026-01-01", "to": "2026-04-03"}, ["to"]),
        ({"from": "now"}, ["from"]),
    ],
)
def test_every_bad_parameter_of_counts_is_named(shop: Shop, query: dict[str, str], fields: list[str]) -> None:
    """The same rules for days as everywhere."""
    answer = shop.get(f"{shop.path}/counts", **query)
    assert (answer.status, answer.fields) == (400, fields)


# -- Outcomes --------------------------------------------------------------------------------------


def ledger(shop: Shop) -> None:
    number = shop.pixel.number
    tally(
        shop,
        Tally(HOUR, 0, RECEIVED, "", 9),
        Tally(HOUR, number, "stored", "", 3),
        Tally(HOUR, number, "refused", "identity_missing", 2),
        Tally(HOUR, number, DROPPED, "too_deep", 4),
        Tally(HOUR, 0, UNHEARD, "public", 5),
        Tally(HOUR, 0, "refused", "write_key_unknown", 1),
        Tally(HOUR, number + 1, "filtered", "head", 3),
    )


def test_a_pixels_outcomes_are_its_own(shop: Shop) -> None:
    """By hour, outcome and reason; dropped parameters beside them."""
    ledger(shop)
    answer = shop.get(f"{shop.path}/outcomes").json()
    at = "2026-01-23T04:00:00Z"
    assert list(answer) == ["from", "to", "outcomes", "dropped"]
    assert answer["outcomes"] == [
        {"hour": at, "outcome": "refused", "reason": "identity_missing", "count": 2},
        {"hour": at, "outcome": "stored", "reason": None, "count": 3},
    ]
    assert answer["dropped"] == [{"hour": at, "reason": "too_deep", "count": 4}]
    assert (
        shop.get(f"{shop.path}/outcomes", **{"from": "2026-01-22", "to": "2026-01-22"}).json()["outcomes"]
        == []
    )


def test_the_servers_outcomes_are_all(shop: Shop) -> None:
    """Received is their sum; those without a known pixel are told apart."""
    ledger(shop)
    answer = shop.get("/api/v1/outcomes").json()
    at = "2026-01-23T04:00:00Z"
    assert list(answer) == ["from", "to", "received", "outcomes", "unknown_pixel", "dropped"]
    assert answer["received"] == [{"hour": at, "count": 9}]
    assert sum(row["count"] for row in answer["outcomes"]) == 9
    assert answer["unknown_pixel"] == [
        {"hour": at, "outcome": "refused", "reason": "write_key_unknown", "count": 1}
    ]
    assert shop.get("/api/v1/outcomes", **{"from": "x"}).fields == ["from"]


# -- Write keys ------------------------------------------------------------------------------------


def test_a_pixel_starts_with_its_own_id_as_key(shop: Shop) -> None:
    """The list has the own one first."""
    answer = shop.get(f"{shop.path}/write_keys").json()
    assert list(answer) == ["write_keys"]
    (own,) = answer["write_keys"]
    assert list(own) == ["id", "key", "enabled", "own", "created_at"]
    assert (own["key"], own["enabled"], own["own"]) == (shop.pixel.id, True, True)


@pytest.mark.parametrize("body", [None, {}])
def test_a_further_key_is_made(shop: Shop, body: Any) -> None:
    """With an empty body or none; it collects at once."""
    made = shop.post(f"{shop.path}/write_keys", body)
    assert (made.status, made.json()["enabled"], made.json()["own"]) == (201, True, False)
    assert Snapshot(shop.data_dir).find_key(made.json()["key"]) is not None
    assert len(shop.get(f"{shop.path}/write_keys").json()["write_keys"]) == 2


def test_a_key_that_is_out_is_imported_once(shop: Shop) -> None:
    """A second time, by any pixel of the server, is 409."""
    key = {"key": "1x2Y-old key"}
    assert shop.post(f"{shop.path}/write_keys", key).json()["key"] == key["key"]
    other = make_shop(shop.data_dir, "Other").pixel
    for pixel in (shop.pixel.id, other.id):
        assert shop.post(f"/api/v1/pixels/{pixel}/write_keys", key).status == 409


@pytest.mark.parametrize("key", ["", " x", "x" * 256, "a\nb", None, 7])
def test_a_key_that_can_not_be_one_is_400(shop: Shop, key: Any) -> None:
    """Named."""
    assert shop.post(f"{shop.path}/write_keys", {"key": key}).fields == ["key"]


def test_a_key_is_switched_and_deleted(shop: Shop) -> None:
    """The pixel's own id can be switched, not deleted."""
    key = shop.post(f"{shop.path}/write_keys").json()
    own = shop.get(f"{shop.path}/write_keys").json()["write_keys"][0]
    for entry in (key, own):
        path = f"{shop.path}/write_keys/{entry['id']}"
        assert shop.patch(path, {"enabled": False}).json() == entry | {"enabled": False}
        assert shop.patch(path, {"enabled": True}).json() == entry
        assert shop.patch(path, {"enabled": 1, "key": "x"}).fields == ["enabled", "key"]
    assert shop.delete(f"{shop.path}/write_keys/{own['id']}").status == 409
    gone = shop.delete(f"{shop.path}/write_keys/{key['id']}")
    assert (gone.status, gone.body) == (204, b"")
    assert shop.delete(f"{shop.path}/write_keys/{key['id']}").status == 404
    assert shop.patch(f"{shop.path}/write_keys/{key['id']}", {"enabled": True}).status == 404


def test_another_pixels_key_is_not_reached(shop: Shop) -> None:
    """Through this pixel's path it does not exist."""
    other = make_shop(shop.data_dir, "Other")
    foreign = other.catalog.write_keys(other.pixel.id)[0]
    assert shop.patch(f"{shop.path}/write_keys/{foreign.id}", {"enabled": False}).status == 404
    assert shop.delete(f"{shop.path}/write_keys/{foreign.id}").status == 404


# -- Tokens ----------------------------------------------------------------------------------------


def test_a_token_is_shown_once(shop: Shop) -> None:
    """In the answer that makes it, which nobody may keep; the list never shows it."""
    body = {"name": "ci", "business_id": shop.pixel.business_id, "role": "write"}
    made = shop.post("/api/v1/tokens", body)
    assert made.status == 201
    assert list(made.json()) == ["id", "name", "business_id", "role", "created_at", "token"]
    assert made.headers["cache-control"] == "no-store"
    assert made.json() | body == made.json()
    listed = shop.get("/api/v1/tokens")
    assert [list(token) for token in listed.json()["tokens"]] == [
        ["id", "name", "business_id", "role", "created_at"]
    ] * 2
    assert made.json()["token"].encode() not in listed.body


def test_a_token_works_until_it_is_deleted(shop: Shop) -> None:
    """From the next request on it is 401."""
    admin = shop.token
    made = shop.post("/api/v1/tokens", {"name": "x", "role": "read"}).json()
    shop.token = made["token"]
    assert shop.get(shop.path).status == 200
    shop.token = admin
    assert shop.delete(f"/api/v1/tokens/{made['id']}").status == 204
    assert shop.delete(f"/api/v1/tokens/{made['id']}").status == 404
    shop.token = made["token"]
    assert shop.get(shop.path).status == 401


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "role"]),
        ({"name": " ", "role": "root", "business_id": "x"}, ["name", "business_id", "role"]),
        (
            {"name": "x", "role": "read", "business_id": "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a"},
            ["business_id"],
        ),
        ({"name": "x", "role": "read", "token": "mine", "id": "y"}, ["token", "id"]),
    ],
)
def test_every_bad_field_of_a_token_is_named(shop: Shop, body: Any, fields: list[str]) -> None:
    """A caller can not choose the token itself."""
    answer = shop.post("/api/v1/tokens", body)
    assert (answer.status, sorted(answer.fields)) == (400, sorted(fields))
