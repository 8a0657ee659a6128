"""Who reaches what, and the one shape of every error (wire.md 2.3 and 3), over the whole app."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from support.asgi import Answer, Api
from support.catalogs import make_shop
from support.events import make_event, record

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Shops(Api):
    """Two businesses; the first is the one that tokens are made for."""

    own: str
    own_pixel: str
    other: str
    other_pixel: str


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Shops]:
    with Shops(tmp_path) as api:
        first, second = make_shop(tmp_path, "Own"), make_shop(tmp_path, "Other")
        api.own, api.own_pixel = first.business.id, first.pixel.id
        api.other, api.other_pixel = second.business.id, second.pixel.id
        record(tmp_path, [make_event(second.pixel.number, message_id="m1")])
        yield api


def is_problem(answer: Answer) -> bool:
    """Whether an answer has exactly the contract's shape."""
    body = answer.json()
    return (
        list(body) == ["sp_trace_id", "messages", "error_codes"]
        and UUID.fullmatch(body["sp_trace_id"]) is not None
        and all(isinstance(message, str) and message for message in body["messages"])
        and [list(entry) for entry in body["error_codes"]] == [["code", "definition"]]
        and answer.headers["content-type"] == "application/json"
        and int(answer.headers["content-length"]) == len(answer.body)
    )


# -- Tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic eDp5",
        "Bearer nonsense",
        "Bearer " + "x" * 600,
        "Token pw_x",
        "Bearer \xff",
    ],
)
def test_without_a_known_token_nothing_is_told(api: Shops, header: str | None) -> None:
    """401 before anything of the request is looked at, a body included."""
    api.token = None
    headers = {} if header is None else {"Authorization": header}
    for method, path in [
        ("GET", f"/api/v1/pixels/{api.own_pixel}"),
        ("POST", "/ads/v3/businesses"),
        ("GET", "/metrics"),
    ]:
        answer = api.call(method, path, body=b"{", headers=headers)
        assert answer.status == 401
        assert is_problem(answer)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_the_word_bearer_has_no_case(api: Shops) -> None:
    """As HTTP says."""
    headers = {"Authorization": f"bEARER  {api.token}"}
    api.token = None
    assert api.call("GET", "/api/v1/tokens", headers=headers).status == 200


def calls(business: str, pixel: str) -> list[tuple[str, str, Any]]:
    """Every call about a business or its pixel."""
    return [
        ("GET", f"/ads/v3/businesses/{business}", None),
        ("PATCH", f"/ads/v3/businesses/{business}", {"name": "N"}),
        ("GET", f"/ads/v3/businesses/{business}/pixels", None),
        ("POST", f"/ads/v3/businesses/{business}/pixels", {"domain": "https://x.example", "name": "N"}),
        ("GET", f"/ads/v3/businesses/{business}/pixels/{pixel}", None),
        ("PATCH", f"/ads/v3/businesses/{business}/pixels/{pixel}", {"name": "M"}),
        ("GET", f"/api/v1/pixels/{pixel}", None),
        ("PATCH", f"/api/v1/pixels/{pixel}", {"enabled": False}),
        ("GET", f"/api/v1/pixels/{pixel}/events", None),
        ("GET", f"/api/v1/pixels/{pixel}/counts", None),
        ("GET", f"/api/v1/pixels/{pixel}/outcomes", None),
        ("GET", f"/api/v1/pixels/{pixel}/write_keys", None),
        ("POST", f"/api/v1/pixels/{pixel}/write_keys", {}),
    ]


@pytest.mark.parametrize("role", ["read", "write", "admin"])
def test_a_token_of_a_business_never_reaches_another(api: Shops, role: str) -> None:
    """Neither to read nor to change, whatever its role."""
    receipt = f"/api/v1/pixels/{api.other_pixel}/events/m1"
    assert api.get(receipt).status == 200
    before = [
        api.catalog.business(api.other),
        api.catalog.pixel(api.other_pixel),
        api.catalog.write_keys(api.other_pixel),
    ]
    api.use_token(role, api.own)
    for method, path, body in [*calls(api.other, api.other_pixel), ("GET", receipt, None)]:
        answer = api.call(method, path, body=body)
        is_hidden = path.startswith("/api/v1") and (role != "read" or method == "GET")
        hidden = 404 if is_hidden else 403
        assert (answer.status, is_problem(answer)) == (hidden, True), path
    key = api.catalog.write_keys(api.other_pixel)[0].id
    for method in ("PATCH", "DELETE"):
        path = f"/api/v1/pixels/{api.other_pixel}/write_keys/{key}"
        status = api.call(method, path, body={"enabled": False}).status
        assert status == (403 if role == "read" else 404)
    after = [
        api.catalog.business(api.other),
        api.catalog.pixel(api.other_pixel),
        api.catalog.write_keys(api.other_pixel),
    ]
    assert after == before
    assert [business["id"] for business in api.get("/ads/v3/businesses").json()["businesses"]] == [api.own]


