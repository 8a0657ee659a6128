"""Destinations by our own API (wire.md 3), over real files and with a real courier."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from pixelwire.destinations import registry
from pixelwire.limits import DESTINATIONS_MAX
from support.asgi import Answer, Api
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.receiver import ReceiverThread
from support.routes import install_transforms
from support.waiting import wait_until

SECRETS = ("url-secret", "header-secret", "0123456789-signing")
OPTIONS = {
    "url": "https://hooks.example/in?key=url-secret",
    "headers": {"Authorization": "Bearer header-secret", "X-Plain": "header-secret-2"},
    "signing_secret": "0123456789-signing",
}
WAIT_S = 15.0


class Shop(Api):
    """One business with a pixel."""

    business: str
    pixel: str
    pixel_number: int

    @property
    def path(self) -> str:
        return f"/api/v1/businesses/{self.business}/destinations"

    def make(self, **given: Any) -> Any:
        """The answer to a destination that is made."""
        answer = self.post(self.path, {"name": "Hook", "kind": "webhook", "options": OPTIONS} | given)
        assert answer.status == 201, answer.body
        return answer.json()

    def kept(self, made: Any) -> dict[str, Any]:
        """The options in the catalog."""
        return self.catalog.destination(made["id"]).options


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as api:
        shop = make_shop(tmp_path)
        api.business, api.pixel, api.pixel_number = shop.business.id, shop.pixel.id, shop.pixel.number
        yield api


def is_refused(answer: Answer, status: int, *fields: str) -> bool:
    return (answer.status, answer.fields) == (status, list(fields))


# -- Making ----------------------------------------------------------------------------------------


def test_a_destination_is_made_and_read(api: Shop) -> None:
    """With defaults filled in, its state, and no secret."""
    made = api.make()
    assert made == api.get(f"{api.path}/{made['id']}").json()
    assert api.get(api.path).json() == {"destinations": [made]}
    assert list(made) == [
        *("id", "business_id", "name", "kind", "options", "filters", "transforms", "enabled", "pixel_ids"),
        *("created_at", "updated_at", "state"),
    ]
    assert made["options"] == {
        "url": "https://hooks.example/...",
        "method": "POST",
        "headers": {"Authorization": "<hidden>", "X-Plain": "<hidden>"},
        "signing_secret": "<hidden>",
        "timeout_s": 10.0,
        "concurrency": 16,
        "ca_file": None,
        "allow_private_addresses": False,
    }
    assert (made["state"]["state"], made["state"]["waiting"], made["pixel_ids"]) == ("new", 0, None)
    assert api.kept(made) == OPTIONS


def test_it_begins_with_the_next_event_or_with_the_first(api: Shop) -> None:
    """As asked for; what is stored waits for the second."""
    record(api.data_dir, [make_event(api.pixel_number, message_id=f"m{number}") for number in range(3)])
    assert api.make(name="From now")["state"]["waiting"] == 0
    assert api.make(name="From the start", from_start=True)["state"]["waiting"] == 3


def test_it_is_made_for_some_pixels_and_switched_off(api: Shop) -> None:
    """Only its events, and nothing until it is switched on."""
    made = api.make(pixel_ids=[api.pixel], enabled=False)
    assert (made["pixel_ids"], made["enabled"], made["state"]["state"]) == ([api.pixel], False, "disabled")


def test_everything_that_is_wrong_is_named_at_once(api: Shop) -> None:
    """Members and options alike, unknown ones too."""
    options = {"urll": "x", "timeout_s": 0, "headers": {"a": 1}, "concurrency": "many"}
    body = {"name": " ", "kind": "webhook", "options": options, "pixel_ids": [], "nonsense": 1}
    answer = api.post(api.path, body)
    wrong = ["urll", "url", "headers", "timeout_s", "concurrency"]
    fields = ["name", *(f"options.{name}" for name in wrong), "pixel_ids", "nonsense"]
    assert is_refused(answer, 400, *fields)
    assert is_refused(api.post(api.path, {}), 400, "name", "kind")
    assert is_refused(api.post(api.path, {"name": "N", "kind": "pigeon"}), 400, "kind")
    assert is_refused(api.post(api.path, {"name": "N", "kind": "webhook"}), 400, "options.url")
    assert api.get(api.path).json() == {"destinations": []}


@pytest.mark.parametrize(
    "options",
    [
        {"url": "https://x.example/\ud800"},
        {"url": "https://x.example", "headers": {"X": "\udc00"}},
        {"url": "https://x.example", "\ud800": 1},
        {"url": "https://x.example", "timeout_s": float("nan")},
        {"url": "https://x.example", "concurrency": 10**400},
        {"url": {"a": "b"}},
        {"url": None},
        {"url": "<hidden>"},
        {"url": "https://hooks.example/..."},
    ],
)
def test_odd_values_are_refused(api: Shop, options: Any) -> None:
    """Halves of characters, numbers that are none, and what only stands for a secret."""
    answer = api.post(api.path, {"name": "N", "kind": "webhook", "options": options})
    assert answer.status == 400
    assert all(field.startswith("options.") for field in answer.fields)


def test_a_name_is_used_once(api: Shop) -> None:
    """By making and by renaming."""
    made, other = api.make(), api.make(name="Other")
    assert api.post(api.path, {"name": "Hook", "kind": "webhook", "options": OPTIONS}).status == 409
    assert api.patch(f"{api.path}/{other['id']}", {"name": "Hook"}).status == 409
    assert api.patch(f"{api.path}/{made['id']}", {"name": "Hook"}).status == 200


def test_a_pixel_that_is_not_the_businesss_is_refused(api: Shop) -> None:
    """When it is made and when it is changed."""
    body = {"name": "N", "kind": "webhook", "options": OPTIONS, "pixel_ids": ["0" * 32]}
    assert is_refused(api.post(api.path, body), 400, "pixel_ids")
    made = api.make(pixel_ids=[api.pixel])
    answer = api.patch(f"{api.path}/{made['id']}", {"pixel_ids": ["0" * 32], "name": "Renamed"})
    assert is_refused(answer, 400, "pixel_ids")
    assert api.get(f"{api.path}/{made['id']}").json() == made


def test_a_business_has_a_bounded_number(api: Shop) -> None:
    """Each costs the courier a loop and connections."""
    for number in range(DESTINATIONS_MAX):
        api.catalog.create_destination(api.business, "webhook", str(number), OPTIONS)
    assert api.post(api.path, {"name": "One more", "kind": "webhook", "options": OPTIONS}).status == 409


def test_a_business_that_is_not_there_has_none(api: Shop) -> None:
    """404 to who reaches every business."""
    nowhere = api.path.replace(api.business, "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a")
    assert api.get(nowhere).status == 404
    assert api.post(nowhere, {"name": "N", "kind": "webhook", "options": OPTIONS}).status == 404
    assert api.get(f"{api.path}/nonsense").status == 404


# -- Changing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, {}),
        ({"concurrency": 2}, {"concurrency": 2}),
        ({"signing_secret": None}, {"signing_secret": ...}),
        (
            {"headers": {"X-Plain": None, "X-New": "1"}},
            {"headers": {"Authorization": "Bearer header-secret", "X-New": "1"}},
        ),
        ({"headers": {"Authorization": "<hidden>"}}, {}),
        ({"url": "https://hooks.example/..."}, {}),
    ],
)
def test_options_are_changed_by_name(api: Shop, changes: dict[str, Any], kept: dict[str, Any]) -> None:
    """Null takes one out; a secret that comes back hidden stays what it is."""
    made = api.make()
    assert api.patch(f"{api.path}/{made['id']}", {"options": changes}).status == 200
    assert api.kept(made) == {name: value for name, value in (OPTIONS | kept).items() if value is not ...}


def test_what_was_read_can_be_sent_back(api: Shop) -> None:
    """All options as they were shown, one of them changed."""
    made = api.make()
    answer = api.patch(f"{api.path}/{made['id']}", {"options": made["options"] | {"timeout_s": 3}})
    assert answer.json()["options"] == made["options"] | {"timeout_s": 3.0}
    assert api.kept(made) == OPTIONS | {"timeout_s": 3}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"headers": {"X-New": "<hidden>"}}, "options.headers"),
        ({"url": "https://other.example/..."}, "options.url"),
        ({"url": None}, "options.url"),
        ({"url": "ftp://other.example/"}, "options.url"),
        ({"nonsense": 1}, "options.nonsense"),
    ],
)
def test_what_would_not_work_is_not_kept(api: Shop, changes: dict[str, Any], field: str) -> None:
    """A hidden secret that stands for none included."""
    made = api.make()
    assert is_refused(api.patch(f"{api.path}/{made['id']}", {"options": changes}), 400, field)
    assert api.kept(made) == OPTIONS


def test_the_rest_is_changed_and_what_is_absent_stays(api: Shop) -> None:
    """Name, pixels, on and off; every change is a new revision for the courier."""
    made = api.make()
    path = f"{api.path}/{made['id']}"
    for change in ({"name": "New"}, {"pixel_ids": [api.pixel]}, {"enabled": False}, {"pixel_ids": None}):
        made = {**made, **change}
        answer = api.patch(path, change).json()
        assert {name: answer[name] for name in ("name", "pixel_ids", "enabled", "options")} == {
            name: made[name] for name in ("name", "pixel_ids", "enabled", "options")
        }
    assert api.catalog.destination(made["id"]).revision == 5
    for wrong in ({"id": "x"}, {"kind": "webhook"}, {"name": ""}, {"enabled": 1}, {"options": None}):
        assert is_refused(api.patch(path, wrong), 400, *wrong)


def test_options_of_another_version_are_hidden_and_can_be_mended(api: Shop) -> None:
    """What this program can not check it does not show; the right options make it good."""
    made = api.make()
    api.catalog.change_destination(made["id"], options={"url": "not-an-address url-secret", "old": "secret"})
    path = f"{api.path}/{made['id']}"
    assert api.get(path).json()["options"] == {"url": "<hidden>", "old": "<hidden>"}
    assert is_refused(api.patch(path, {"options": {"old": None}}), 400, "options.url")
    mended = {"url": "https://hooks.example/in", "old": None}
    assert api.patch(path, {"options": mended}).status == 200
    assert api.kept(made) == {"url": "https://hooks.example/in"}


def test_filters_and_transforms_are_kept_and_replaced_whole(api: Shop) -> None:
    """As they are written; what is absent stays, and nothing inside takes them away."""
    filters, transforms = {"calls": ["track"]}, [{"remove": ["context.ip"]}, {"sample": {"percent": 50}}]
    made = api.make(filters=filters, transforms=transforms)
    path = f"{api.path}/{made['id']}"
    assert (made["filters"], made["transforms"]) == (filters, transforms)
    for change in (
        {"name": "New"},
        {"filters": {"signals": ["PURCHASE"]}},
        {"transforms": []},
        {"filters": {}},
    ):
        made = {**made, **change}
        answer = api.patch(path, change).json()
        assert (answer["filters"], answer["transforms"]) == (made["filters"], made["transforms"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"filters": {"calls": ["paged"], "evnts": ["x"]}}, ["filters", "filters.calls"]),
        ({"filters": {"conditions": [{"path": "a"}]}}, ["condition 1"]),
        ({"transforms": [{"remove": ["a"]}, {"shout": 1}]}, ["transform 2"]),
        ({"transforms": [{"function": "no_such"}]}, ["transform 1 (function)"]),
        (
            {"filters": {"events": ["\ud800"]}, "transforms": [{"set": {"a": "\udc00"}}]},
            ["filters", "transforms"],
        ),
        ({"filters": None, "transforms": {}}, ["filters", "transforms"]),
    ],
)
def test_wrong_filters_and_transforms_are_named(api: Shop, body: dict[str, Any], fields: list[str]) -> None:
    """Each by its place, when a destination is made and when it is changed."""
    made = api.make()
    for answer in (
        api.post(api.path, {"name": "N", "kind": "webhook", "options": OPTIONS} | body),
        api.patch(f"{api.path}/{made['id']}", body),
    ):
        assert is_refused(answer, 400, *fields)
    assert api.get(api.path).json() == {"destinations": [made]}


# -- Deleting --------------------------------------------------------------------------------------


def test_deleting_asks_while_something_would_be_lost(api: Shop) -> None:
    """409 while events wait, or until it is said; an idle one just goes."""
    idle = api.make(name="Idle")
    assert api.delete(f"{api.path}/{idle['id']}").status == 204
    record(api.data_dir, [make_event(api.pixel_number)])
    made = api.make(from_start=True)
    answer = api.delete(f"{api.path}/{made['id']}")
    assert (answer.status, answer.messages) == (
        409,
        ["the destination can not be deleted: events wait for it (add ?discard=true to delete them with it)"],
    )
    assert api.call("DELETE", f"{api.path}/{made['id']}", query={"discard": "true"}).status == 204
    assert api.get(api.path).json() == {"destinations": []}


def test_events_of_other_pixels_do_not_hold_it(api: Shop) -> None:
    """Nothing of what it gets waits."""
    other = api.catalog.create_pixel(api.business, "https://other.example", "Other")
    made = api.make(pixel_ids=[other.id])
    record(api.data_dir, [make_event(api.pixel_number)])
    assert api.get(f"{api.path}/{made['id']}").json()["state"]["waiting"] == 1
    assert api.delete(f"{api.path}/{made['id']}").status == 204


# -- Who may what ----------------------------------------------------------------------------------

RESERVED = [{"allow_private_addresses": True}, {"ca_file": "/etc/shadow"}]


@pytest.mark.parametrize("reserved", RESERVED)
@pytest.mark.parametrize(("role", "scope"), [("write", "own"), ("admin", "own"), ("write", None)])
def test_what_reaches_the_server_itself_is_the_operators(
    api: Shop, role: str, scope: str | None, reserved: dict[str, Any]
) -> None:
    """Neither made nor changed with another token: told by the option's name."""
    made = api.make()
    api.use_token(role, api.business if scope else None)
    body = {"name": "N", "kind": "webhook", "options": OPTIONS | reserved}
    for answer in (
        api.post(api.path, body),
        api.patch(f"{api.path}/{made['id']}", {"options": reserved}),
    ):
        assert is_refused(answer, 403, *(f"options.{name}" for name in reserved))
        assert "only the operator" in answer.messages[0]
    assert api.kept(made) == OPTIONS
    assert len(api.get(api.path).json()["destinations"]) == 1


