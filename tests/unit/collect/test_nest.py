"""Parameters become one nested object; what does not fit changes nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.collect.nest import Nested, Object, nest
from pixelwire.collect.paths import Paths
from pixelwire.collect.query import Parameters
from pixelwire.limits import ARRAY_INDEX_MAX, PADDING_NULLS_MAX


def nested(*keys: str, late: tuple[str, ...] = ()) -> tuple[Any, Nested]:
    """Each key's value is its position."""
    root: Object = {}
    taken = {key: str(position) for position, key in enumerate(keys)}
    result = nest(root, Parameters(taken, dict.fromkeys(late, "late")), Paths())
    return root, result


@pytest.mark.parametrize(
    ("keys", "tree"),
    [
        (("a", "b"), {"a": "0", "b": "1"}),
        (("a.b", "a.c"), {"a": {"b": "0", "c": "1"}}),
        (("a", "a.b"), {"a": {"b": "1"}}),
        (("a.b", "a"), {"a": "1"}),
        (("a.b", "a.:b"), {"a": {"b": "1"}}),
        (("a.b.c", "a.b"), {"a": {"b": "1"}}),
        (("a.0",), {"a": ["0"]}),
        (("a.",), {"a": ["0"]}),
        (("a..",), {"a": [["0"]]}),
        (("a.0", "a."), {"a": ["1"]}),
        (("a.1", "a.0"), {"a": ["1", "0"]}),
        (("a.2", "a.0.b"), {"a": [{"b": "1"}, None, "0"]}),
        (("a.0", "a.0.b"), {"a": [{"b": "1"}]}),
        (("a.0.b", "a.0"), {"a": ["1"]}),
        (("a.-1", "a.0", "a.1", "a.-1.x"), {"a": ["1", "2", {"x": "3"}]}),
        (("a.-1.0.-1",), {"a": [[["0"]]]}),
        (("a", "a.0"), {"a": ["1"]}),
        (("a.0", "a"), {"a": "1"}),
        (("a.b", "a.0", "a.-1", "a."), {"a": {"b": "0", "0": "1", "-1": "2", "": "3"}}),
        (("a.b", "a.999"), {"a": {"b": "0", "999": "1"}}),
        (("a.:0", "a.5"), {"a": {"0": "0", "5": "1"}}),
        (("0.0",), {"0": ["0"]}),
        ((".a",), {"": {"a": "0"}}),
        (("properties.0.1",), {"properties": {"0": [None, "0"]}}),
        (("context.page.0.x",), {"context": {"page": {"0": {"x": "0"}}}}),
        (("traits.-1",), {"traits": {"-1": "0"}}),
        (("context.0", "context.page.url"), {"context": {"0": "0", "page": {"url": "1"}}}),
    ],
)
def test_keys_become_a_tree(keys: tuple[str, ...], tree: Any) -> None:
    """Left to right; the later shape wins; arrays where an index makes them."""
    root, result = nested(*keys)
    assert root == tree
    assert result.dropped == []


@pytest.mark.parametrize(
    ("keys", "tree", "reason"),
    [
        (("a.0", "a.k"), {"a": ["0"]}, "array_key"),
        (("a.0", "a.k.b"), {"a": ["0"]}, "array_key"),
        (("a.0", "a.:0"), {"a": ["0"]}, "array_key"),
        (("a.0.0", "a.0.k"), {"a": [["0"]]}, "array_key"),
        (("a.b.0", "a.b.k"), {"a": {"b": ["0"]}}, "array_key"),
        (("a.b.0", "a.b.k.c"), {"a": {"b": ["0"]}}, "array_key"),
        (("b", "a.256"), {"b": "0"}, "index"),
        (("a", "a.b.300"), {"a": "0"}, "index"),
        (("a.0", "a.256"), {"a": ["0"]}, "index"),
        (("a.0", "a.0.0.256"), {"a": ["0"]}, "index"),
        (("b", "properties"), {"b": "0"}, "not_an_object"),
        (("context.page.x", "context.page"), {"context": {"page": {"x": "0"}}}, "not_an_object"),
        (("b", "type"), {"b": "0"}, "server_field"),
        (("b", "integrations.All"), {"b": "0"}, "integrations"),
        (("b", "c.*"), {"b": "0"}, "wildcard"),
    ],
)
def test_what_does_not_fit_changes_nothing(keys: tuple[str, ...], tree: Any, reason: str) -> None:
    """The tree is as if the last key had not come, and the reason is said."""
    root, result = nested(*keys)
    assert root == tree
    assert result.dropped == [(keys[-1], reason)]