def test_a_foreign_business_that_is_not_there_looks_the_same(api: Shops) -> None:
    """So ids can not be probed with a token of one business."""
    api.use_token("admin", api.own)
    assert api.get("/ads/v3/businesses/ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a").status == 403


@pytest.mark.parametrize("scope", ["own", None])
@pytest.mark.parametrize("role", ["read", "write", "admin"])
def test_a_role_reads_or_changes(api: Shops, role: str, scope: str | None) -> None:
    """`read` has GET only; the others have all, in their business or in every one."""
    api.use_token(role, api.own if scope else None)
    for method, path, body in calls(api.own, api.own_pixel):
        status = api.call(method, path, body=body).status
        assert status == (403 if role == "read" and method != "GET" else status), path
        assert status < 300 or (role == "read" and method != "GET"), path


@pytest.mark.parametrize(
    ("role", "scope"), [("read", None), ("write", None), ("write", "own"), ("admin", "own")]
)
def test_only_an_admin_of_the_server_has_what_is_the_servers(
    api: Shops, role: str, scope: str | None
) -> None:
    """Making businesses, the whole server's outcomes, the metrics."""
    server = [
        ("POST", "/ads/v3/businesses", {"name": "x", "type": "AGENCY"}),
        ("GET", "/api/v1/outcomes", None),
        ("GET", "/metrics", None),
    ]
    assert [api.call(method, path, body=body).status for method, path, body in server] == [200, 200, 200]
    api.use_token(role, api.own if scope else None)
    for method, path, body in server:
        answer = api.call(method, path, body=body)
        assert (answer.status, is_problem(answer)) == (403, True), path


@pytest.mark.parametrize("scope", ["own", None])
@pytest.mark.parametrize("role", ["read", "write"])
def test_only_admins_have_tokens(api: Shops, role: str, scope: str | None) -> None:
    """Neither to list, to make nor to delete."""
    token = api.catalog.tokens()[0].id
    api.use_token(role, api.own if scope else None)
    assert api.get("/api/v1/tokens").status == 403
    assert api.post("/api/v1/tokens", {"name": "x", "role": "read"}).status == 403
    assert api.delete(f"/api/v1/tokens/{token}").status == 403


def test_an_admin_of_a_business_has_its_tokens_only(api: Shops) -> None:
    """It can neither see, make nor delete one that reaches further than itself."""
    foreign = api.catalog.create_token("foreign", api.other, "read")
    servers = api.catalog.tokens()[0]
    api.use_token("admin", api.own)
    for scope in (api.other, None):
        body = {"name": "x", "role": "read", "business_id": scope}
        assert api.post("/api/v1/tokens", body).status == 403
    made = api.post("/api/v1/tokens", {"name": "x", "role": "admin"}).json()
    assert made["business_id"] == api.own
    assert {token["business_id"] for token in api.get("/api/v1/tokens").json()["tokens"]} == {api.own}
    assert [api.delete(f"/api/v1/tokens/{token.id}").status for token in (foreign, servers)] == [404, 404]
    assert api.delete(f"/api/v1/tokens/{made['id']}").status == 204


# -- Errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/ads/v3", "/ads/v3/businesses/", "/api/v1/pixels", "/docs/", "/static/x", "/%00"]
)
def test_an_unknown_path_is_404_in_the_contracts_shape(api: Shops, path: str) -> None:
    """No redirect to a path with a slash more or less."""
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        answer = api.call(method, path)
        assert (answer.status, is_problem(answer)) == (404, True)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/ads/v3/businesses", "HEAD, GET, POST"),
        ("DELETE", "/ads/v3/businesses/{own}", "HEAD, GET, PATCH"),
        ("POST", "/ads/v3/businesses/{own}/pixels/{pixel}", "HEAD, GET, PATCH"),
        ("PATCH", "/api/v1/pixels/{pixel}/events/a/b", "HEAD, GET"),
        ("GET", "/api/v1/tokens/x", "DELETE"),
        ("HEAD", "/api/v1/tokens/x", "DELETE"),
        ("POST", "/healthz", "HEAD, GET"),
        ("OPTIONS", "/metrics", "HEAD, GET"),
        ("POST", "/openapi.json", "HEAD, GET"),
        ("PUT", "/docs", "HEAD, GET"),
    ],
)
def test_another_method_is_405_with_those_there_are(api: Shops, method: str, path: str, allow: str) -> None:
    """All of a path, not only the first route's."""
    answer = api.call(method, path.format(own=api.own, pixel=api.own_pixel))
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert method == "HEAD" or is_problem(answer)