def test_what_the_operator_opened_is_not_redirected_by_a_business(api: Shop) -> None:
    """An address in the private network was allowed, not all of them; taking the allowance away is free."""
    made = api.make(options=OPTIONS | {"allow_private_addresses": True})
    path = f"{api.path}/{made['id']}"
    api.use_token("write", api.business)
    for changes in ({"url": "http://169.254.169.254/"}, {"timeout_s": 1}, {}):
        answer = api.patch(path, {"options": changes})
        assert is_refused(answer, 403, "options.allow_private_addresses")
    assert api.patch(path, {"name": "Renamed", "enabled": False}).status == 200
    assert api.patch(path, {"options": {"timeout_s": 1, "allow_private_addresses": False}}).status == 200


ELSEWHERE = "https://collector.example/in"
FOLLOWERS = ["options.headers.Authorization", "options.headers.X-Plain", "options.signing_secret"]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"url": ELSEWHERE}, FOLLOWERS),
        ({"url": "http://hooks.example/in"}, FOLLOWERS),
        ({"url": "https://hooks.example:8443/in"}, FOLLOWERS),
        (
            {"url": ELSEWHERE, "headers": {"Authorization": "<hidden>"}, "signing_secret": "<hidden>"},
            FOLLOWERS,
        ),
        ({"url": ELSEWHERE, "headers": None}, FOLLOWERS[2:]),
        ({"url": ELSEWHERE, "headers": {"X-Plain": None}, "signing_secret": None}, FOLLOWERS[:1]),
        ({"url": ELSEWHERE, "headers": None, "signing_secret": None}, []),
        ({"url": ELSEWHERE, **{name: OPTIONS[name] for name in ("headers", "signing_secret")}}, []),
        (
            {
                "url": ELSEWHERE,
                "headers": {"Authorization": "other", "X-Plain": None},
                "signing_secret": "x" * 16,
            },
            [],
        ),
        ({"url": "https://hooks.example/another?key=other"}, FOLLOWERS),
        ({"timeout_s": 1}, []),
    ],
)
def test_a_secret_does_not_follow_to_another_address(
    api: Shop, changes: dict[str, Any], refused: list[str]
) -> None:
    """Who may change a destination may not read its secrets, nor have them sent to a place of its own."""
    made = api.make()
    api.use_token("write", api.business)
    answer = api.patch(f"{api.path}/{made['id']}", {"options": changes})
    assert answer.status == (400 if refused else 200)
    if refused:
        assert answer.fields == refused
        assert api.kept(made) == OPTIONS


