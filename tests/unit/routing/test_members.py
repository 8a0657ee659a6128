"""Transforms that rename, remove, set and flatten."""

import json
from typing import Any

import pytest

from pixelwire.routing.route import Failed, Routed, parse_route
from support.routes import routed, stored


@pytest.mark.parametrize(
    ("transform", "before", "after"),
    [
        ({"rename": {"a.b": "c"}}, {"a": {"b": 1}}, {"a": {}, "c": 1}),
        ({"rename": {"a": "a.b"}}, {"a": 1}, {"a": {"b": 1}}),
        ({"rename": {"a.b": "a"}}, {"a": {"b": 1}}, {"a": 1}),
        ({"rename": {"a": "b", "b": "a"}}, {"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({"rename": {"a": "b"}}, {"b": 2}, {"b": 2}),
        ({"rename": {"a": "b"}}, {"a": None}, {"b": None}),
        ({"rename": {"l.0": "x"}}, {"l": [1, 2]}, {"l": [None, 2], "x": 1}),
        ({"remove": ["a", "b.c", "d"]}, {"a": 1, "b": {"c": 2, "e": 3}}, {"b": {"e": 3}}),
        ({"remove": ["l.0", "l.1"]}, {"l": [1, 2, 3]}, {"l": [None, None, 3]}),
        ({"set": {"a.b": [1, {"c": None}]}}, {"a": "x"}, {"a": {"b": [1, {"c": None}]}}),
        (
            {"flatten": {"path": "a"}},
            {"a": {"b": {"c": 1, "d": {"e": 2}}, "f": 3}},
            {"a": {"b_c": 1, "b_d_e": 2, "f": 3}},
        ),
        ({"flatten": {"path": "a", "separator": "."}}, {"a": {"b": {"c": 1}}}, {"a": {"b.c": 1}}),
        ({"flatten": {"path": "a"}}, {"a": {"b": [1], "c": {}}}, {"a": {"b": [1], "c": {}}}),
        (
            {"flatten": {"path": "a", "arrays": True}},
            {"a": {"b": [1, {"c": 2}], "d": []}},
            {"a": {"b_0": 1, "b_1_c": 2, "d": []}},
        ),
        ({"flatten": {"path": "a"}}, {"a": {"b_c": 1, "b": {"c": 2}}}, {"a": {"b_c": 2}}),
        ({"flatten": {"path": "a"}}, {"a": "text"}, {"a": "text"}),
        ({"flatten": {}}, {"a": {"b": 1}}, {"a_b": 1}),
    ],
)
def test_a_transform_changes_what_it_names(
    transform: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    """And nothing else."""
    assert routed([transform], before) == after


def test_transforms_run_in_their_order() -> None:
    """Each sees what the one before it left, and a value that was set is nobody else's."""
    transforms = [
        {"set": {"list": [{"price": "1"}], "again": [{"price": "1"}]}},
        {"cast": {"list.0.price": "number"}},
        {"rename": {"list": "items"}},
    ]
    for _ in range(2):
        assert routed(transforms, {}) == {"items": [{"price": 1}], "again": [{"price": "1"}]}


def test_the_id_and_the_type_stay_when_all_is_flattened() -> None:
    """Also where they are no text."""
    route = parse_route(None, [{"flatten": {"separator": "_"}}])
    result = route.apply(stored({"type": {"a": 1}, "x": {"type": 2}}))
    assert isinstance(result, Routed)
    sent = json.loads(result.payload)
    assert (sent["type"], sent["messageId"], sent["x_type"]) == ({"a": 1}, "m1", 2)


def test_flattening_can_not_blow_a_payload_up() -> None:
    """A long name above many members would be repeated in each."""
    huge = {"a": {"n" * 16_000: {f"k{number}": "" for number in range(1_000)}}}
    result = parse_route(None, [{"flatten": {"path": "a"}}]).apply(stored(huge))
    assert result == Failed("flatten makes the payload too large")


def test_a_payload_has_a_largest_size() -> None:
    """What the transforms made is counted."""
    wide = {"a": {"n" * 10_000: {f"k{number}": "x" * 1_000 for number in range(100)}}}
    result = parse_route(None, [{"flatten": {"path": "a"}}]).apply(stored(wide))
    assert result == Failed("the transforms made the payload larger than 1048576 bytes")
