"""Spotify's shape, `/ads/v3`, row by row of the contract (wire.md 2), over real files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.event import Signal
from support.asgi import NOW_MS, Api
from support.events import make_event, record

TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEX32 = re.compile(r"[0-9a-f]{32}")
PIXEL_MEMBERS = [
    *("id", "integration_id", "domain", "name", "created_at", "events", "historical_events", "dataset_id")
]
BUSINESS_MEMBERS = ["id", "name", "created_at", "updated_at", "status", "type"]
NO_BUSINESS = "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a"
DOMAIN = "https://shop.example"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path) as api:
        yield api


def make_business(api: Api, name: str = "Shop") -> str:
    return str(api.post("/ads/v3/businesses", {"name": name, "type": "ADVERTISER"}).json()["id"])


def make_pixel(api: Api, business: str, name: str = "Main", **more: Any) -> dict[str, Any]:
    answer = api.post(f"/ads/v3/businesses/{business}/pixels", {"domain": DOMAIN, "name": name, **more})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


def path_of(business: str, pixel: str) -> str:
    return f"/ads/v3/businesses/{business}/pixels/{pixel}"


def number_of(api: Api, pixel: str) -> int:
    return api.catalog.pixel(pixel).number


# -- Businesses ------------------------------------------------------------------------------------


def test_a_business_has_exactly_its_members(api: Api) -> None:
    """In the contract's order, with whole-second times."""
    made = api.post("/ads/v3/businesses", {"name": "Größe", "type": "AGENCY"})
    body = made.json()
    assert (made.status, list(body)) == (200, BUSINESS_MEMBERS)
    assert (body["name"], body["type"], body["status"]) == ("Größe", "AGENCY", "ACTIVE")
    assert UUID.fullmatch(body["id"])
    assert TIME.fullmatch(body["created_at"])
    assert TIME.fullmatch(body["updated_at"])
    assert api.get(f"/ads/v3/businesses/{body['id']}").json() == body
    assert api.get("/ads/v3/businesses").json() == {"businesses": [body]}


def test_further_documented_members_of_a_business_are_accepted(api: Api) -> None:
    """And kept, though the answer has no room for them."""
    details = {
        "business_admin_name": "John Doe",
        "business_admin_email": "john@example.com",
        "business_admin_has_marketing_opt_in": False,
    }
    made = api.post("/ads/v3/businesses", {"name": "Shop", "type": "ADVERTISER", **details})
    assert made.status == 200
    assert api.catalog.business(made.json()["id"]).details == details


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "type"]),
        ({"name": "", "type": "ADVERTISER"}, ["name"]),
        ({"name": " \t", "type": "ADVERTISER"}, ["name"]),
        ({"name": "x" * 256, "type": "ADVERTISER"}, ["name"]),
        ({"name": 7, "type": "ADVERTISER"}, ["name"]),
        ({"name": None, "type": None}, ["name", "type"]),
        ({"name": "x", "type": "SHOP"}, ["type"]),
        ({"name": "x", "type": "AGENCY", "id": NO_BUSINESS, "color": 1}, ["id", "color"]),
        (
            {"name": "x", "type": "AGENCY", "business_admin_has_marketing_opt_in": "yes"},
            ["business_admin_has_marketing_opt_in"],
        ),
        ([], ["body"]),
        ("text", ["body"]),
        (None, ["body"]),
        (b"{", ["body"]),
        (b"\xff\xfe", ["body"]),
        (b'{"name":"\\ud800","type":"AGENCY"}', ["name"]),
        (b"name=x&type=AGENCY", ["body"]),
    ],
)
def test_every_bad_field_of_a_business_is_named(api: Api, body: Any, fields: list[str]) -> None:
    """400, all at once, and nothing is made."""
    answer = api.post("/ads/v3/businesses", body)
    assert (answer.status, answer.fields) == (400, fields)
    assert api.catalog.businesses() == []


