"""What an owner may declare, and every problem of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pixelwire.errors import InvalidFields
from pixelwire.event import Call, StoredEvent
from pixelwire.routing.route import Failed, Filtered, Routed, parse_route
from support.routes import routed, stored


@pytest.mark.parametrize(
    ("filters", "transforms", "problem"),
    [
        ({"call": ["page"]}, None, "filters: `call` is not known; did you mean `calls`?"),
        ({"calls": ["pages"]}, None, "filters.calls: `pages` is not known; did you mean `page`?"),
        ({"calls": "page"}, None, "filters.calls: must be a list of texts, with one at least"),
        ({"calls": []}, None, "filters.calls: must be a list of texts, with one at least"),
        (
            {"signals": ["PURCHASES"]},
            None,
            "filters.signals: `PURCHASES` is not known; did you mean `PURCHASE`?",
        ),
        ({"events": [7]}, None, "filters.events: must be a list of texts, with one at least"),
        ({"events": ["a\nb"]}, None, "filters.events: must be at most 100 names that can be printed"),
        ({"conditions": {}}, None, "filters.conditions: must be a list of tables, at most 100"),
        ({"conditions": ["x"]}, None, "condition 1: must be a table"),
        ({"conditions": [{"is": "x"}]}, None, "condition 1: path is required"),
        (
            {"conditions": [{"path": "a", "equals": 1}]},
            None,
            "condition 1: `equals` is not known; there are path,",
        ),
        ({"conditions": [{"path": "a"}]}, None, "condition 1: needs one of is, is_not, in, "),
        ({"conditions": [{"path": "a", "is": 1, "in": [1]}]}, None, "it has 2"),
        ({"conditions": [{"path": "a..b", "is": 1}]}, None, "condition 1: `a..b` has an empty part"),
        ({"conditions": [{"path": "a", "at_least": "1"}]}, None, "condition 1 (at_least): must be a number"),
        ({"conditions": [{"path": "a", "at_most": float("nan")}]}, None, "filters: holds what JSON does not"),
        ({"conditions": [{"path": "a", "is": "\ud800"}]}, None, "filters: holds what JSON does not"),
        ({"conditions": [{"path": "a", "is": 10**5000}]}, None, "filters: holds what JSON does not"),
        ({"\ud800": []}, None, "filters: holds what JSON does not"),
        ({"a\nb" * 99: []}, None, "filters: `a\\nba\\nb"),
        (None, [{"set": {"a": "x" * 65_536}}], "transforms: must be at most 65536 bytes of JSON"),
        (
            {"conditions": [{"path": "a", "exists": "yes"}]},
            None,
            "condition 1 (exists): must be true or false",
        ),
        (
            {"conditions": [{"path": "a", "is": []}]},
            None,
            "condition 1 (is): must be text, a number or a boolean",
        ),
        ({"conditions": [{"path": "a", "in": []}]}, None, "condition 1 (in): must be a list with one value"),
        ({"conditions": [{"path": "a", "contains": ""}]}, None, "condition 1 (contains): must be text"),
        ([1], None, "filters: must be a table"),
        (None, {"remove": ["a"]}, "transforms: must be a list of tables, at most 100"),
        (None, [{}] * 101, "transforms: must be a list of tables, at most 100"),
        (None, ["x"], "transform 1: must be a table with one of rename, remove, "),
        (None, [{"remove": ["a"], "set": {"a": 1}}], "transform 1: must be a table with one of rename"),
        (None, [{"renames": {}}], "transform 1: `renames` is not known; did you mean `rename`?"),
        (None, [{"rename": {}}], "transform 1 (rename): must be a table of paths, with one at least"),
        (None, [{"rename": {"a": "messageId"}}], "transform 1 (rename): `messageId` can not be changed"),
        (None, [{"rename": {"a": 7}}], "transform 1 (rename): must be a path such as properties.price"),
        (None, [{"remove": "a"}], "transform 1 (remove): must be a list of paths, with one at least"),
        (None, [{"remove": ["type"]}], "transform 1 (remove): `type` can not be changed"),
        (None, [{"set": {"a": object()}}], "transforms: holds what JSON does not"),
        (None, [{"set": {"a": float("inf")}}], "transforms: holds what JSON does not"),
        (None, [{"set": {"a": datetime.now(UTC)}}], "transforms: holds what JSON does not"),
        (
            None,
            [{"cast": {"a": "float"}}],
            "transform 1 (cast) a: `float` is not known; there are number, integer,",
        ),
        (None, [{"cast": {"a": 1}}], "transform 1 (cast) a: `1` is not known"),
        (
            None,
            [{"flatten": {"path": "a", "separator": "x"}}],
            "transform 1 (flatten) separator: must be 1 to 8",
        ),
        (
            None,
            [{"flatten": {"path": "a", "arrays": 1}}],
            "transform 1 (flatten) arrays: must be true or false",
        ),
        (None, [{"flatten": "a"}], "transform 1 (flatten): must be a table"),
        (
            None,
            [{"hash": {"paths": ["a"], "kind": "mail"}}],
            "transform 1 (hash) kind: `mail` is not known; did you",
        ),
        (None, [{"hash": ["a"]}], "transform 1 (hash): must be a table"),
        (
            None,
            [{"mask": {"paths": ["a"], "keep_last": -1}}],
            "transform 1 (mask) keep_last: must be a number of",
        ),
        (None, [{"mask": {}}], "transform 1 (mask) paths: must be a list of paths, with one at least"),
        (
            None,
            [{"sample": {"percent": 0}}],
            "transform 1 (sample) percent: must be a number above 0, at most 100",
        ),
        (None, [{"sample": {}}], "transform 1 (sample) percent: must be a number above 0, at most 100"),
        (
            None,
            [{"function": "nobody"}],
            "transform 1 (function): `nobody` is not known; there is none (entry",
        ),
    ],
)
def test_a_problem_is_named_with_its_place(filters: Any, transforms: Any, problem: str) -> None:
    """And what to do, where that is not plain."""
    with pytest.raises(InvalidFields) as caught:
        parse_route(filters, transforms)
    assert any(problem in text for text in caught.value.problems), caught.value.problems


def test_every_problem_is_heard_at_once() -> None:
    """Of filters and transforms alike."""
    with pytest.raises(InvalidFields) as caught:
        parse_route({"call": [], "signals": ["X"]}, [{"remove": ["type", "a..b"]}, {"drop": []}])
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(("filters", "transforms"), [(None, None), ({}, []), (None, []), ({}, None)])
def test_a_route_without_rules_is_plain(filters: Any, transforms: Any) -> None:
    """The payload's own bytes go out, whatever they are."""
    route = parse_route(filters, transforms)
    event = stored(b"not even JSON")
    assert route.is_plain
    assert route.verdict(event) is None
    result = route.apply(event)
    assert isinstance(result, Routed)
    assert result.payload is event.payload


