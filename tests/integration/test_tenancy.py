"""Nobody reaches what is another's: every call of the API, with every kind of token.

The calls come from the API's own document: a new one is tried here without being named, and one that needs a
body or a parameter that is not known here fails until it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire import manage
from support.tenants import MARK, Call, Tenant, Tenants, anonymised, mixtures

ROLES = ["read", "write", "admin"]
# Those whose body can name what belongs to a business.
NAMING_OTHERS = [
    "create_pixel",
    "create_token",
    "create_destination",
    "change_destination",
    "dry_run_destination",
    "send_test_event",
    "start_replay",
]
SOURCES = Path(manage.__file__).parent


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Tenants]:
    with Tenants(tmp_path) as api:
        yield api


def body_of(call: Call, aim: Tenant) -> Any:
    """A body that would work, and that says what it can of the business it aims at."""
    if not call.has_body:
        return None
    return {
        "create_business": {"name": "Mine", "type": "AGENCY"},
        "change_business": {"name": "Mine"},
        "create_pixel": {"domain": "https://mine.example", "name": "Mine", "dataset_id": aim.dataset_id},
        "change_pixel": {"name": "Mine, renamed"},
        "change_settings": {"enabled": False},
        "create_write_key": {},
        "switch_write_key": {"enabled": False},
        "create_destination": {
            "name": "Mine",
            "kind": "webhook",
            "options": {"url": "http://127.0.0.1:9/"},
            "pixel_ids": [aim.pixel_id],
        },
        "change_destination": {"enabled": False, "pixel_ids": [aim.pixel_id]},
        "dry_run_destination": {"pixel_id": aim.pixel_id},
        "retry_dead_letters": {"all": True},
        "drop_dead_letters": {"reason": "answered"},
        "start_replay": {
            "from": "2020-01-01T00:00:00Z",
            "to": "2999-01-01T00:00:00Z",
            "pixel_ids": [aim.pixel_id],
        },
        "send_test_event": {"pixel_id": aim.pixel_id, "message_id": aim.message_id},
        "create_token": {"name": "Mine", "business_id": aim.business_id, "role": "read"},
    }[call.operation]


def asked(api: Tenants, call: Call, values: dict[str, str], aim: Tenant) -> Any:
    return api.call(call.method, call.path.format(**values), body=body_of(call, aim))


def tells(api: Tenants, answer: Any, allowed: dict[str, str]) -> list[str]:
    """What of the other business an answer gives away, beyond the ids that were asked for."""
    said = answer.body.decode() + str(answer.headers)
    for value in allowed.values():
        said = said.replace(value, "")
    return [secret for secret in api.secrets() if secret in said]


@pytest.mark.parametrize("token", [None, "pw_unknown", "", "' OR 1=1 --"])
def test_without_a_known_token_nothing_is_reached(api: Tenants, token: str | None) -> None:
    """401 for whatever is there and whatever is not; only health is open, and tells nothing."""
    before = api.rows()
    api.token = token
    for call in api.calls():
        for aim in (api.own, api.other, api.nobody):
            answer = asked(api, call, aim._asdict(), aim)
            assert answer.status == 401 or (call.is_open and answer.status in (200, 503)), call
            assert tells(api, answer, {}) == [], call
    assert [call.path for call in api.calls() if call.is_open] == ["/healthz", "/readyz"]
    assert api.rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_a_token_of_a_business_never_reaches_another(api: Tenants, role: str) -> None:
    """Neither to read nor to change, and no answer holds a word of it."""
    api.use_token(role, api.own.business_id)
    before = api.rows()
    for call in api.calls():
        for values in mixtures(call, api.own, api.other):
            answer = asked(api, call, values, api.other)
            assert answer.status in (403, 404), (call, values)
            assert tells(api, answer, values) == [], (call, values)
    assert api.rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_what_is_anothers_looks_like_what_is_not_there(api: Tenants, role: str) -> None:
    """The same status and the same words: no answer can be used to find out what others have."""
    api.use_token(role, api.own.business_id)
    for call in api.calls():
        pairs = zip(mixtures(call, api.own, api.other), mixtures(call, api.own, api.nobody), strict=True)
        for there, nowhere in pairs:
            foreign = asked(api, call, there, api.other)
            absent = asked(api, call, nowhere, api.nobody)
            assert foreign.status == absent.status, (call, there)
            assert anonymised(foreign.body, api.other) == anonymised(absent.body, api.nobody), (call, there)


@pytest.mark.parametrize("role", ROLES)
def test_bodies_that_name_another_business_reach_nothing(api: Tenants, role: str) -> None:
    """With paths of our own: a dataset or a business of others is refused as one that is not there."""
    api.use_token(role, api.own.business_id)
    for call in api.calls():
        if call.operation not in NAMING_OTHERS:
            continue
        before = api.rows()
        foreign = asked(api, call, api.own._asdict(), api.other)
        absent = asked(api, call, api.own._asdict(), api.nobody)
        assert foreign.status == absent.status
        assert foreign.status in (400, 403)
        assert anonymised(foreign.body, api.other) == anonymised(absent.body, api.nobody)
        assert api.rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_lists_hold_only_what_is_the_tokens(api: Tenants, role: str) -> None:
    """What needs no id leaks nothing either, nor does a call about one's own."""
    api.use_token(role, api.own.business_id)
    for call in api.calls():
        if call.method == "GET":
            answer = asked(api, call, api.own._asdict(), api.own)
            assert answer.status in (200, 403), call
            assert tells(api, answer, {}) == [], call


