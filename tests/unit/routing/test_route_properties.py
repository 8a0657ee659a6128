"""Whatever is declared and whatever is sent, a route answers, and always the same."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.errors import InvalidFields
from pixelwire.event import Call, Signal, StoredEvent
from pixelwire.routing.explain import explain, explained
from pixelwire.routing.route import Failed, Filtered, Routed, parse_route

NAMES = st.sampled_from(
    ["a", "b", "c", "0", "1", "type", "messageId", "event", "userId", "x.y", "\\", ":k", ""]
)
TEXTS = st.one_of(
    st.sampled_from(["", "1", "9.5", "true", "2026-01-23", "1700000000", "ann@example.com", "anonymous"]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "0", "1", "d", r"x\.y", r"\\"]), min_size=1, max_size=4).map(
    ".".join
)

PATH_LISTS = st.lists(PATHS, min_size=1, max_size=3)
TRANSFORMS = st.one_of(
    st.dictionaries(PATHS, PATHS, min_size=1, max_size=3).map(lambda moves: {"rename": moves}),
    PATH_LISTS.map(lambda paths: {"remove": paths}),
    st.dictionaries(PATHS, VALUES, min_size=1, max_size=3).map(lambda values: {"set": values}),
    st.fixed_dictionaries(
        {}, optional={"path": PATHS, "separator": st.sampled_from(["_", ".", "::"]), "arrays": st.booleans()}
    ).map(lambda table: {"flatten": table}),
    st.dictionaries(
        PATHS, st.sampled_from(["number", "integer", "boolean", "time"]), min_size=1, max_size=3
    ).map(lambda casts: {"cast": casts}),
    st.fixed_dictionaries({"paths": PATH_LISTS, "kind": st.sampled_from(["email", "phone", "text"])}).map(
        lambda table: {"hash": table}
    ),
    st.fixed_dictionaries(
        {"paths": PATH_LISTS}, optional={"keep_first": st.integers(0, 9), "keep_last": st.integers(0, 9)}
    ).map(lambda table: {"mask": table}),
    st.floats(0.001, 100).map(lambda percent: {"sample": {"percent": percent}}),
)
TESTS = st.one_of(
    st.tuples(st.sampled_from(["is", "is_not"]), st.one_of(st.booleans(), st.integers(), TEXTS)),
    st.tuples(st.sampled_from(["in", "not_in"]), st.lists(TEXTS, min_size=1, max_size=3)),
    st.tuples(st.just("exists"), st.booleans()),
    st.tuples(st.sampled_from(["contains", "starts_with"]), st.sampled_from(["a", "1"])),
    st.tuples(st.sampled_from(["at_least", "at_most"]), st.one_of(st.integers(), st.floats(-1e9, 1e9))),
)
CONDITIONS = st.builds(lambda path, test: {"path": path, test[0]: test[1]}, PATHS, TESTS)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "calls": st.sampled_from([["page"], ["track"], ["page", "track"]]),
        "events": st.sampled_from([["a*"], ["*"], ["1", "Clicked"]]),
        "not_events": st.sampled_from([["a*"], ["1"]]),
        "signals": st.sampled_from([["VIEW"], ["PURCHASE", "LEAD"]]),
        "not_signals": st.sampled_from([["VIEW"], ["PURCHASE"]]),
        "conditions": st.lists(CONDITIONS, max_size=3),
    },
)


def on_disk(payload: bytes, call: Call, signal: int) -> StoredEvent:
    return StoredEvent(1, 1, 0, call, signal, payload, b"")


@settings(max_examples=300, deadline=None)
@given(
    OBJECTS,
    FILTERS | st.none(),
    st.lists(TRANSFORMS, max_size=4),
    st.sampled_from(Call),
    st.sampled_from([0, *Signal]),
)
def test_every_object_has_an_answer(
    payload: dict[str, Any], filters: Any, transforms: list[Any], call: Call, signal: int
) -> None:
    """Valid JSON or a reason, the same each time, and the id and the type as they were."""
    event = on_disk(msgspec.json.encode(payload), call, signal)
    result = parse_route(filters, transforms).apply(event)
    assert result == parse_route(json.loads(json.dumps(filters)), json.loads(json.dumps(transforms))).apply(
        event
    )
    if isinstance(result, Routed):
        sent = json.loads(result.payload)
        before = json.loads(event.payload)
        kept = ("messageId", "type")
        assert [sent.get(name) for name in kept] == [before.get(name) for name in kept]
    else:
        assert isinstance(result, Filtered | Failed)
        assert result.reason


@settings(max_examples=200, deadline=None)
@given(OBJECTS, FILTERS | st.none(), st.lists(TRANSFORMS, max_size=4), st.sampled_from(Call))
def test_what_is_explained_is_what_happens(
    payload: dict[str, Any], filters: Any, transforms: list[Any], call: Call
) -> None:
    """The last step has the same end, and the same payload, as the event's own way."""
    event = on_disk(msgspec.json.encode(payload), call, 0)
    route = parse_route(filters, transforms)
    result, steps = route.apply(event), explain(route, event)
    if isinstance(result, Routed):
        assert all(step.outcome == "passed" for step in steps)
        assert sum(step.failed_casts for step in steps) == result.failed_casts
        after = steps[-1].after if transforms else None
        assert after is None or msgspec.json.encode(after) == result.payload
    else:
        assert steps[-1].reason == result.reason
    assert route.verdict(event) in (None, result)
    told = explained(route, event)
    if isinstance(result, Routed):
        assert (told.outcome, told.failed_casts) == ("sent", result.failed_casts)
        assert msgspec.json.encode(told.payload) == msgspec.json.encode(msgspec.json.decode(result.payload))
    else:
        assert (told.outcome, told.reason) == (steps[-1].outcome, result.reason)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), FILTERS | st.none(), st.lists(TRANSFORMS, max_size=2))
def test_bytes_that_are_no_payload_have_an_answer_too(
    raw: bytes, filters: Any, transforms: list[Any]
) -> None:
    """They end nothing."""
    route = parse_route(filters, transforms)
    assert isinstance(route.apply(on_disk(raw, Call.TRACK, 0)), Routed | Filtered | Failed)
    explain(route, on_disk(raw, Call.TRACK, 0))


@settings(max_examples=300, deadline=None)
@given(VALUES, VALUES)
def test_whatever_is_declared_is_taken_or_refused(filters: Any, transforms: Any) -> None:
    """With problems, and never with another error."""
    try:
        parse_route(filters, transforms)
    except InvalidFields as exc:
        assert exc.problems  # noqa: PT017 both ways are right
