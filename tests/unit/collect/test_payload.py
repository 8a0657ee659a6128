"""Members of ours in a payload."""

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.collect.payload import (
    Timestamps,
    clean_message_id,
    new_message_id,
    rudder_id,
    without_quotes,
)
from pixelwire.event import is_own_id_shape
from pixelwire.times import iso_ms


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.integers(0, 4_102_444_800_000), max_size=5))
def test_times_are_written_as_everywhere(moments: list[int]) -> None:
    """Remembering the second changes nothing, also when the clock goes back."""
    timestamps = Timestamps()
    for at_ms in moments:
        for near_ms in (at_ms, at_ms + 1, at_ms + 999, at_ms):
            assert timestamps.iso(near_ms) == iso_ms(near_ms)


@pytest.mark.parametrize(
    ("user_id", "anonymous_id", "expected"),
    [
        ("u1", "a1", "f81ebcce-dafc-4607-b906-29e68e64b35f"),
        ("", "identified_user_id", "7175d459-d348-47c3-a66f-3dc1c13bd938"),
    ],
)
def test_the_rudder_id_is_rudderstacks(user_id: str, anonymous_id: str, expected: str) -> None:
    """The examples of the contract."""
    assert rudder_id(user_id, anonymous_id) == expected


@settings(derandomize=True, max_examples=100)
@given(st.text(max_size=5), st.text(max_size=5))
def test_the_rudder_id_is_a_uuid(user_id: str, anonymous_id: str) -> None:
    """Version 4 with the variant of RFC 4122, for any ids."""
    made = UUID(rudder_id(user_id, anonymous_id))
    assert (made.version, made.variant) == (4, RFC_4122)


@pytest.mark.parametrize(
    ("given_id", "cleaned"),
    [
        ("m1", "m1"),
        ("  m 1 ", "m 1"),
        ("", ""),
        (" \t\n\u00a0\u2003", ""),
        ("a\u200bb\u2060c\ufeff", "abc"),
        ("a\u00a0b", "ab"),
        ("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0x", "x"),
        ("a\x00\x1f\x7fb", "ab"),
        ("\u200b x \u200b", "x"),
        ("\ue000\U000e0041é🎵", "é🎵"),
        ("x" * 255, "x" * 255),
        ("x" * 255 + "\u200b  ", "x" * 255),
        ("x" * 256, None),
        (["m1"], None),
        ({"a": "m1"}, None),
    ],
)
def test_a_message_id_is_cleaned(given_id: object, cleaned: str | None) -> None:
    """What can not be seen goes, then the outer spaces; what is too long or no string can not be used."""
    assert clean_message_id(given_id) == cleaned  # type: ignore[arg-type]


def test_an_id_of_ours_is_a_uuid7() -> None:
    """In order of time, so that the recorder's index grows at its end."""
    assert is_own_id_shape(new_message_id())


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ('"a1"', "a1"),
        ('""a""', '"a"'),
        ('""', ""),
        ('"', '"'),
        ('"a', '"a'),
        ('a"', 'a"'),
        ("a1", "a1"),
        ("", ""),
    ],
)
def test_one_pair_of_quotes_is_taken_off(sent: str, stored: str) -> None:
    """Of the anonymous id, and only a pair."""
    assert without_quotes(sent) == stored
