"""Bars as a picture."""

from xml.etree import ElementTree

from svg import Bar, Group, bars

NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


def drawn(text: str) -> list[float]:
    """The lengths of the bars."""
    root = ElementTree.fromstring(text)
    return [
        float(found.attrib["width"])
        for found in root.iterfind(".//svg:rect", NAMESPACE)
        if found.attrib["class"] != "track"
    ]


def test_bars_are_as_long_as_their_values() -> None:
    """Half the rate is half the bar, in each group by itself."""
    text = bars(
        "t",
        [
            Group("one", [Bar("a", 100.0, "100"), Bar("b", 50.0, "50")]),
            Group("two", [Bar("c", 4.0, "4"), Bar("d", 1.0, "1")]),
        ],
    )
    a, b, c, d = drawn(text)
    assert (b / a, d / c) == (0.5, 0.25)
    assert a == c


def test_what_is_tiny_can_be_seen() -> None:
    """A bar that is a thousandth of the longest is still there."""
    assert min(drawn(bars("t", [Group("g", [Bar("a", 1_000.0, ""), Bar("b", 0.001, "")])]))) > 0


def test_nothing_but_zeros_can_be_drawn() -> None:
    """A load that answered nothing breaks no picture."""
    assert len(drawn(bars("t", [Group("g", [Bar("a", 0.0, "0")]), Group("empty", [])]))) == 1


def test_words_are_text_and_no_markup() -> None:
    """A label may hold any character."""
    root = ElementTree.fromstring(bars("a < b", [Group("x & y", [Bar("<b>", 1.0, '"1"')])]))
    words = [found.text for found in root.iterfind(".//svg:text", NAMESPACE)]
    assert words == ["x & y", "<b>", '"1"']
    assert root.attrib["aria-label"] == "a < b"


def test_colours_follow_the_page() -> None:
    """On a dark page words are light."""
    light, dark = bars("t", []).split("@media (prefers-color-scheme: dark)")
    assert "text { fill: #e6edf3; }" in dark
    assert "fill: #1f2328" in light
