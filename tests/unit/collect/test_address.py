"""Where a request came from."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.collect.address import NO_ADDRESS, ClientAddress, packed
from pixelwire.collect.privacy import shown_address

PROXIES = ["10.0.0.0/8", "192.0.2.1", "2001:db8:ff::/48"]


def seen(peer: str, forwarded: str | None = None, *, header: str = "x-forwarded-for") -> str:
    """The client's address behind PROXIES, as text."""
    lines = {} if forwarded is None else {header.encode(): forwarded.encode("latin-1")}
    return shown_address(ClientAddress(PROXIES, header).of(peer, lines), "full")


def test_the_peer_is_the_client() -> None:
    """By default nobody is believed about another's address."""
    found = ClientAddress().of("10.0.0.1", {b"x-forwarded-for": b"198.51.100.7"})
    assert shown_address(found, "full") == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.9", "203.0.113.1", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.1, 10.9.9.9,192.0.2.1", "203.0.113.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.1:4711", "203.0.113.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("2001:db8:ff::5", "203.0.113.1", "203.0.113.1"),
        ("2001:db8:fe::5", "203.0.113.1", "2001:db8:fe::5"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.1", "203.0.113.1"),
        ("", "203.0.113.1", ""),
        ("10.0.0.1", "\xff\xfe", "10.0.0.1"),
    ],
)
def test_trusted_proxies_are_believed(peer: str, forwarded: str | None, client: str) -> None:
    """From the right, until one that is not trusted, or is no address."""
    assert seen(peer, forwarded) == client


def test_only_the_header_named_counts() -> None:
    """Another header with an address is a stranger's word."""
    address = ClientAddress(PROXIES, "CF-Connecting-IP")
    found = address.of("10.0.0.1", {b"x-forwarded-for": b"6.6.6.6", b"cf-connecting-ip": b"203.0.113.1"})
    assert shown_address(found, "full") == "203.0.113.1"


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=203.0.113.1;proto=https;by=10.0.0.1", "203.0.113.1"),
        ('For="[2001:db8::1]:4711", for=10.0.0.2', "2001:db8::1"),
        ("for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_by_its_standard(value: str, client: str) -> None:
    """RFC 7239."""
    assert seen("10.0.0.1", value, header="forwarded") == client


def test_a_proxy_that_is_no_address_is_refused() -> None:
    """A typing error must not end in trusting nobody, or everybody."""
    with pytest.raises(ValueError):
        ClientAddress(["proxy.example"])


@settings(derandomize=True, max_examples=300)
@given(st.text(max_size=40), st.binary(max_size=60))
def test_any_text_is_an_address_or_none(peer: str, forwarded: bytes) -> None:
    """Nothing is raised, whatever comes."""
    assert len(packed(peer)) in (0, 4, 16)
    assert len(ClientAddress(["0.0.0.0/0"]).of("10.0.0.1", {b"x-forwarded-for": forwarded})) in (4, 16)


def test_no_address_is_empty() -> None:
    """So that it is false."""
    assert packed("localhost") == NO_ADDRESS == b""


@pytest.mark.parametrize(
    ("peer", "kind"),
    [
        ("127.0.0.1", "private"),
        ("192.168.7.1", "private"),
        ("172.17.0.1", "private"),
        ("fd00::1", "private"),
        ("::1", "private"),
        ("", "private"),
        ("8.8.8.8", "public"),
        ("2606:4700::1", "public"),
    ],
)
def test_a_word_that_is_not_taken_is_noted(peer: str, kind: str) -> None:
    """By where it came from: an owner learns of a proxy that is not trusted, and never of a visitor."""
    address = ClientAddress(["10.0.0.0/8"])
    forwarded = {b"x-forwarded-for": b"198.51.100.7"}
    for headers in (forwarded, forwarded, {}, {b"forwarded": b"for=198.51.100.7"}):
        address.of(peer, headers)
    address.of(peer, forwarded, is_noted=False)
    address.of("10.0.0.1", forwarded)
    assert address.take_unheard() == {kind: 2}
    assert address.take_unheard() == {}
