"""The page on filters and transforms says what really happens."""

import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pixelwire.event import Call, Signal, StoredEvent
from pixelwire.routing.casts import CASTS
from pixelwire.routing.conditions import TESTS
from pixelwire.routing.disguise import KINDS
from pixelwire.routing.filters import WORDS
from pixelwire.routing.route import VERBS, Filtered, Routed, parse_route
from support.routes import install_transforms

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "routing.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(PAGE)
EVENT = json.loads(next(text for language, text in BLOCKS if language == "json"))
SHOWN = [
    (first, second) for (one, first), (other, second) in pairwise(BLOCKS) if (one, other) == ("toml", "json")
]
EXAMPLE = tomllib.loads((ROOT / "examples" / "routing.toml").read_text())


def stored(payload: dict[str, Any]) -> StoredEvent:
    return StoredEvent(1, 1, 0, Call.TRACK, Signal.PURCHASE, msgspec.json.encode(payload), b"")


def sent(declared: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    result = parse_route(declared.get("filters"), declared.get("transforms")).apply(stored(payload))
    assert isinstance(result, Routed), result
    made: dict[str, Any] = json.loads(result.payload)
    return made


@pytest.mark.parametrize(("declared", "shown"), SHOWN)
def test_an_example_does_what_stands_below_it(declared: str, shown: str) -> None:
    """The members that are shown, in their order; the others are as they were."""
    made, members = sent(tomllib.loads(declared), EVENT), json.loads(shown)
    assert json.dumps({name: made[name] for name in members}) == json.dumps(members)
    for name in made.keys() - members.keys():
        assert made[name] == EVENT[name]


def test_most_verbs_are_shown_with_what_they_do() -> None:
    """Those that only change a payload."""
    assert len(SHOWN) == 4
    assert parse_route(tomllib.loads(BLOCKS[2][1])["filters"], None).verdict(stored(EVENT)) is None


def test_the_function_on_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed as the page says."""
    (source,) = [text for language, text in BLOCKS if language == "python"]
    install_transforms(tmp_path, monkeypatch, "shop_transforms", source)
    transforms = [{"cast": {"properties.price": "number"}}, {"function": "net_price"}]
    assert sent({"transforms": transforms}, EVENT)["properties"]["net"] == 16.72
    route = parse_route(None, transforms)
    tested = EVENT | {"properties": {"coupon": "TEST"}}
    assert route.apply(stored(tested)) == Filtered("left out by the function `net_price`")


def test_every_filter_and_verb_is_in_the_example_and_on_the_page() -> None:
    """But a function is not in the example: it would have to be installed."""
    headings = set(re.findall(r"\w+", " ".join(re.findall("^### .*$", PAGE, re.MULTILINE))))
    assert set(EXAMPLE["filters"]) == set(WORDS)
    assert {verb for transform in EXAMPLE["transforms"] for verb in transform} == set(VERBS) - {"function"}
    assert set(VERBS) <= headings
    assert [word for word in (*WORDS, *TESTS, *CASTS, *KINDS) if f"`{word}" not in PAGE] == []


def test_the_example_fits_the_event_of_the_page() -> None:
    """It passes the filters, and a visitor in the sample gets all of it done."""
    payload = EVENT | {"context": EVENT["context"] | {"page": {"url": "https://shop.example/cart"}}}
    assert parse_route(EXAMPLE["filters"], None).verdict(stored(payload)) is None
    made = sent({"transforms": [one for one in EXAMPLE["transforms"] if "sample" not in one]}, payload)
    assert made["properties"]["revenue"] == 19.9
    assert made["properties"]["order_via_shop"] == "Berlin"
    assert made["userId"] == "****4211"
    assert "ip" not in made["context"]
