"""Whatever comes, the app gives an answer of the tables, and what it keeps is bounded."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.event import Outcome
from pixelwire.limits import (
    DROPPED_LISTED_MAX,
    EVENT_NAME_CHARACTERS_MAX,
    LEVELS_MAX,
    PAYLOAD_BYTES_MAX,
    QUERY_BYTES_MAX,
)
from support.pixels import GIF, PIXEL, WRITE_KEY, Reply, Visitor, make_entry

KNOWN = b"writeKey=" + WRITE_KEY.encode() + b"&"
STATUSES = {"stored": 200, "duplicate": 200, "filtered": 200, "refused": 400, "failed": 503}
REASONS = {
    "filtered": {"head", "gpc"},
    "refused": {
        "query_too_long",
        "write_key_missing",
        "write_key_unknown",
        "identity_missing",
        "event_missing",
    },
}

PIECES = st.sampled_from(
    b"""
    anonymousId=a1 userId=u anonymousId= userId.x=1 event=Purchase event= event.0=x name= messageId=m
    messageId.a=1 properties.x=1 properties=1 properties.0=1 context.page.url=u context.page=1 context.ip=1
    context.0.0=1 context.userAgent=U a.0=1 a.k=1 a.-1=1 a.-1.-1=1 a.255=1 a.256=1 a.=1 a=1 a..b=1 a.:0=1
    :writeKey=k _pw_x=1 type=x timestamp.x=1 sentAt.0=1 channel.x=1 integrations=1 x*=1 \\=1 : = & %zz=%zz
    x=%00 x=%1e%1f x=%F0%9F%8E%B5 x=\x00\x1f\x7f x=\xff\xfe %ff=%ff traits.0.1=x originalTimestamp.0=x
    rudderId=1 k.k.k.k.k.k=1
    """.split()
)
WHOLE = st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=12).map(
    lambda pieces: KNOWN + b"&".join([*pieces, b"anonymousId=a1&event=Purchase"])
)
QUERIES = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=20).map(b"&".join), WHOLE, WHOLE)
NAMES = st.sampled_from(
    b"""
    accept accept-language user-agent referer origin via sec-gpc sec-fetch-dest sec-fetch-mode dnt sec-ch-ua
    x-forwarded-for purpose host content-length access-control-request-headers cookie
    """.split()
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        b"""
        1 0 image */* image/* * , ; de-CH,de https://a.example/x https://a.example/ 10.0.0.1,1.2.3.4
        [::1]:80 x\r\ny
        """.split()
    ),
    st.integers(1_000, 9_000).map(lambda length: b"\x01" * length),
)
HEADERS = st.builds(
    lambda first, rest: [*first, *rest],
    st.sampled_from([[], [], [(b"sec-gpc", b"1")]]),
    st.lists(st.tuples(st.one_of(NAMES, st.binary(max_size=8)), VALUES), max_size=12),
)
POLICIES = st.fixed_dictionaries(
    {
        "address": st.sampled_from(["full", "masked", "none"]),
        "user_agent": st.sampled_from(["full", "none"]),
        "gpc": st.sampled_from(["count", "store", "filter"]),
        "rules": st.sampled_from([{}, {"purchase": 0, "e": 11}]),
    }
)


def check_answer(reply: Reply, method: str) -> None:
    """It is one of the tables, and nothing in its head could break a server."""
    outcome, reason = reply.outcome
    assert reply.status == STATUSES[str(outcome)]
    if outcome == "stored":
        assert reason is None
        assert reply.headers["x-pixelwire-message-id"]
    else:
        assert reason in REASONS[str(outcome)]
    if method == "HEAD":
        assert reply.body == b""
    else:
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert reply.body == GIF or reply.body.decode("ascii")
    for name, value in reply.lines:
        assert name == name.lower()
        assert value.decode("ascii").isprintable()


def check_event(visitor: Visitor) -> None:
    """What is kept is well-formed, bounded, and counted once."""
    event = visitor.event
    assert event.pixel == PIXEL
    assert len(event.payload) <= PAYLOAD_BYTES_MAX
    assert len(event.extra) <= PAYLOAD_BYTES_MAX
    payload = visitor.payload
    assert payload["integrations"] == {"All": True}
    assert payload["type"] in ("page", "track")
    assert type(payload["messageId"]) is str
    assert payload["messageId"]
    assert "writeKey" not in payload
    assert deepest(payload) <= LEVELS_MAX
    for name in ("properties", "context", "traits"):
        assert type(payload.get(name, {})) is dict
    if event.extra:
        assert len(visitor.extra.get("dropped", [])) <= DROPPED_LISTED_MAX
    if event.name is not None:
        assert len(event.name) <= EVENT_NAME_CHARACTERS_MAX


def deepest(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(deepest, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(deepest, value), default=0)
    return 0


@settings(derandomize=True, max_examples=1_000, deadline=None)
@given(
    QUERIES,
    HEADERS,
    st.sampled_from(["GET", "GET", "HEAD"]),
    st.sampled_from(["page", "track"]),
    POLICIES,
    st.text(max_size=5),
)
def test_any_request_has_an_answer_of_the_tables(
    query: bytes, headers: Any, method: str, call: str, policies: dict[str, Any], peer: str
) -> None:
    """Never an exception, and the ledger adds up: one received, one outcome."""
    visitor = Visitor(trusted_proxies=["10.0.0.0/8", "::1"])
    visitor.keys.table[WRITE_KEY] = make_entry(**policies)
    reply = visitor.ask(f"/pixel/v1/{call}", query, method=method, headers=headers, peer=peer)
    check_answer(reply, method)
    events = visitor.outbox.events
    outcomes = sum(
        amount for (_, _, outcome, _), amount in visitor.outbox.tallies.items() if outcome in list(Outcome)
    )
    assert visitor.outbox.received_by_hour.total() == 1 == len(events) + outcomes
    assert bool(events) == (reply.outcome[0] == "stored")
    if events:
        check_event(visitor)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), QUERIES, HEADERS)
def test_any_method_and_path_have_an_answer(method: str, path: str, query: bytes, headers: Any) -> None:
    """Outside the routes too."""
    visitor = Visitor()
    for asked in (path, "/pixel/v1/page", "/robots.txt"):
        reply = visitor.ask(asked, query, method=method, headers=headers)
        assert reply.status in (200, 204, 400, 404, 405)


DENSE = {
    "bytes that are not UTF-8 in what stands twice": (b"properties.url=", b"\xff"),
    "control characters in what stands twice": (b"context.page.url=", b"\x01"),
    "escaped control characters": (b"context.page.title=", b"%01"),
    "quotes": (b"properties.url=", b'"'),
    "backslashes": (b"properties.url=", b"\\"),
    "levels of one bad byte each": (b"", b"\xff." * 31 + b"\xfe%d=&"),
    "short keys of their own": (b"", b"%d&"),
    "arrays in arrays": (b"", b"%d" + b".0" * 31 + b"=&"),
    "objects in objects": (b"", b"%d" + b".:" * 31 + b"=&"),
    "padding": (b"", b"%d.255=&"),
    "appended objects": (b"", b"a.-1.:.:.:.:=%d&"),
    "one bad byte as key and value": (b"", b"k%d.\xff=\xff&"),
}


@pytest.mark.parametrize("headers", ["\x01", "\x7f", "\xff", '"'])
@pytest.mark.parametrize("name", list(DENSE))
def test_the_densest_request_stays_within_the_bound(name: str, headers: str) -> None:
    """A full query, full headers, and not a byte over PAYLOAD_BYTES_MAX."""
    start, unit = DENSE[name]
    query = KNOWN + b"anonymousId=a&" + start
    pieces, size, number = [], len(query), 0
    while size + len(unit) + 4 <= QUERY_BYTES_MAX:
        pieces.append(unit.replace(b"%d", b"%d" % number))
        size += len(pieces[-1])
        number += 1
    query += b"".join(pieces)[: QUERY_BYTES_MAX - len(query)]
    long = headers.encode("latin-1") * 9_000
    lines = [(b"user-agent", long), (b"accept-language", long), (b"referer", b"https://a.example/" + long)]
    visitor = Visitor()
    visitor.keys.table[WRITE_KEY] = make_entry(address="full")

    reply = visitor.ask("/pixel/v1/page", query, headers=lines)

    assert reply.outcome == ("stored", None)
    check_event(visitor)
    assert json.loads(visitor.event.payload)["anonymousId"] == "a"


def test_the_bound_is_near_what_is_possible() -> None:
    """The densest query known comes within a fifth of it: the bound is no wish."""
    visitor = Visitor()
    query = KNOWN + b"anonymousId=a&properties.url="
    lines = [(name, b"\x01" * 3_000) for name in (b"user-agent", b"accept-language")]
    visitor.ask("/pixel/v1/page", query + b"\xff" * (QUERY_BYTES_MAX - len(query)), headers=lines)
    assert len(visitor.event.payload) > PAYLOAD_BYTES_MAX * 0.8
