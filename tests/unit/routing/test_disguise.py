"""Hashing and masking of personal values."""

import pytest

from support.routes import routed

ANN = "71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
PHONE = "d6736136ea896c1bfdc553e0e86e702c70d060d805696ca3e4e9e0961353860a"
FORTY_TWO = "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049"
NO_ADDRESS = "a683c5c5349f6f7fb903ba8a9e7e55d0ba1b8f03579f95be83f4954c33e81098"


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [
        ("email", "ann@example.com", ANN),
        ("email", "  Ann@Example.COM ", ANN),
        ("text", "abc", ABC),
        ("text", " abc ", ABC),
        ("phone", "+1 (555) 123-4567", PHONE),
        ("phone", "15551234567", PHONE),
        ("phone", "١٥٥٥١٢٣٤٥٦٧", PHONE),
        ("phone", "n/a", NO_ADDRESS),
        ("text", 42, FORTY_TWO),
        ("email", ANN, ANN),
        ("email", ANN.upper(), ANN.upper()),
        ("email", "", ""),
        ("email", "  ", "  "),
        ("email", None, None),
        ("email", True, True),
        ("email", ["ann@example.com", {"x": "abc"}], [ANN, {"x": ABC}]),
    ],
)
def test_a_hash_is_the_sha_256_of_the_normalised_text(kind: str, given: object, sent: object) -> None:
    """What is hashed already stays, and an address in a list is not overlooked."""
    transform = {"hash": {"paths": ["traits.email"], "kind": kind}}
    assert routed([transform], {"traits": {"email": given}}) == {"traits": {"email": sent}}


@pytest.mark.parametrize(
    ("keep", "given", "sent"),
    [
        ({}, "secret", "******"),
        ({"keep_first": 2}, "secret", "se****"),
        ({"keep_last": 2}, "secret", "****et"),
        ({"keep_first": 1, "keep_last": 1}, "secret", "s****t"),
        ({"keep_first": 3, "keep_last": 3}, "secret", "******"),
        ({"keep_last": 2}, 12345, "***45"),
        ({}, "", ""),
        ({}, {"a": "xy"}, {"a": "**"}),
    ],
)
def test_a_mask_hides_all_but_the_ends(keep: dict[str, int], given: object, sent: object) -> None:
    """And all of a text that would be shown as a whole."""
    assert routed([{"mask": {"paths": ["userId"], **keep}}], {"userId": given}) == {"userId": sent}


def test_nothing_is_made_where_nothing_is() -> None:
    """An absent value stays absent."""
    transforms = [{"hash": {"paths": ["a.b"]}}, {"mask": {"paths": ["c"]}}, {"cast": {"d": "number"}}]
    assert routed(transforms, {"a": {}}) == {"a": {}}