def test_a_function_is_the_operators_choice(
    api: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs inside the server; a business neither chooses one nor loses the operator's by other changes."""
    install_transforms(
        tmp_path, monkeypatch, "enriching", "def enrich(payload, event):\n    return payload\n"
    )
    transforms = [{"function": "enrich"}]
    made = api.make(transforms=transforms)
    path = f"{api.path}/{made['id']}"
    api.use_token("admin", api.business)
    body = {"name": "N", "kind": "webhook", "options": OPTIONS, "transforms": transforms}
    for answer in (api.post(api.path, body), api.patch(path, {"transforms": [*transforms, *transforms]})):
        assert is_refused(answer, 403, "transforms")
    assert api.patch(path, {"name": "Renamed"}).json()["transforms"] == transforms
    assert api.patch(path, {"transforms": []}).json()["transforms"] == []


def test_who_only_reads_sees_no_secret(api: Shop) -> None:
    """Nor can it change anything."""
    made = api.make()
    api.use_token("read", api.business)
    told = api.get(api.path).body + api.get(f"{api.path}/{made['id']}").body
    assert not any(secret.encode() in told for secret in SECRETS)
    assert api.patch(f"{api.path}/{made['id']}", {"enabled": False}).status == 403
    assert api.post(f"{api.path}/{made['id']}/resume").status == 403
    assert api.delete(f"{api.path}/{made['id']}").status == 403


def test_no_answer_and_no_log_line_holds_a_secret(api: Shop) -> None:
    """Not when it is made, changed, refused or shown; nor when a secret is of the wrong type."""
    with structlog.testing.capture_logs() as lines:
        made = api.post(api.path, {"name": "Hook", "kind": "webhook", "options": OPTIONS})
        path = f"{api.path}/{made.json()['id']}"
        answers = [
            made,
            api.get(path),
            api.post(api.path, {"name": "Hook", "kind": "webhook", "options": OPTIONS}),
            api.post(api.path, {"name": "N", "kind": "webhook", "options": OPTIONS | {"nonsense": 1}}),
            api.post(api.path, {"name": "N", "kind": "pigeon", "options": OPTIONS}),
            api.patch(path, {"options": {"signing_secret": ["0123456789-signing"], "url": "url-secret"}}),
            api.patch(path, {"options": {"headers": {"X Y": "header-secret"}}}),
            api.patch(path, {"options": {"signing_secret": "url-secret"}}),
            api.post(f"{path}/resume"),
            api.delete(path),
        ]
    assert [answer.status for answer in answers] == [201, 200, 409, 400, 400, 400, 400, 400, 200, 204]
    told = "".join(f"{answer.body!r}{answer.headers}" for answer in answers) + str(lines)
    assert [secret for secret in SECRETS if secret in told] == []


def test_kinds_tell_their_options(api: Shop) -> None:
    """To every token: enough to fill in a form."""
    api.use_token("read", api.business)
    kinds = {kind["kind"]: kind for kind in api.get("/api/v1/destinations/kinds").json()["kinds"]}
    assert list(kinds) == registry.kinds()
    options = {option["name"]: option for option in kinds["webhook"]["options"]}
    assert options["url"] == {
        "name": "url",
        "type": "text",
        "words": "address, shown without path and query",
        "choices": None,
        "required": True,
        "default": None,
        "secret": True,
        "operator_only": False,
        "description": "Where events are sent: an http or https address.",
    }
    assert (options["method"]["choices"], options["method"]["default"]) == (["PATCH", "POST", "PUT"], "POST")
    assert (options["headers"]["type"], options["headers"]["secret"]) == ("table", True)
    assert [name for name, option in options.items() if option["operator_only"]] == [
        "ca_file",
        "allow_private_addresses",
    ]
    assert {option["type"] for option in options.values()} == {
        "text",
        "table",
        "number",
        "integer",
        "boolean",
    }


# -- With the courier ------------------------------------------------------------------------------


def test_the_courier_follows_and_its_state_is_shown(api: Shop) -> None:
    """Made, paused for its credentials, mended by PATCH, resumed, and sent to the end."""
    from aiohttp import web

    key = {"X-Key": "first"}

    def decide(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=200 if request.headers["X-Key"] == key["X-Key"] else 401, text="no entry")

    def state() -> Any:
        return api.get(f"{api.path}/{made['id']}").json()["state"]

    record(api.data_dir, [make_event(api.pixel_number, message_id="m1")])
    with ReceiverThread(decide) as receiver, courier(api.data_dir):
        options = {"url": receiver.url, "headers": {"X-Key": "wrong"}, "allow_private_addresses": True}
        made = api.make(options=options, from_start=True)
        wait_until(lambda: state()["state"] == "paused", WAIT_S, "it is paused")
        assert "no entry" in state()["reason"]
        assert (state()["waiting"], state()["sent"]) == (1, 0)
        assert api.delete(f"{api.path}/{made['id']}").status == 409
        api.patch(f"{api.path}/{made['id']}", {"options": {"headers": {"X-Key": "first"}}})
        wait_until(lambda: state()["sent"] == 1, WAIT_S, "it was sent")
        key["X-Key"] = "second"
        record(api.data_dir, [make_event(api.pixel_number, message_id="m2")])
        wait_until(lambda: state()["state"] == "paused", WAIT_S, "it is paused again")
        key["X-Key"] = "first"
        assert api.post(f"{api.path}/{made['id']}/resume").status == 200
        wait_until(lambda: state()["sent"] == 2, WAIT_S, "the second was sent")
        wait_until(lambda: state()["waiting"] == 0, WAIT_S, "nothing waits")
        assert state()["last_sent_at"] is not None
        assert api.delete(f"{api.path}/{made['id']}").status == 204
