"""A query string is taken apart as form-urlencoded text, whatever its bytes."""

from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.collect.query import parse
from pixelwire.limits import PARAMETERS_MAX

RAW = st.binary(max_size=60)
# Dense in what is special, so that short examples meet the corners.
SPECIAL = st.lists(
    st.sampled_from(
        b"& = + % %1e %1F %26 %3D %2B %25 %c3 %A9 %zz \x1e \x1f \x00 \x7f \xff \xc3 a b == %% %4".split(b" ")
    ),
    max_size=14,
).map(b"".join)


def plainly(query: bytes) -> dict[str, str]:
    """The rules of the contract in the plainest code."""
    parameters: dict[str, str] = {}
    for piece in query.split(b"&"):
        key, _, value = (_plain_text(part) for part in piece.partition(b"="))
        if key:
            parameters.setdefault(key, value)
    return parameters


def _plain_text(raw: bytes) -> str:
    seen = bytes(0xFF if byte < 0x20 or byte == 0x7F else byte for byte in raw)
    return unquote_to_bytes(seen.replace(b"+", b" ")).decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"", {}),
        (b"&&&", {}),
        (b"=x&a=1", {"a": "1"}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"a=b=c==", {"a": "b=c=="}),
        (b"a=x%3Dy=z", {"a": "x=y=z"}),
        (b"a%3Db=c", {"a=b": "c"}),
        (b"a=x%26b=y", {"a": "x&b=y"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a+b=1", {"a b": "1"}),
        (b"a=100%&b=%zz&c=%4", {"a": "100%", "b": "%zz", "c": "%4"}),
        (b"a=%%41", {"a": "%A"}),
        (b"a=%2541", {"a": "%41"}),
        (b"a=%c3%a9&b=%C3%A9", {"a": "é", "b": "é"}),
        (b"a=\xc3%a9", {"a": "é"}),
        (b"a=%ff", {"a": "�"}),
        (b"a=%c3&b=%a9", {"a": "�", "b": "�"}),
        (b"a=\xf0\x9f\x8e\xb5", {"a": "🎵"}),
        (b"a=%00%0a%1e%1f", {"a": "\x00\n\x1e\x1f"}),
        (b"a%1fb=1&c%1ed=2", {"a\x1fb": "1", "c\x1ed": "2"}),
        (b"a=\x00\n\x1e\x7f", {"a": "����"}),
        (b"a=x%1E\x1e", {"a": "x\x1e�"}),
        (b"a=1&b=2&a=3", {"a": "1", "b": "2"}),
        (b"a=1&%61=3", {"a": "1"}),
    ],
)
def test_a_query_is_taken_apart(query: bytes, parameters: dict[str, str]) -> None:
    """Separators first, then escapes; the first of a repeated key."""
    assert parse(query).taken == parameters


@settings(derandomize=True, max_examples=600)
@given(st.one_of(RAW, SPECIAL))
def test_any_bytes_are_read_by_the_plain_rules(query: bytes) -> None:
    """The quick way of decoding is the plain one, and order is kept."""
    assert list(parse(query).taken.items()) == list(plainly(query).items())


@settings(derandomize=True, max_examples=300)
@given(st.lists(st.tuples(st.text("ab=&+% é", min_size=1, max_size=4), st.text(max_size=4)), max_size=8))
def test_what_a_form_sends_is_what_is_read(pairs: list[tuple[str, str]]) -> None:
    """Agrees with the standard library on well-formed queries."""
    query = urlencode(pairs)
    expected: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        expected.setdefault(key, value)
    assert parse(query.encode()).taken == expected


def test_the_thousandth_parameter_is_taken() -> None:
    """The bound itself is allowed."""
    parameters = parse(b"&".join(b"k%d=%d" % (n, n) for n in range(PARAMETERS_MAX)))
    assert len(parameters.taken) == PARAMETERS_MAX
    assert parameters.late == {}


def test_what_comes_after_is_late() -> None:
    """The 1,001st is told apart, with its value."""
    parameters = parse(b"&".join(b"k%d=%d" % (n, n) for n in range(PARAMETERS_MAX + 2)))
    assert len(parameters.taken) == PARAMETERS_MAX
    assert parameters.late == {"k1000": "1000", "k1001": "1001"}


def test_empty_and_repeated_pieces_count() -> None:
    """Each piece between two separators is one of the thousand."""
    parameters = parse(b"&" * 500 + b"a=1&" * 500 + b"late=1")
    assert parameters.taken == {"a": "1"}
    assert parameters.late == {"late": "1"}


def test_a_late_parameter_that_repeats_or_is_empty_is_nothing() -> None:
    """Leaving it out loses nothing."""
    parameters = parse(b"a=1&" * PARAMETERS_MAX + b"a=2&&=3&b=4&b=5")
    assert parameters.late == {"b": "4"}
