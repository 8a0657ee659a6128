"""Filters and transforms by our own API, and the dry run of them, over real files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire.event import Call
from support.asgi import Api
from support.catalogs import make_shop
from support.events import make_event, record
from support.routes import install_transforms

FILTERS = {"calls": ["track"], "conditions": [{"path": "properties.price", "at_least": 10}]}
TRANSFORMS = [
    {"cast": {"properties.price": "number"}},
    {"hash": {"paths": ["context.traits.email"], "kind": "email"}},
]
ANN = "71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476"
ORDER = {"properties": {"price": "12.50"}, "context": {"traits": {"email": "Ann@example.com"}}}


class Shop(Api):
    """One business with a pixel and a destination of it."""

    business: str
    pixel: str
    pixel_number: int

    @property
    def path(self) -> str:
        return f"/api/v1/businesses/{self.business}/destinations"

    def make(self, **given: Any) -> Any:
        body = {"name": "Hook", "kind": "webhook", "options": {"url": "https://hooks.example/in"}}
        answer = self.post(self.path, body | given)
        assert answer.status == 201, answer.body
        return answer.json()

    def dry_run(self, made: Any, **given: Any) -> list[dict[str, Any]]:
        answer = self.post(f"{self.path}/{made['id']}/dry-run", given)
        assert answer.status == 200, answer.body
        events: list[dict[str, Any]] = answer.json()["events"]
        return events


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api:
        shop = make_shop(tmp_path)
        api.business, api.pixel, api.pixel_number = shop.business.id, shop.pixel.id, shop.pixel.number
        yield api


# -- Declaring -------------------------------------------------------------------------------------


def test_rules_are_made_shown_changed_and_taken_away(api: Shop) -> None:
    """Each as a whole; what a change does not name stays."""
    made = api.make(filters=FILTERS, transforms=TRANSFORMS)
    path = f"{api.path}/{made['id']}"
    assert (made["filters"], made["transforms"]) == (FILTERS, TRANSFORMS)
    assert api.get(path).json() == made
    changed = api.patch(path, {"filters": {"signals": ["LEAD"]}, "name": "New"}).json()
    assert (changed["filters"], changed["transforms"]) == ({"signals": ["LEAD"]}, TRANSFORMS)
    emptied = api.patch(path, {"filters": {}, "transforms": []}).json()
    assert (emptied["filters"], emptied["transforms"], emptied["name"]) == ({}, [], "New")


def test_all_that_is_wrong_is_named_and_nothing_is_kept(api: Shop) -> None:
    """When it is made, when it is changed, and when it is tried."""
    made = api.make()
    wrong: dict[str, Any] = {
        "filters": {"call": ["page"], "signals": ["NONE"]},
        "transforms": [{"remove": ["type"]}, {"explode": {}}],
    }
    fields = ["filters", "filters.signals", "transform 1 (remove)", "transform 2"]
    body = {"name": "N", "kind": "webhook", "options": {"url": "https://hooks.example/in"}}
    path = f"{api.path}/{made['id']}"
    for answer in (
        api.post(api.path, body | wrong),
        api.patch(path, wrong),
        api.post(f"{path}/dry-run", wrong),
    ):
        assert (answer.status, answer.fields) == (400, fields)
    assert api.get(path).json() == made


@pytest.mark.parametrize(
    "odd",
    [
        {"filters": {"conditions": [{"path": "a", "is": "\ud800"}]}},
        {"filters": {"\ud800": 1}},
        {"transforms": [{"set": {"a": float("nan")}}]},
        {"transforms": [{"set": {"a": "x" * 60_000}}, {"set": {"b": "x" * 60_000}}]},
        {"transforms": {}},
        {"filters": []},
    ],
)
def test_odd_declarations_are_refused(api: Shop, odd: dict[str, Any]) -> None:
    """By the caller's fault, not by ours."""
    assert api.patch(f"{api.path}/{api.make()['id']}", odd).status in (400, 413)