def test_a_body_is_json_whatever_it_is_called(api: Api) -> None:
    """`curl -d` says it sends a form; that is no reason to refuse."""
    answer = api.call(
        "POST",
        "/ads/v3/businesses",
        body={"name": "Shop", "type": "ADVERTISER"},
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 200


def test_a_business_is_renamed(api: Api) -> None:
    """PATCH takes the name only."""
    business = make_business(api)
    changed = api.patch(f"/ads/v3/businesses/{business}", {"name": "New"})
    assert (changed.status, list(changed.json()), changed.json()["name"]) == (200, BUSINESS_MEMBERS, "New")
    assert api.patch(f"/ads/v3/businesses/{business}", {}).fields == ["name"]
    assert api.patch(f"/ads/v3/businesses/{business}", {"name": "N", "type": "AGENCY"}).fields == ["type"]
    assert api.patch(f"/ads/v3/businesses/{NO_BUSINESS}", {"name": "N"}).status == 404


@pytest.mark.parametrize("odd", ["x", "123", "ce4ff15ef04d48b99ddffb3c85fbd57a", f"{{{NO_BUSINESS}}}", "%00"])
def test_a_business_id_that_is_no_uuid_is_400(api: Api, odd: str) -> None:
    """On every path that has one."""
    for method, rest in [
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/pixels"),
        ("POST", "/pixels"),
        ("GET", "/pixels/x"),
    ]:
        answer = api.call(method, f"/ads/v3/businesses/{odd}{rest}", body={"name": "x", "domain": DOMAIN})
        assert (answer.status, answer.fields[0]) == (400, "business_id")


def test_a_business_id_in_capitals_is_the_same(api: Api) -> None:
    """A UUID has no case."""
    business = make_business(api)
    assert api.get(f"/ads/v3/businesses/{business.upper()}").json()["id"] == business


def test_an_unknown_business_is_404(api: Api) -> None:
    """For everything below it too."""
    for method, rest in [
        ("GET", ""),
        ("GET", "/pixels"),
        ("POST", "/pixels"),
        ("GET", "/pixels/" + "0" * 32),
    ]:
        answer = api.call(
            method, f"/ads/v3/businesses/{NO_BUSINESS}{rest}", body={"name": "x", "domain": DOMAIN}
        )
        assert answer.status == 404


# -- The pixel -------------------------------------------------------------------------------------


def test_a_pixel_has_exactly_its_members(api: Api) -> None:
    """In the contract's order; making and getting show the same."""
    business = make_business(api)
    made = make_pixel(api, business, "Größe")
    assert list(made) == PIXEL_MEMBERS
    assert HEX32.fullmatch(made["id"])
    assert UUID.fullmatch(made["integration_id"])
    assert UUID.fullmatch(made["dataset_id"])
    assert TIME.fullmatch(made["created_at"])
    assert (made["domain"], made["name"]) == (DOMAIN, "Größe")
    assert (made["events"], made["historical_events"]) == ([], [])
    got = api.get(path_of(business, made["id"]))
    assert (got.status, got.headers["content-type"], got.json()) == (200, "application/json", made)


def test_a_pixels_events_are_one_per_type_seen(api: Api) -> None:
    """First seen, last seen, and an id that stays; LEAD is fed by two signals, and others by none."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    number = number_of(api, pixel)
    record(
        api.data_dir,
        [
            make_event(number, signal=Signal.LEAD, received_ms=NOW_MS - 2_000),
            make_event(number, signal=Signal.SIGNUP, received_ms=NOW_MS - 60 * DAY_MS),
            make_event(number, signal=Signal.VIEW, received_ms=NOW_MS),
            make_event(number, signal=Signal.CHECKOUT, received_ms=NOW_MS),
            make_event(number, signal=Signal.CUSTOM_EVENT_1, received_ms=NOW_MS),
            make_event(number, signal=0, received_ms=NOW_MS),
            make_event(number + 1, signal=Signal.PURCHASE, received_ms=NOW_MS),
        ],
    )
    lead, view = api.get(path_of(business, pixel)).json()["events"]
    assert list(lead) == ["id", "type", "created_at", "last_activity_at"]
    assert (lead["type"], view["type"]) == ("LEAD", "PAGE_VIEW")
    assert (lead["created_at"], lead["last_activity_at"]) == ("2025-11-24T04:56:07Z", "2026-01-23T04:56:05Z")
    assert HEX32.fullmatch(lead["id"])
    assert lead["id"] != view["id"]
    assert api.get(path_of(business, pixel)).json()["events"] == [lead, view]


def test_history_is_counted_by_hour_and_type(api: Api) -> None:
    """Oldest first, then by type; LEAD sums LEAD and SIGNUP; hours without events are absent."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    number = number_of(api, pixel)
    signals = [Signal.VIEW, Signal.VIEW, Signal.SIGNUP, Signal.LEAD, Signal.PRODUCT, Signal.ADDTOCART]
    record(
        api.data_dir,
        [make_event(number, signal=signal, received_ms=NOW_MS) for signal in signals]
        + [make_event(number, signal=Signal.PURCHASE, received_ms=NOW_MS - 5 * HOUR_MS)],
    )
    assert api.get(path_of(business, pixel)).json()["historical_events"] == [
        {"type": "PURCHASE", "hour_partition": "2026-01-22T23:00:00Z", "count": 1},
        {"type": "ADD_TO_CART", "hour_partition": "2026-01-23T04:00:00Z", "count": 1},
        {"type": "LEAD", "hour_partition": "2026-01-23T04:00:00Z", "count": 2},
        {"type": "PAGE_VIEW", "hour_partition": "2026-01-23T04:00:00Z", "count": 2},
    ]
    first = api.get(path_of(business, pixel)).json()["historical_events"][0]
    assert list(first) == ["type", "hour_partition", "count"]


def test_the_default_is_the_last_seven_days_with_today(api: Api) -> None:
    """From the first hour of the sixth day before today."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    number, today = number_of(api, pixel), NOW_MS // DAY_MS * DAY_MS
    times = [today - 6 * DAY_MS - 1, today - 6 * DAY_MS, today + DAY_MS - 1, today + DAY_MS]
    record(api.data_dir, [make_event(number, received_ms=at_ms) for at_ms in times])
    hours = [row["hour_partition"] for row in api.get(path_of(business, pixel)).json()["historical_events"]]
    assert hours == ["2026-01-17T00:00:00Z", "2026-01-23T23:00:00Z"]


def test_both_days_asked_for_are_included(api: Api) -> None:
    """Whole days, UTC; one day is a range too."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    number, day = number_of(api, pixel), NOW_MS // DAY_MS * DAY_MS - 30 * DAY_MS
    times = [day - 1, day, day + DAY_MS - 1, day + DAY_MS]
    record(api.data_dir, [make_event(number, received_ms=at_ms) for at_ms in times])

    def hours(first: str, last: str) -> list[str]:
        days = {"historical_events_start_date": first, "historical_events_end_date": last}
        rows = api.get(path_of(business, pixel), **days).json()["historical_events"]
        return [row["hour_partition"][8:13] for row in rows]

    assert hours("2025-12-24", "2025-12-24") == ["24T00", "24T23"]
    assert hours("2025-12-23", "2025-12-25") == ["23T23", "24T00", "24T23", "25T00"]


@pytest.mark.parametrize(
    ("first", "last", "fields"),
    [
        ("2026-01-01", None, ["historical_events_end_date"]),
        (None, "2026-01-01", ["historical_events_start_date"]),
        ("2026-01-02", "2026-01-01", ["historical_events_start_date"]),
        ("2026-01-01", "2026-04-03", ["historical_events_end_date"]),
        ("2026-1-1", "2026-02-30", ["historical_events_start_date", "historical_events_end_date"]),
        ("2026-01- 1", "today", ["historical_events_start_date", "historical_events_end_date"]),
        (
            "٢٠٢٦-٠١-٠١",
            "2026-01-01T00:00:00Z",
            ["historical_events_start_date", "historical_events_end_date"],
        ),
    ],
)
def test_dates_that_make_no_range_are_400(
    api: Api, first: str | None, last: str | None, fields: list[str]
) -> None:
    """Named; also when the history is not shown, and in the list of pixels."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    days = {"historical_events_start_date": first, "historical_events_end_date": last}
    query = {name: day for name, day in days.items() if day is not None}
    for path in (path_of(business, pixel), f"/ads/v3/businesses/{business}/pixels"):
        answer = api.get(path, include_historical_events="false", **query)
        assert (answer.status, answer.fields) == (400, fields)


def test_92_days_are_the_most(api: Api) -> None:
    """Both ends counted."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    days = {"historical_events_start_date": "2026-01-01", "historical_events_end_date": "2026-04-02"}
    assert api.get(path_of(business, pixel), **days).status == 200


@pytest.mark.parametrize("word", ["false", "0", "False"])
def test_what_is_not_wanted_is_an_empty_array(api: Api, word: str) -> None:
    """The members stay."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    record(api.data_dir, [make_event(number_of(api, pixel), received_ms=NOW_MS)])
    whole = api.get(path_of(business, pixel)).json()
    assert len(whole["events"]) == len(whole["historical_events"]) == 1
    neither = api.get(path_of(business, pixel), include_events=word, include_historical_events=word).json()
    assert list(neither) == PIXEL_MEMBERS
    assert (neither["events"], neither["historical_events"]) == ([], [])
    assert api.get(path_of(business, pixel), include_events="maybe").fields == ["include_events"]


def test_an_event_is_counted_by_the_next_read(api: Api) -> None:
    """What was acknowledged before a read began is in it; a reader opened long ago sees it as well."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    for amount in (1, 2, 3):
        record(api.data_dir, [make_event(number_of(api, pixel), received_ms=NOW_MS)])
        assert api.get(path_of(business, pixel)).json()["historical_events"][0]["count"] == amount


@pytest.mark.parametrize("odd", ["x", "0" * 32, "A" * 32, "%20", "..%2f", "0" * 5000, "%00", "é"])
def test_a_pixel_id_of_any_odd_form_is_404(api: Api, odd: str) -> None:
    """Never 400, never 500."""
    business = make_business(api)
    make_pixel(api, business)
    for method in ("GET", "PATCH"):
        assert api.call(method, path_of(business, odd), body={"name": "x"}).status == 404


def test_a_pixel_is_found_in_its_own_business_only(api: Api) -> None:
    """Even by a token that reaches both."""
    pixel = make_pixel(api, make_business(api))["id"]
    other = make_business(api, "Other")
    assert api.get(path_of(other, pixel)).status == 404
    assert api.patch(path_of(other, pixel), {"name": "Mine"}).status == 404


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["domain", "name"]),
        ({"domain": "ftp://x.example", "name": ""}, ["domain", "name"]),
        ({"domain": "x.example", "name": "x" * 256}, ["domain", "name"]),
        ({"domain": DOMAIN, "name": "x", "dataset_id": "x"}, ["dataset_id"]),
        ({"domain": DOMAIN, "name": "x", "dataset_id": NO_BUSINESS}, ["dataset_id"]),
        (
            {"domain": DOMAIN, "name": "x", "aam_opt_in": "no", "aam_fields": ["SHOE"]},
            ["aam_opt_in", "aam_fields.0"],
        ),
        ({"domain": DOMAIN, "name": "x", "id": "0" * 32, "created_at": "now"}, ["id", "created_at"]),
    ],
)
def test_every_bad_field_of_a_pixel_is_named(api: Api, body: Any, fields: list[str]) -> None:
    """400, all at once, and no pixel and no dataset is made."""
    business = make_business(api)
    answer = api.post(f"/ads/v3/businesses/{business}/pixels", body)
    assert (answer.status, answer.fields) == (400, fields)
    assert api.catalog.pixels(business) == ([], 0)
    assert api.catalog.datasets(business) == []


