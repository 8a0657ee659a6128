"""What an event is, and the keys its id is found by."""

import pytest
import uuid_utils

from pixelwire.event import (
    PIXEL_EVENT_TYPES,
    Extra,
    Signal,
    client_id_key,
    decode_extra,
    encode_extra,
    is_own_id_shape,
    own_id_key,
)


def test_a_client_key_is_negative_and_an_own_key_is_not() -> None:
    """The two halves of the key space never meet, whatever a client sends."""
    own = str(uuid_utils.uuid7())
    assert own_id_key(own) >= 0
    assert all(client_id_key(1, text) < 0 for text in ("a", "", own, "ü" * 255))


def test_a_client_key_depends_on_the_pixel() -> None:
    """The same id of two pixels is two ids."""
    assert client_id_key(1, "a") != client_id_key(2, "a")


def test_own_keys_grow_with_time() -> None:
    """Keys in order of time keep the index append-only."""
    early, late = "018bcfe5-6800-7000-8000-ffffffffffff", "018bcfe5-6801-7fff-8000-000000000000"
    assert own_id_key(early) < own_id_key(late)


def test_only_a_canonical_uuid7_could_be_ours() -> None:
    """Anything else is looked up as a client's id only, and never parsed as a number."""
    own = str(uuid_utils.uuid7())
    assert is_own_id_shape(own)
    for other in ("", "x" * 36, own.upper(), own[:-1], own.replace("-", "_"), str(uuid_utils.uuid4())):
        assert not is_own_id_shape(other)


def test_signup_counts_as_a_lead() -> None:
    """RudderStack's mapping to Spotify's types."""
    assert PIXEL_EVENT_TYPES[Signal.SIGNUP] == PIXEL_EVENT_TYPES[Signal.LEAD] == "LEAD"


@pytest.mark.parametrize(
    ("facts", "stored"),
    [
        ({"method": "GET", "http_version": "1.1"}, b"{}"),
        ({"method": "GET", "http_version": "2"}, b'{"facts":{"http_version":"2"}}'),
        ({"method": "GET", "http_version": "1.1", "DNT": "1"}, b'{"facts":{"DNT":"1"}}'),
    ],
)
def test_usual_facts_take_no_room(facts: dict[str, str], stored: bytes) -> None:
    """They are there again when the receipt is read, in the order they had."""
    assert encode_extra([], 0, facts) == stored
    assert list(decode_extra(stored).facts.items()) == list(facts.items())


def test_what_was_dropped_is_stored_beside_the_facts() -> None:
    """Both come back; an event with no extra at all has no facts either."""
    usual = {"method": "GET", "http_version": "1.1"}
    extra = decode_extra(encode_extra([("a*", "wildcard")], 7, usual))
    assert (extra.dropped, extra.dropped_total, extra.facts) == ([("a*", "wildcard")], 7, usual)
    assert decode_extra(b"") == Extra()