def test_a_function_is_the_operators_to_set(
    api: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a program on the server. What the operator set stays, and can be taken away by anybody."""
    (tmp_path / "package").mkdir()
    source = "def doubled(payload, event):\n    return payload | {'twice': True}\n"
    install_transforms(tmp_path / "package", monkeypatch, "shop_doubled", source)
    function = [{"function": "doubled"}]
    made, other = api.make(transforms=function), api.make(name="Other")
    path = f"{api.path}/{made['id']}"
    api.use_token("write", api.business)
    body = {"name": "N", "kind": "webhook", "options": {"url": "https://x.example"}, "transforms": function}
    refused = [
        api.post(api.path, body),
        api.patch(f"{api.path}/{other['id']}", {"transforms": function}),
        api.patch(path, {"transforms": [*function, *TRANSFORMS]}),
        api.post(f"{api.path}/{other['id']}/dry-run", {"transforms": function}),
    ]
    assert [answer.status for answer in refused] == [403] * 4
    assert "only its operator" in refused[0].messages[0]
    assert api.patch(path, {"transforms": function, "name": "Renamed"}).status == 200
    payload = {"type": "page", "messageId": "m1"}
    assert api.dry_run(made, payload=payload)[0]["payload"] == payload | {"twice": True}
    assert api.patch(path, {"transforms": TRANSFORMS}).status == 200
    assert api.patch(path, {"transforms": function}).status == 403


# -- Trying out ------------------------------------------------------------------------------------


def test_a_stored_event_is_shown_as_it_would_be_sent(api: Shop) -> None:
    """With each step and what it changed; nothing is sent."""
    record(
        api.data_dir,
        [make_event(api.pixel_number, call=Call.TRACK, name="Order", message_id="m/1", payload=ORDER)],
    )
    made = api.make(filters=FILTERS, transforms=TRANSFORMS)
    (told,) = api.dry_run(made, message_id="m/1")
    assert told["payload"] == {
        "type": "track",
        "anonymousId": "a1",
        "messageId": "m/1",
        "event": "Order",
        "properties": {"price": 12.5},
        "context": {"traits": {"email": ANN}},
    }
    assert told | {"payload": None} == {
        "message_id": "m/1",
        "pixel_id": api.pixel,
        "seq": 1,
        "call": "track",
        "signal": None,
        "outcome": "sent",
        "reason": None,
        "failed_casts": 0,
        "payload": None,
        "steps": [
            {"rule": "filters", "outcome": "passed", "reason": None, "failed_casts": 0, "changes": []},
            {
                "rule": "transform 1 (cast)",
                "outcome": "passed",
                "reason": None,
                "failed_casts": 0,
                "changes": [{"path": "properties.price", "before": "12.50", "after": 12.5}],
            },
            {
                "rule": "transform 2 (hash)",
                "outcome": "passed",
                "reason": None,
                "failed_casts": 0,
                "changes": [{"path": "context.traits.email", "before": "Ann@example.com", "after": ANN}],
            },
        ],
    }


def test_rules_can_be_tried_before_they_are_kept(api: Shop) -> None:
    """In place of those there are."""
    record(api.data_dir, [make_event(api.pixel_number, message_id="m1")])
    made = api.make(filters=FILTERS, transforms=TRANSFORMS)
    (kept,) = api.dry_run(made, message_id="m1")
    assert (kept["outcome"], kept["reason"], kept["payload"]) == ("filtered", "call is page", None)
    (tried,) = api.dry_run(made, message_id="m1", filters={}, transforms=[{"set": {"a": 1}}])
    assert (tried["outcome"], tried["payload"]["a"]) == ("sent", 1)
    assert api.get(f"{api.path}/{made['id']}").json()["filters"] == FILTERS


def test_the_newest_events_of_its_pixels_are_taken(api: Shop) -> None:
    """Oldest first, ten of them by default, also when others came in between."""
    other = api.catalog.create_pixel(api.business, "https://other.example", "Other")
    events = [make_event(api.pixel_number, message_id=f"m{number}") for number in range(20)]
    noise = [make_event(other.number) for _ in range(2_000)]
    record(api.data_dir, [*events[:15], *noise, *events[15:]])
    made = api.make(pixel_ids=[api.pixel])
    assert [told["message_id"] for told in api.dry_run(made)] == [f"m{number}" for number in range(10, 20)]
    assert [told["message_id"] for told in api.dry_run(made, last=2)] == ["m18", "m19"]
    assert len(api.dry_run(made, last=100)) == 20
    both = api.make(name="Both")
    assert [told["pixel_id"] for told in api.dry_run(both, last=6)] == [other.id] + [api.pixel] * 5
    assert {told["pixel_id"] for told in api.dry_run(both, pixel_id=other.id)} == {other.id}
    assert api.dry_run(api.make(name="None", pixel_ids=[other.id]), pixel_id=other.id, last=1)


def test_large_events_are_fewer(api: Shop) -> None:
    """The answer is bounded by bytes too, and one event always fits."""
    big = {"properties": {"text": "x" * 200_000}}
    record(
        api.data_dir,
        [make_event(api.pixel_number, message_id=f"m{number}", payload=big) for number in range(10)],
    )
    assert [told["message_id"] for told in api.dry_run(api.make())] == ["m5", "m6", "m7", "m8", "m9"]


def test_a_given_payload_counts_as_its_pixel_says(api: Shop) -> None:
    """Its call is its type, and the pixel's own rules name its signal."""
    api.patch(f"/api/v1/pixels/{api.pixel}", {"event_rules": {"Trial Started": "SIGNUP"}})
    made = api.make(filters={"signals": ["SIGNUP", "PURCHASE"]})

    def outcome(**payload: Any) -> Any:
        (told,) = api.dry_run(made, payload=payload)
        return told["signal"], told["outcome"], told["seq"], told["pixel_id"]

    assert outcome(type="track", event="Trial Started") == ("SIGNUP", "sent", None, api.pixel)
    assert outcome(type="track", event="order completed") == ("PURCHASE", "sent", None, api.pixel)
    assert outcome(type="track", event=7) == (None, "filtered", None, api.pixel)
    assert outcome(type="page") == ("VIEW", "filtered", None, api.pixel)
    api.catalog.create_pixel(api.business, "https://other.example", "Other")
    assert outcome(type="track", event="Trial Started") == (None, "filtered", None, None)
    (told,) = api.dry_run(made, payload={"type": "track", "event": "Trial Started"}, pixel_id=api.pixel)
    assert (told["signal"], told["pixel_id"]) == ("SIGNUP", api.pixel)


def test_what_can_not_be_tried_is_said(api: Shop) -> None:
    """Wrong fields are 400, an event that is not there is 404."""
    made = api.make(pixel_ids=[api.pixel])
    other = api.catalog.create_pixel(api.business, "https://other.example", "Other")
    path = f"{api.path}/{made['id']}/dry-run"
    for body, field in (
        ({"payload": {"type": "identify"}}, "payload"),
        ({"payload": {"type": "page", "a": "\ud800"}}, "payload"),
        ({"payload": {"type": "page"}, "message_id": "m"}, "message_id"),
        ({"last": 0}, "last"),
        ({"last": 101}, "last"),
        ({"pixel_id": other.id}, "pixel_id"),
        ({"nonsense": 1}, "nonsense"),
    ):
        answer = api.post(path, body)
        assert (answer.status, answer.fields) == (400, [field])
    assert api.post(path, {"message_id": "nowhere"}).status == 404
    assert api.post(f"{api.path}/nowhere/dry-run", {}).status == 404
    assert api.dry_run(made) == []


def test_who_only_reads_tries_nothing(api: Shop) -> None:
    """As with every call that is not a GET."""
    made = api.make()
    api.use_token("read", api.business)
    assert api.post(f"{api.path}/{made['id']}/dry-run", {}).status == 403