def test_an_array_ends_at_its_highest_index() -> None:
    """The 256th entry is the last, appended or not."""
    full = [f"a.{position}" for position in range(ARRAY_INDEX_MAX + 1)]
    root, result = nested(*full, "a.-1")
    assert len(root["a"]) == ARRAY_INDEX_MAX + 1
    assert result.dropped == [("a.-1", "index")]


def test_padding_is_bounded_over_the_request() -> None:
    """A thousand nulls in all, however many arrays they fill."""
    keys = [f"{name}.250" for name in "abcd"]
    root, result = nested(*keys, "e.1", "f.0")
    assert sum(array.count(None) for array in root.values()) == PADDING_NULLS_MAX
    assert result.dropped == [("e.1", "index")]
    assert root["f"] == ["5"]


def test_the_write_key_is_taken_out() -> None:
    """The first of its spellings names the pixel; none is in the tree."""
    root, result = nested("writeKey", ":writeKey", "writeKey.x", "_pw_y", "a")
    assert root == {"a": "4"}
    assert result == Nested("0", [])


def test_late_parameters_are_dropped_but_for_reserved_ones() -> None:
    """The write key counts wherever it stands."""
    root, result = nested("a", late=("b", "writeKey", "_pw_x", "c.*", "x.y"))
    assert root == {"a": "0"}
    assert result == Nested("late", [("b", "too_many"), ("c.*", "too_many"), ("x.y", "too_many")])


def plainly(keys: list[str]) -> tuple[Any, int]:
    """The rules of 1.2 once more, recursive and without any shortcut; no padding bound (keys are short)."""
    root: dict[str, Any] = {}
    dropped = 0
    for position, key in enumerate(keys):
        levels = key.split(".")
        if levels[0] == "properties" and len(levels) == 1:
            dropped += 1
            continue
        try:
            changed = _put(json.loads(json.dumps(root)), levels, str(position), top=True)
        except KeyError:
            dropped += 1
            continue
        root = changed
    return root, dropped


def _put(node: Any, levels: list[str], value: str, *, top: bool = False, is_object: bool = False) -> Any:
    if not levels:
        return value
    level, rest = levels[0], levels[1:]
    numeric = level in ("", "-1") or level.isdigit()
    if not isinstance(node, dict | list):
        node = {} if top or is_object or not numeric else []
    below_is_object = top and level == "properties"
    if isinstance(node, dict):
        node[level] = _put(node.get(level), rest, value, is_object=below_is_object)
        return node
    if not numeric:
        raise KeyError(level)
    index = len(node) if level == "-1" else int(level or "0")
    if index > 255:
        raise KeyError(level)
    node.extend([None] * (index + 1 - len(node)))
    node[index] = _put(node[index], rest, value)
    return node


LEVEL = st.sampled_from(["a", "b", "0", "1", "3", "", "-1", "256", "properties"])
KEY = st.lists(LEVEL, min_size=1, max_size=4).map(".".join).filter(bool)


@settings(derandomize=True, max_examples=1_500)
@given(st.lists(KEY, max_size=8, unique=True))
def test_any_keys_give_the_tree_of_the_plain_rules(keys: list[str]) -> None:
    """Walk, build and join is the recursion of the contract, and a dropped key leaves no trace."""
    root, result = nested(*keys)
    assert (root, len(result.dropped)) == plainly(keys)