def test_a_failed_cast_keeps_the_text_and_is_counted() -> None:
    """What is absent, or null, is no failure."""
    casts = {
        "price": "number",
        "count": "integer",
        "ok": "boolean",
        "at": "time",
        "absent": "number",
        "no": "number",
    }
    payload = {"price": "9.50", "count": "two", "ok": "perhaps", "at": "1700000000", "no": None}
    result = parse_route(None, [{"cast": casts}]).apply(stored(payload))
    assert isinstance(result, Routed)
    sent = json.loads(result.payload)
    assert result.failed_casts == 2
    assert [sent[name] for name in payload] == [9.5, "two", "perhaps", "2023-11-14T22:13:20.000Z", None]


def test_a_sample_keeps_visitors_together() -> None:
    """One is always in or always out, by userId before anonymousId; more percent keep those and add some."""

    def taken(percent: float) -> set[int]:
        route = parse_route(None, [{"sample": {"percent": percent}}])
        visitors = range(2_000)
        results = {
            number: {
                type(route.apply(stored({"userId": f"u{number}", "anonymousId": other, "messageId": other})))
                for other in ("x", "y", "z")
            }
            for number in visitors
        }
        assert all(len(kinds) == 1 for kinds in results.values())
        return {number for number, kinds in results.items() if kinds == {Routed}}

    tenth, half = taken(10), taken(50)
    assert tenth < half
    assert 140 < len(tenth) < 260
    assert len(taken(100)) == 2_000


def test_nobodys_events_are_sampled_one_by_one() -> None:
    """The printed tag's placeholder is nobody, and the reason says no more than that it is a sample."""
    route = parse_route(None, [{"sample": {"percent": 50}}])
    results = [
        route.apply(stored({"anonymousId": "anonymous", "messageId": f"m{number}"})) for number in range(200)
    ]
    assert {type(result) for result in results} == {Routed, Filtered}
    assert {result.reason for result in results if isinstance(result, Filtered)} == {"sampled out"}


def test_a_sample_goes_by_the_visitor_as_recorded() -> None:
    """What a transform before it did to the identity makes no difference."""
    sample = {"sample": {"percent": 50}}
    for number in range(50):
        event = stored({"userId": f"u{number}"})
        plain = parse_route(None, [sample]).apply(event)
        hidden = parse_route(None, [{"remove": ["userId"]}, sample]).apply(event)
        assert type(plain) is type(hidden)


def test_text_of_any_kind_comes_out_as_it_went_in() -> None:
    """No member and no letter is lost on the way through JSON."""
    payload = {"a": "\x00 \u2028 😀 ü", "big": 10**25, "float": 0.1, "deep": [[], {}, None, False]}
    assert routed([{"set": {"b": 1}}], payload) == payload | {"b": 1}


def test_too_many_levels_are_a_failure() -> None:
    """Whatever step meets them."""
    deep = b'{"type":"track","a":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"
    for transform in ({"flatten": {}}, {"hash": {"paths": ["a"]}}, {"rename": {"a": ".".join("b" * 32)}}):
        result = parse_route(None, [transform]).apply(StoredEvent(1, 1, 0, Call.TRACK, 0, deep, b""))
        assert isinstance(result, Routed | Failed)
