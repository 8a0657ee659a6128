"""Signatures of requests."""

import pytest

from pixelwire.destinations.signing import is_signed, sign

SECRET = "a-secret-of-some-length"
BODY = b'{"type":"page"}'


def test_a_signature_is_what_the_documentation_says() -> None:
    """HMAC-SHA256 over the time, a dot and the body; the digest was made with openssl."""
    digest = "3c2227f07647899d1961ab729c553e78c6c14dfe9a4b44b1be44a78e3e2d91fd"
    header = sign(SECRET, BODY, 1_700_000_000)
    assert header == f"t=1700000000,v1={digest}"
    assert is_signed(SECRET, BODY, header, 1_700_000_010)


@pytest.mark.parametrize(
    ("secret", "body", "now_s"),
    [
        ("another-secret-of-length", BODY, 1_700_000_000),
        (SECRET, BODY + b" ", 1_700_000_000),
        (SECRET, BODY, 1_700_000_301),
        (SECRET, BODY, 1_699_999_699),
    ],
)
def test_what_does_not_fit_is_refused(secret: str, body: bytes, now_s: int) -> None:
    """Another secret, another body, or a time too far away."""
    assert not is_signed(secret, body, sign(SECRET, BODY, 1_700_000_000), now_s)


def test_the_time_is_signed() -> None:
    """A recorded request can not be given a newer time."""
    header = sign(SECRET, BODY, 1_700_000_000).replace("t=1700000000", "t=1700009999")
    assert not is_signed(SECRET, BODY, header, 1_700_009_999)


def test_one_of_several_signatures_is_enough() -> None:
    """While a secret is exchanged, a request may be signed with both."""
    old, new = sign("the-old-secret-0123", BODY, 1_700_000_000), sign(SECRET, BODY, 1_700_000_000)
    assert is_signed(SECRET, BODY, f"{old},{new.partition(',')[2]}", 1_700_000_000)


@pytest.mark.parametrize("header", ["", "t=", "t=x,v1=y", "v1=00", "t=1700000000", "t=1,t=1700000000,v1=é"])
def test_nonsense_is_refused(header: str) -> None:
    """A header of any odd form is no signature and no error."""
    assert not is_signed(SECRET, BODY, header, 1_700_000_000)