@pytest.mark.parametrize(
    "path", ["/ads/v3/businesses", "/readyz", "/healthz", "/docs", "/openapi.json", "/metrics"]
)
def test_head_is_get_without_the_body(api: Shops, path: str) -> None:
    """The same status and type, the length that GET would have."""
    got, head = api.get(path), api.call("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert abs(int(head.headers["content-length"]) - len(got.body)) < 50


def test_a_body_over_64_kib_is_413(api: Shops) -> None:
    """Told by its length, or by what came when it has none; just below it is read."""
    path = f"/ads/v3/businesses/{api.own}"
    fits = b'{"name":"x"' + b" " * (65_536 - 12) + b"}"
    assert len(fits) == 65_536
    assert api.call("PATCH", path, body=fits).status == 200
    for answer in (
        api.call("PATCH", path, body=fits + b" "),
        api.call("PATCH", path, chunks=[fits, b" "]),
        api.call("PATCH", path, chunks=[b" " * 1_024] * 65),
    ):
        assert (answer.status, is_problem(answer)) == (413, True)


def test_a_body_in_pieces_is_read_whole(api: Shops) -> None:
    """As a slow client sends it."""
    path = f"/ads/v3/businesses/{api.own}"
    assert api.call("PATCH", path, chunks=[b'{"na', b'me":"Pie', b'ces"}']).json()["name"] == "Pieces"


def test_deep_json_is_400(api: Shops) -> None:
    """A body made to exhaust a parser is the sender's fault."""
    answer = api.call("POST", "/ads/v3/businesses", body=b"[" * 60_000)
    assert (answer.status, is_problem(answer), answer.fields) == (400, True, ["body"])


def test_a_crash_tells_the_log_and_not_the_caller(api: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 without internals; the id leads from one to the other."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret path /var/lib/x")

    monkeypatch.setattr("pixelwire.record.reader.Reader.signal_counts", fail)
    with structlog.testing.capture_logs() as lines:
        answer = api.get(f"/ads/v3/businesses/{api.own}/pixels/{api.own_pixel}")
    assert (answer.status, is_problem(answer)) == (500, True)
    assert b"secret" not in answer.body
    (line,) = lines
    assert line["sp_trace_id"] == answer.json()["sp_trace_id"]
    assert (line["log_level"], line["operation"]) == ("error", "get_pixel")


def test_every_problem_is_in_the_log_without_secrets(api: Shops) -> None:
    """By its id; neither the token nor a visitor's message id is."""
    with structlog.testing.capture_logs() as lines:
        answer = api.get(f"/api/v1/pixels/{api.own_pixel}/events/visitor@example.com")
    assert [line["sp_trace_id"] for line in lines] == [answer.json()["sp_trace_id"]]
    assert api.token is not None
    assert api.token not in str(lines)
    assert "visitor" not in str(lines)


def test_a_busy_catalog_is_503_to_be_tried_again(api: Shops) -> None:
    """Another process holds the lock too long: nothing was changed."""
    api.catalog._connection.execute("BEGIN IMMEDIATE")
    answer = api.patch(f"/ads/v3/businesses/{api.own}", {"name": "Late"})
    api.catalog._connection.execute("ROLLBACK")
    assert (answer.status, answer.headers["retry-after"], is_problem(answer)) == (503, "1", True)
    assert api.catalog.business(api.own).name == "Own"


@pytest.mark.parametrize(
    "path", ["/ads/v3/businesses", "/nope", "/healthz", "/docs", "/docs/style.css", "/openapi.json"]
)
def test_no_answer_is_sniffed_or_framed_into_something_else(api: Shops, path: str) -> None:
    """And none is kept by a cache but the style sheet."""
    headers = api.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert headers["cache-control"] == ("max-age=3600" if path.endswith(".css") else "no-store")
