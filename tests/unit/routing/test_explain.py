"""What a dry run is told."""

import msgspec
import pytest

from pixelwire.routing.explain import Change, changes, explain
from pixelwire.routing.route import parse_route
from support.routes import stored, viewed

FILTERS = {"calls": ["track"]}


def test_each_transform_shows_what_it_changed() -> None:
    """By path, with the payload before and after it; the last one is what would be sent."""
    transforms = [{"cast": {"price": "number", "when": "time"}}, {"rename": {"price": "a.value"}}]
    steps = explain(parse_route(FILTERS, transforms), stored({"price": "9.5", "when": "soon"}))
    assert [(step.rule, step.outcome, step.failed_casts) for step in steps] == [
        ("filters", "passed", 0),
        ("transform 1 (cast)", "passed", 1),
        ("transform 2 (rename)", "passed", 0),
    ]
    assert steps[1].changes == [Change("price", "9.5", 9.5)]
    assert steps[2].changes == [Change("price", 9.5), Change("a.value", after=9.5)]
    assert steps[1].after == steps[2].before
    assert steps[2].after is not None
    assert steps[2].after["a"] == {"value": 9.5}


def test_the_rule_that_filtered_is_the_last_step() -> None:
    """Filters first, then the transform that may leave an event out."""
    assert [
        (step.rule, step.outcome, step.reason) for step in explain(parse_route(FILTERS, None), viewed())
    ] == [("filters", "filtered", "call is page")]
    sampled = parse_route(FILTERS, [{"remove": ["a"]}, {"sample": {"percent": 1e-9}}, {"remove": ["b"]}])
    steps = explain(sampled, stored())
    assert [step.rule for step in steps] == ["filters", "transform 1 (remove)", "transform 2 (sample)"]
    assert (steps[-1].outcome, steps[-1].reason, steps[-1].after) == ("filtered", "sampled out", None)


@pytest.mark.parametrize(
    ("filters", "transforms", "rule"),
    [
        ({"events": ["x"]}, None, "filters"),
        (FILTERS, [{"remove": ["a"]}], "payload"),
    ],
)
def test_a_payload_that_can_not_be_read_is_said_to_be_so(
    filters: dict[str, object], transforms: list[object] | None, rule: str
) -> None:
    """As the whole way would."""
    step = explain(parse_route(filters, transforms), stored(b"[]"))[-1]
    assert (step.rule, step.outcome) == (rule, "failed")
    assert step.reason == "the payload is no JSON object that can be read"


def test_a_plain_route_has_no_steps() -> None:
    """There is nothing to tell."""
    assert explain(parse_route(None, None), viewed()) == []


def test_changes_are_named_by_paths_that_can_be_declared() -> None:
    """With their escapes; empty objects and null are values too."""
    before = {"a": {"x.y": 1}, "b": {}, "c": None, "d": [1, 2], "e": 1, "f": True}
    after = {"a": {"x.y": 2}, "b": {"z": 1}, "d": [1], "e": 1.0, "f": True}
    assert list(changes(before, after)) == [
        Change(r"a.x\.y", 1, 2),
        Change("b", before={}),
        Change("c", before=None),
        Change("d.1", before=2),
        Change("e", 1, 1.0),
        Change("b.z", after=1),
    ]
    assert msgspec.to_builtins(Change("c", before=None)) == {"path": "c", "before": None}