@pytest.mark.parametrize("scope", ["own", "server"])
def test_a_token_that_reads_changes_nothing(api: Tenants, scope: str) -> None:
    """Of a business or of all: every call that is no GET is 403 and leaves no trace."""
    api.use_token("read", api.own.business_id if scope == "own" else None)
    before = api.rows()
    for call in api.calls():
        if call.method != "GET":
            for aim in (api.own, api.other, api.nobody):
                assert asked(api, call, aim._asdict(), aim).status == 403, call
    assert api.rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_a_token_of_the_server_reads_every_business(api: Tenants, role: str) -> None:
    """Else the tests above would hold for a server that shows nothing to anybody."""
    api.use_token(role)
    for call in api.calls():
        if call.method == "GET":
            needs_admin = call.operation in ("list_tokens", "get_server_outcomes", "metrics")
            answer = asked(api, call, api.other._asdict(), api.other)
            expected = {403} if needs_admin and role != "admin" else {200, 503} if call.is_open else {200}
            assert answer.status in expected, call


def test_an_admin_of_the_server_may_change_every_business(api: Tenants) -> None:
    """Every call that is not about reading works for it, in an order that leaves something to change."""
    api.use_token("admin")
    writes = sorted(  # deletions last, and of these what is in something before it
        (call for call in api.calls() if call.method != "GET"),
        key=lambda call: (call.method == "DELETE", -len(call.path)),
    )
    for call in writes:
        body = body_of(call, api.other)
        if call.operation == "create_pixel":
            del body["dataset_id"]  # it has a pixel
        path, query = call.path.format(**api.other._asdict()), {}
        if call.operation == "delete_destination":
            query["discard"] = "true"  # it has a dead letter
        answer = api.call(call.method, path, body=body, query=query)
        assert answer.status in (200, 201, 202, 204), call


def test_no_route_is_missing_from_the_document() -> None:
    """What is not in it would not be tried here: only the documentation itself is not."""
    hidden = {path.name for path in SOURCES.glob("**/*.py") if "include_in_schema" in path.read_text()}
    assert hidden == {"app.py", "docs.py"}


def test_the_mark_is_in_what_its_owner_reads(api: Tenants) -> None:
    """The test of the test: what is looked for in vain elsewhere is there."""
    api.use_token("admin", api.other.business_id)
    told = [
        asked(api, call, api.other._asdict(), api.other).body.decode()
        for call in api.calls()
        if call.method == "GET"
    ]
    assert sum(MARK in text for text in told) >= 6
