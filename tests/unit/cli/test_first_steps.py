"""What a person is told about a pixel."""

import shlex
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from pixelwire.cli.first_steps import FirstSteps, fire_line, image_tag, read_line, text

STEPS = FirstSteps(
    pixel_url="http://127.0.0.1:8080",
    manage_url="http://127.0.0.1:8081",
    business_id="b1",
    pixel_id="p1",
    write_key="key&'\"<1>",
    token="pw_token",
    data_dir="/var/lib/it's here",
)


class Tags(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_tag_is_invisible_and_names_its_page() -> None:
    """Nothing is read aloud or drawn, and the referrer reaches us whole."""
    ((name, attributes),) = Tags(image_tag(STEPS.pixel_url, STEPS.write_key)).found
    assert name == "img"
    assert attributes["alt"] == ""
    assert (attributes["width"], attributes["height"]) == ("1", "1")
    assert attributes["referrerpolicy"] == "no-referrer-when-downgrade"


def test_the_tags_address_survives_html() -> None:
    """`&` is written as an entity, and comes out as it went in."""
    tag = image_tag(STEPS.pixel_url, STEPS.write_key)
    assert "&amp;anonymousId=anonymous" in tag
    ((_, attributes),) = Tags(tag).found
    query = parse_qs(urlsplit(str(attributes["src"])).query)
    assert query == {"writeKey": [STEPS.write_key], "anonymousId": ["anonymous"]}


def test_the_lines_can_be_pasted_into_a_shell() -> None:
    """A shell sees the same words, whatever is in the values."""
    fire = shlex.split(fire_line(STEPS))
    assert fire[:2] == ["curl", "-i"]
    assert parse_qs(urlsplit(fire[2]).query)["writeKey"] == [STEPS.write_key]
    assert shlex.split(read_line(STEPS)) == [
        "curl",
        "-H",
        "Authorization: Bearer pw_token",
        "http://127.0.0.1:8081/ads/v3/businesses/b1/pixels/p1",
    ]


def test_the_text_holds_everything() -> None:
    """Where it listens, the tag with a word on its identity, both lines, the data, and how to stop."""
    said = text(STEPS)
    parts = (
        STEPS.pixel_url,
        STEPS.manage_url,
        image_tag(STEPS.pixel_url, STEPS.write_key),
        fire_line(STEPS),
        read_line(STEPS),
        STEPS.data_dir,
        "In place of `anonymous` belongs",
        "Ctrl-C",
    )
    assert [part for part in parts if part not in said] == []
