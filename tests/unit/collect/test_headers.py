"""What headers tell."""

import pytest

from pixelwire.collect import headers
from pixelwire.limits import FACT_CHARACTERS_MAX, HEADER_CHARACTERS_MAX


def test_a_name_that_comes_twice_is_folded() -> None:
    """Lists go on, in order; what can only have one value keeps its first."""
    lines = [
        (b"via", b"a"),
        (b"user-agent", b"first"),
        (b"via", b"b"),
        (b"user-agent", b"second"),
        (b"x", b"1"),
    ]
    assert headers.fold(lines) == {b"via": b"a, b", b"user-agent": b"first", b"x": b"1"}


def test_any_iterable_of_lines_is_folded() -> None:
    """ASGI promises no list."""
    assert headers.fold(iter([(b"a", b"1"), (b"a", b"2")])) == {b"a": b"1, 2"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (b"", ""),
        (b"plain", "plain"),
        ("Café".encode(), "Café"),
        ("Café".encode("latin-1"), "Café"),
        (b"\xff" * 5_000, "ÿ" * HEADER_CHARACTERS_MAX),
        (b"x" * 5_000, "x" * HEADER_CHARACTERS_MAX),
    ],
)
def test_a_value_is_text(value: bytes | None, text: str) -> None:
    """UTF-8 where it is, else latin-1; cut."""
    assert headers.text(value) == text


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        (None, ""),
        (b"", ""),
        (b"de-CH,de;q=0.9,en;q=0.8", "de-CH"),
        (b"en;q=0.5", "en"),
        (b" fr , en", "fr"),
        (b"*", ""),
        (b"*;q=0.5, en", ""),
    ],
)
def test_the_first_language_is_the_locale(accepted: bytes | None, locale: str) -> None:
    """Its tag without its weight."""
    assert headers.locale({b"accept-language": accepted} if accepted is not None else {}) == locale


@pytest.mark.parametrize(
    ("referer", "is_page"),
    [
        (b"https://shop.example", False),
        (b"https://shop.example/", False),
        (b"https://shop.example:8443/", False),
        (b"https://shop.example/cart", True),
        (b"https://shop.example//", True),
        (b"https://shop.example/?a=1", True),
        (b"https://shop.example?a=1", True),
        (b"shop.example/cart", False),
        (b"://x/y", False),
        (b"https:///cart", False),
        (b"about:blank", False),
        (b"", False),
    ],
)
def test_a_referer_is_the_page_when_it_is_more_than_an_origin(referer: bytes, is_page: bool) -> None:
    """Browsers send other sites only the origin, which is no page."""
    assert headers.page_url({b"referer": referer}) == (referer.decode() if is_page else "")


@pytest.mark.parametrize(
    ("value", "asks"),
    [
        (None, False),
        (b"1", True),
        (b" 1 ", True),
        (b"0", False),
        (b"", False),
        (b"true", False),
        (b"0, 1", True),
    ],
)
def test_global_privacy_control_is_one(value: bytes | None, asks: bool) -> None:
    """`1` asks, nothing else does; folded lines ask when one of them does."""
    assert headers.asks_for_privacy({b"sec-gpc": value} if value is not None else {}) is asks


def test_facts_are_what_the_request_showed() -> None:
    """Method, version and the headers of the contract's list under their names, cut."""
    shown = headers.facts(
        {
            b"referer": b"https://shop.example/" + b"x" * 600,
            b"sec-fetch-dest": b"image",
            b"sec-ch-ua": b'"Chromium";v="130"',
            b"dnt": b"1",
            b"via": b"1.1 proxy",
            b"cookie": b"secret",
            b"accept": b"*/*",
        },
        "GET",
        "1.1",
    )
    assert len(shown.pop("Referer")) == FACT_CHARACTERS_MAX
    assert shown == {
        "method": "GET",
        "http_version": "1.1",
        "Sec-Fetch-Dest": "image",
        "DNT": "1",
        "Sec-CH-UA": '"Chromium";v="130"',
        "Via": "1.1 proxy",
    }
