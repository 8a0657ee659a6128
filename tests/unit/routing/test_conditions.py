"""Conditions on members of a payload."""

from typing import Any

import pytest

from pixelwire.routing.route import Filtered, parse_route
from support.routes import stored


@pytest.mark.parametrize(
    ("test", "found", "holds"),
    [
        ({"is": "gold"}, "gold", True),
        ({"is": "gold"}, "Gold", False),
        ({"is": "1"}, 1, True),
        ({"is": "true"}, True, True),
        ({"is": 10}, "10", True),
        ({"is": 10}, "10.0", True),
        ({"is": 10}, 10, True),
        ({"is": 1}, True, False),
        ({"is": True}, "yes", True),
        ({"is": True}, True, True),
        ({"is": True}, "false", False),
        ({"is": "gold"}, None, False),
        ({"is": "gold"}, {"gold": 1}, False),
        ({"is_not": "gold"}, "silver", True),
        ({"is_not": "gold"}, "gold", False),
        ({"is_not": "gold"}, None, True),
        ({"in": ["gold", 7]}, "7", True),
        ({"in": ["gold", 7]}, "silver", False),
        ({"not_in": ["gold", 7]}, "7.0", False),
        ({"not_in": ["gold", 7]}, None, True),
        ({"exists": True}, "", True),
        ({"exists": True}, None, False),
        ({"exists": False}, None, True),
        ({"exists": False}, [], False),
        ({"contains": "ol"}, "gold", True),
        ({"contains": "OL"}, "gold", False),
        ({"contains": "ol"}, ["ol"], False),
        ({"starts_with": "/shop/"}, "/shop/a", True),
        ({"starts_with": "/shop/"}, "/", False),
        ({"starts_with": "4"}, 42, True),
        ({"at_least": 10}, "10", True),
        ({"at_least": 10}, "9.99", False),
        ({"at_least": 10}, "ten", False),
        ({"at_least": 10}, None, False),
        ({"at_most": 10.5}, "10.5", True),
        ({"at_most": 10.5}, 11, False),
        ({"at_most": 10.5}, "1e400", False),
    ],
)
def test_a_condition_holds_or_not(test: dict[str, Any], found: object, holds: bool) -> None:
    """Text that is a number or a boolean counts as one; null is as good as absent."""
    route = parse_route({"conditions": [{"path": "properties.plan", **test}]}, None)
    verdict = route.verdict(stored({"properties": {"plan": found}}))
    assert verdict == (None if holds else Filtered("condition 1 (properties.plan) does not hold"))
    if found is None:
        assert route.verdict(stored()) == verdict


def test_all_conditions_must_hold() -> None:
    """The reason names the first that does not, and nothing of the event."""
    conditions = [
        {"path": "properties.price", "at_least": 10},
        {"path": "context.traits.email", "exists": True},
        {"path": "products.0.id", "in": ["a", "b"]},
    ]
    payload = {"properties": {"price": "10"}, "context": {"traits": {"email": "ann@example.com"}}}
    route = parse_route({"conditions": conditions}, None)
    assert route.verdict(stored(payload | {"products": [{"id": "a"}]})) is None
    assert route.verdict(stored(payload)) == Filtered("condition 3 (products.0.id) does not hold")
