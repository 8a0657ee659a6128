"""Paths into payloads."""

import pytest

from pixelwire.routing.paths import MISSING, parse_changeable, parse_path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        (r"a\.b", 2),
        ("list.0.id", 3),
        ("list.00.id", 3),
        ("list.1", None),
        ("digits.0", 4),
        ("digits.:0", 4),
        (r"back\\slash", 5),
        (r"\:colon", 6),
        ("a", {"b": 1}),
    ],
)
def test_a_path_finds_what_wire_md_would_have_put_there(path: str, value: object) -> None:
    """Dots, escapes, indexes and keys that look like them."""
    payload = {
        "a": {"b": 1},
        "a.b": 2,
        "list": [{"id": 3}, None],
        "digits": {"0": 4},
        "back\\slash": 5,
        ":colon": 6,
    }
    assert parse_path(path).find(payload) == value


@pytest.mark.parametrize(
    "path", ["a.c", "a.b.c", "list.2", "list.-1", "list.x", "list.99999999999999999999", "list.²"]
)
def test_what_is_not_there_is_missing(path: str) -> None:
    """Also beyond an array, and below a text."""
    payload = {"a": {"b": "text"}, "list": [1, 2]}
    assert parse_path(path).find(payload) is MISSING
    assert parse_path(path).place(payload) is None


@pytest.mark.parametrize(
    "path", ["", "a..b", ".a", "a.", "a.*.b", "a\nb", "x" * 513, ".".join("a" * 33), 7, None]
)
def test_a_path_that_means_nothing_is_refused(path: object) -> None:
    """With the reason."""
    with pytest.raises(ValueError, match=r"must|has|not"):
        parse_path(path)


@pytest.mark.parametrize("path", ["messageId", "type", "type.x", ":type", r"\type"])
def test_the_id_and_the_type_can_not_be_changed(path: str) -> None:
    """However they are written."""
    with pytest.raises(ValueError, match="can not be changed"):
        parse_changeable(path)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a", {}, {"a": 1}),
        ("a.b.c", {}, {"a": {"b": {"c": 1}}}),
        ("a.b", {"a": "text"}, {"a": {"b": 1}}),
        ("a.0", {"a": [5, 6]}, {"a": [1, 6]}),
        ("a.2", {"a": [5, 6]}, {"a": [5, 6]}),
        ("a.2.x", {"a": [5, 6]}, {"a": [5, 6]}),
        ("a.1.x", {"a": [5, None]}, {"a": [5, {"x": 1}]}),
        ("a.0", {}, {"a": {"0": 1}}),
    ],
)
def test_a_value_is_put_where_its_path_leads(path: str, before: dict[str, object], after: object) -> None:
    """Objects are made on the way; no array is made longer."""
    parse_path(path).put(before, 1)
    assert before == after
