"""Whose event it is."""

import json
from typing import Any

import pytest

from pixelwire.deliver.envelope import NOBODY, read_envelope


def read(**members: Any) -> tuple[str, str]:
    envelope = read_envelope(json.dumps(members).encode())
    assert (envelope.identity_key == NOBODY) == (envelope.identity == "")
    return envelope.message_id, envelope.identity


def test_the_user_comes_before_the_visitor() -> None:
    """`userId`, else `anonymousId`."""
    assert read(messageId="m", userId="u", anonymousId="a") == ("m", "u")
    assert read(messageId="m", anonymousId="a", context={"userId": "x"}) == ("m", "a")


@pytest.mark.parametrize("nothing", ["", "  ", None, 7, ["u"], {"u": 1}, "anonymous", " anonymous "])
def test_nobody_orders_nothing(nothing: object) -> None:
    """Blank, absent, no text, and the printed tag's placeholder are nobody."""
    assert read(messageId="m", userId=nothing) == ("m", "")
    assert read(messageId="m", anonymousId=nothing) == ("m", "")
    assert read(messageId="m", userId=nothing, anonymousId="a") == ("m", "a")


def test_a_user_and_a_visitor_of_one_name_are_two() -> None:
    """The kind of the id is part of the identity."""
    user = read_envelope(b'{"userId":"x"}').identity_key
    visitor = read_envelope(b'{"anonymousId":"x"}').identity_key
    assert user != visitor
    assert 0 < user < 1 << 63


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b'"x"', b'{"userId":"\xff"}'])
def test_what_is_no_payload_is_nobody(payload: bytes) -> None:
    """Bytes from disk are not trusted to be what was written."""
    assert read_envelope(payload) == ("", "", NOBODY)