def test_a_pixel_takes_a_free_dataset_of_its_business(api: Api) -> None:
    """One of another business, or one that has a pixel, is 400; null is none given."""
    business, other = make_business(api), make_business(api, "Other")
    free = api.catalog.create_dataset(business, "Free")
    assert make_pixel(api, business, "One", dataset_id=free.id)["dataset_id"] == free.id
    foreign = api.catalog.create_dataset(other, "Free")
    for dataset in (free.id, foreign.id):
        body = {"domain": DOMAIN, "name": "Two", "dataset_id": dataset}
        assert api.post(f"/ads/v3/businesses/{business}/pixels", body).fields == ["dataset_id"]
    made = make_pixel(api, business, "Three", dataset_id=None)
    assert api.catalog.datasets(business)[-1].id == made["dataset_id"]
    assert api.catalog.datasets(business)[-1].name == "Three"


def test_matching_fields_are_accepted_and_kept(api: Api) -> None:
    """Though the pixel's answer has no room for them."""
    details = {"aam_opt_in": True, "aam_fields": ["EMAIL", "PHONE"]}
    made = make_pixel(api, make_business(api), **details)
    assert list(made) == PIXEL_MEMBERS
    assert api.catalog.pixel(made["id"]).details == details


def test_a_name_the_business_uses_already_is_409(api: Api) -> None:
    """When making and when changing."""
    business = make_business(api)
    make_pixel(api, business, "One")
    second = make_pixel(api, business, "Two")["id"]
    assert api.post(f"/ads/v3/businesses/{business}/pixels", {"domain": DOMAIN, "name": "One"}).status == 409
    assert api.patch(path_of(business, second), {"name": "One"}).status == 409
    make_pixel(api, make_business(api, "Other"), "One")


