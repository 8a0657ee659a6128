"""What an event is, and the keys its id is found by."""

import uuid_utils

from pixelwire.event import (
    PIXEL_EVENT_TYPES,
    Signal,
    client_id_key,
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
