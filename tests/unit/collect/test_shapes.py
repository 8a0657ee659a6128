"""The short way of a request whose shape is known gives what the long way gives, to the byte."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.catalog.snapshot import PixelEntry
from pixelwire.collect.address import ClientAddress
from pixelwire.collect.intake import Accepted, Declined, Intake, Request
from pixelwire.collect.paths import Paths
from pixelwire.collect.shapes import Shapes
from pixelwire.event import Call
from pixelwire.limits import SHAPE_CHARACTERS_MAX, SHAPE_KEYS_MAX, SHAPES_REMEMBERED_MAX
from support.pixels import NOW_MS, WRITE_KEY, FakeKeys, make_entry

ORDINARY = "writeKey anonymousId userId event name messageId timestamp channel sentAt originalTimestamp a a.b"
CONTEXT = "context.ip context.userAgent context.userAgent.x context.locale context.page.url"
ODD = "type integrations.All properties context.page a.0 a.-1 :a _pw_x anonymousId.z wild*card x%25y é.☃"
PROPERTIES = "properties.price context.page.title properties.url properties.path context.library.name"
KEYS = st.sampled_from([*f"{ORDINARY} {CONTEXT} {PROPERTIES} {ODD}".split(), r"b\\.c"])
VALUES = st.one_of(
    st.sampled_from(["", " ", "a1", '"quoted"', "100% %s %%b", "\x1e\x1f", "ü☃\U0001f3b5", "\u200b", '"']),
    st.text(max_size=12),
    st.text('ab"\\ %\n', max_size=300),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        b"user-agent": st.sampled_from([b"UA/1.0", b"", b"M\xfcller %s"]),
        b"accept-language": st.sampled_from([b"de-CH,de;q=0.9", b"*"]),
        b"referer": st.sampled_from([b"https://shop.example/cart?a=%41", b"https://shop.example"]),
        b"sec-gpc": st.sampled_from([b"0", b"1"]),
        b"via": st.just(b"1.1 203.0.113.77"),
    },
)
POLICIES = st.fixed_dictionaries(
    {
        "address": st.sampled_from(["full", "masked", "none"]),
        "user_agent": st.sampled_from(["full", "none"]),
        "gpc": st.sampled_from(["count", "store", "filter"]),
    }
)


def query_of(keys: list[str], values: list[str]) -> bytes:
    pairs = zip(keys, values, strict=True)
    return "&".join(
        f"{quote(key, safe='')}={quote(value, safe='', errors='replace')}" for key, value in pairs
    ).encode()


def intake_of(entry: PixelEntry) -> Intake:
    return Intake(FakeKeys({WRITE_KEY: entry}), ClientAddress())


def without_chance(taken: Accepted | Declined) -> object:
    """An id of our own making differs each time."""
    if isinstance(taken, Declined):
        return taken
    own, event = taken.message_id.encode(), taken.event
    key = min(0, event.key)
    event = event._replace(payload=event.payload.replace(own, b"<own>"), key=key)
    return event, taken.dropped


@settings(derandomize=True, max_examples=600, deadline=None)
@given(st.data())
def test_the_short_way_gives_what_the_long_way_gives(data: st.DataObject) -> None:
    """For any keys, values, headers and policies; the shape was met with other values before."""
    keys = data.draw(st.lists(KEYS, max_size=12))
    if data.draw(st.integers(0, 9)):  # else it is refused soon
        keys = list(dict.fromkeys(["writeKey", "anonymousId", "event", *keys]))
    call = data.draw(st.sampled_from(Call))
    found = data.draw(HEADERS)
    entry = make_entry(**data.draw(POLICIES))
    knowing, fresh = intake_of(entry), intake_of(entry)

    def request() -> Request:
        drawn = [WRITE_KEY if key == "writeKey" else data.draw(VALUES) for key in keys]
        return Request(call, "GET", query_of(keys, drawn), found, "203.0.113.7", "1.1")

    for _ in range(2):
        knowing.take(request(), NOW_MS)
    last = request()
    assert without_chance(knowing.take(last, NOW_MS)) == without_chance(fresh.take(last, NOW_MS))


def test_a_tag_takes_the_short_way_the_third_time() -> None:
    """A test of the test above: the documented page call is not left out of it."""
    shapes = Shapes(Paths())
    query = b"writeKey=k&anonymousId=a&context.page.path=%2Fx&properties.price=9.5&messageId=m"
    assert shapes.find(Call.PAGE, query) is None
    assert shapes.find(Call.PAGE, query) is not None
    found = shapes.find(Call.PAGE, query)
    assert found is not None
    assert found[1] == ["k", "a", "/x", "9.5", "m"]


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"writeKey",
        b"writeKey=k&",
        b"writeKey=k=l",
        b"writeKey=k&a&b=c",
        b"writeKey=k&=c",
        b"writeKey=k&a=1&a=2",
        b"anonymousId=a",
        b"writeKey=k&a=1&a.b=2",
        b"writeKey=k&a=1&:a=2",
        b"writeKey=k&type=2",
        b"writeKey=k&_pw_a=2",
        b"writeKey=k&a=%zz",
        b"writeKey=k&a=%1e",
    ],
)
def test_odd_queries_have_no_shape(query: bytes) -> None:
    """They go the long way for ever."""
    shapes = Shapes(Paths())
    assert [shapes.find(Call.PAGE, query) for _ in range(3)] == [None] * 3


def test_what_is_remembered_is_bounded() -> None:
    """Ever new shapes, met twice each, push older ones out; large ones are not kept."""
    shapes = Shapes(Paths())
    for n in range(SHAPES_REMEMBERED_MAX * 2 + 1):
        for _ in range(2):
            shapes.find(Call.PAGE, b"writeKey=k&key%d=1" % n)
    assert len(shapes._known) <= SHAPES_REMEMBERED_MAX
    many = b"writeKey=k" + b"".join(b"&k%d=1" % n for n in range(SHAPE_KEYS_MAX))
    long = b"writeKey=k&" + b"a" * SHAPE_CHARACTERS_MAX + b"=1"
    for query in (many, long):
        assert [shapes.find(Call.PAGE, query) for _ in range(3)] == [None] * 3
