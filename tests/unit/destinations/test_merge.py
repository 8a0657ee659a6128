"""Options with changes over them."""

from typing import Any

import pytest

from pixelwire.destinations.merge import merged

STORED = {"url": "https://a.example/secret", "tries": 3, "headers": {"A": "one", "B": "two"}}
SHOWN = {
    "url": "https://a.example/...",
    "tries": 3,
    "wait": 5,
    "headers": {"A": "<hidden>", "B": "<hidden>"},
}


@pytest.mark.parametrize(
    ("changes", "different"),
    [
        ({}, {}),
        ({"tries": 4}, {"tries": 4}),
        ({"new": [1]}, {"new": [1]}),
        ({"tries": None, "new": None}, {"tries": ...}),
        ({"headers": {"B": "three"}}, {"headers": {"A": "one", "B": "three"}}),
        ({"headers": {"B": None, "C": "four"}}, {"headers": {"A": "one", "C": "four"}}),
        ({"headers": None}, {"headers": ...}),
        ({"tries": {"a": 1}}, {"tries": {"a": 1}}),
        (SHOWN, {}),
        ({**SHOWN, "tries": 4}, {"tries": 4}),
        ({"headers": {"A": "<hidden>", "B": "three"}}, {"headers": {"A": "one", "B": "three"}}),
        ({"headers": {"C": "<hidden>"}}, {"headers": {"A": "one", "B": "two", "C": "<hidden>"}}),
        ({"url": "https://b.example/..."}, {"url": "https://b.example/..."}),
    ],
)
def test_changes_lie_over_what_is_stored(changes: dict[str, Any], different: dict[str, Any]) -> None:
    """Name by name; null takes out; what comes back as it was shown stays as it is stored."""
    expected = {name: value for name, value in (STORED | different).items() if value is not ...}
    assert merged(STORED, SHOWN, changes) == expected


def test_what_is_stored_is_left_alone() -> None:
    """The result is another object, tables included."""
    before = repr(STORED)
    merged(STORED, SHOWN, {"headers": {"A": None}, "tries": None})
    assert repr(STORED) == before