def test_a_changed_pixel_has_exactly_its_members(api: Api) -> None:
    """PATCH answers less than GET, and leaves what it is not given."""
    business = make_business(api)
    made = make_pixel(api, business)
    changed = api.patch(path_of(business, made["id"]), {"domain": "http://new.example/x"})
    assert changed.status == 200
    assert list(changed.json()) == ["id", "domain", "name", "created_at", "updated_at"]
    assert (changed.json()["name"], changed.json()["domain"]) == ("Main", "http://new.example/x")
    assert (
        api.patch(path_of(business, made["id"]), {"name": "New"}).json()["domain"] == "http://new.example/x"
    )
    assert api.get(path_of(business, made["id"])).json() == made | {
        "name": "New",
        "domain": "http://new.example/x",
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": None}, ["name"]),
        ({"domain": None, "name": ""}, ["domain", "name"]),
        ({"dataset_id": NO_BUSINESS}, ["dataset_id"]),
        ({"enabled": False}, ["enabled"]),
    ],
)
def test_every_bad_field_of_a_change_is_named(api: Api, body: Any, fields: list[str]) -> None:
    """Read-only members included."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    assert api.patch(path_of(business, pixel), body).fields == fields


# -- The list of pixels ----------------------------------------------------------------------------


def test_pixels_are_listed_in_pages(api: Api) -> None:
    """Paging first, then the pixels with all their members."""
    business = make_business(api)
    names = [make_pixel(api, business, f"P{number}")["name"] for number in range(5)]
    whole = api.get(f"/ads/v3/businesses/{business}/pixels").json()
    assert list(whole) == ["paging", "pixels"]
    assert list(whole["paging"]) == ["page_size", "total_results", "offset", "current_page"]
    assert whole["paging"] == {"page_size": 50, "total_results": 5, "offset": 0, "current_page": 1}
    assert [pixel["name"] for pixel in whole["pixels"]] == names
    assert all(list(pixel) == PIXEL_MEMBERS for pixel in whole["pixels"])
    page = api.get(f"/ads/v3/businesses/{business}/pixels", limit=2, offset=2).json()
    assert page["paging"] == {"page_size": 2, "total_results": 5, "offset": 2, "current_page": 2}
    assert [pixel["name"] for pixel in page["pixels"]] == names[2:4]
    assert api.get(f"/ads/v3/businesses/{business}/pixels", offset=99).json()["pixels"] == []


def test_the_list_shows_events_only_when_asked(api: Api) -> None:
    """Both are off by default; history needs the two dates."""
    business = make_business(api)
    pixel = make_pixel(api, business)["id"]
    path = f"/ads/v3/businesses/{business}/pixels"
    record(api.data_dir, [make_event(number_of(api, pixel), received_ms=NOW_MS)])
    days = {"historical_events_start_date": "2026-01-23", "historical_events_end_date": "2026-01-23"}
    plain = api.get(path).json()["pixels"][0]
    assert (plain["events"], plain["historical_events"]) == ([], [])
    full = api.get(path, include_events="true", include_historical_events="true", **days).json()["pixels"][0]
    assert full == api.get(path_of(business, pixel), **days).json()
    assert api.get(path, include_historical_events="true").fields == list(days)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"limit": 0}, ["limit"]),
        ({"limit": 51, "offset": -1}, ["limit", "offset"]),
        ({"limit": "x", "offset": "9" * 30}, ["limit", "offset"]),
    ],
)
def test_every_bad_page_is_named(api: Api, query: Any, fields: list[str]) -> None:
    """`limit` is 1 to 50."""
    business = make_business(api)
    answer = api.get(f"/ads/v3/businesses/{business}/pixels", **query)
    assert (answer.status, answer.fields) == (400, fields)
