"""What headers add inside `context`, and basics in both places."""

from typing import Any

import pytest

from pixelwire.collect.context import enrich, share_basics

BROWSER = {
    b"user-agent": b"UA/1.0",
    b"accept-language": b"de-CH,de;q=0.9",
    b"referer": b"https://shop.example/cart",
}


def enriched(root: dict[str, Any], *, address: str = "", shows_user_agent: bool = True) -> dict[str, Any]:
    enrich(root, BROWSER, address=address, shows_user_agent=shows_user_agent)
    return root


def test_headers_fill_what_is_missing() -> None:
    """Address, user agent, language and page."""
    assert enriched({}, address="203.0.113.0") == {
        "context": {
            "ip": "203.0.113.0",
            "userAgent": "UA/1.0",
            "locale": "de-CH",
            "page": {"url": "https://shop.example/cart"},
        }
    }


def test_the_querys_own_words_win() -> None:
    """Also when they are empty."""
    given: dict[str, Any] = {"context": {"userAgent": "", "locale": "fr", "page": {"url": ""}}}
    assert enriched(given) == {"context": {"userAgent": "", "locale": "fr", "page": {"url": ""}}}


def test_a_url_among_the_properties_is_a_page_url() -> None:
    """The referer is only asked when the query names the page in neither place."""
    root = enriched({"properties": {"url": "https://shop.example/x"}})
    assert "page" not in root["context"]


def test_the_address_is_replaced_or_removed() -> None:
    """A visitor can not bring one."""
    assert enriched({"context": {"ip": "8.8.8.8"}}, address="203.0.113.0")["context"]["ip"] == "203.0.113.0"
    assert "ip" not in enriched({"context": {"ip": {"x": "8.8.8.8"}}})["context"]


def test_a_hidden_user_agent_is_hidden_in_the_query_too() -> None:
    """Policies govern the field whoever gave it."""
    assert "userAgent" not in enriched({"context": {"userAgent": "Q"}}, shows_user_agent=False)["context"]


def test_an_empty_context_is_none() -> None:
    """Nothing to say, nothing said."""
    root: dict[str, Any] = {"context": {"ip": "8.8.8.8"}}
    enrich(root, {}, address="", shows_user_agent=True)
    assert root == {}


@pytest.mark.parametrize(
    ("root", "shared"),
    [
        ({}, {}),
        ({"context": {"ip": "x"}}, {"context": {"ip": "x"}}),
        ({"properties": {"x": "1"}}, {"properties": {"x": "1"}}),
        ({"context": {"page": {"x": "1"}}}, {"context": {"page": {"x": "1"}}}),
        (
            {"context": {"page": {"url": "u", "search": "?"}}},
            {"context": {"page": {"url": "u", "search": "?"}}, "properties": {"url": "u"}},
        ),
        (
            {"properties": {"title": "", "path": "/"}},
            {"properties": {"title": "", "path": "/"}, "context": {"page": {"title": "", "path": "/"}}},
        ),
        (
            {"context": {"page": {"url": "a"}}, "properties": {"url": "b"}},
            {"context": {"page": {"url": "a"}}, "properties": {"url": "b"}},
        ),
        (
            {"context": {"page": {"url": ["a"], "title": "t"}}, "properties": {"title": {"x": "1"}}},
            {"context": {"page": {"url": ["a"], "title": "t"}}, "properties": {"title": {"x": "1"}}},
        ),
    ],
)
def test_basics_are_shared(root: dict[str, Any], shared: dict[str, Any]) -> None:
    """A string given in one place is copied to the other, nothing else and over nothing."""
    share_basics(root)
    assert root == shared
