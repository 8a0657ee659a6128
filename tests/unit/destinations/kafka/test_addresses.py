"""Hosts that the library may not be told of."""

import pytest

from pixelwire.destinations.base import Misconfigured, Unreachable
from pixelwire.destinations.kafka.addresses import private_connection, refuse_private

PUBLIC = ["1.1.1.1", "2606:4700:4700::1111"]


def test_public_addresses_pass() -> None:
    """Written as numbers nothing is looked up."""
    refuse_private(PUBLIC, "in bootstrap_servers")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "10.0.0.8", "::1", "::ffff:10.0.0.1", "localhost"]
)
def test_a_private_address_is_refused(host: str) -> None:
    """However it is written, and whatever stands beside it; the text says whose it is and what to do."""
    with pytest.raises(Misconfigured, match=r"\(in bootstrap_servers\) is a private address") as raised:
        refuse_private([*PUBLIC, host], "in bootstrap_servers")
    assert "allow_private_addresses = true" in raised.value.hint


@pytest.mark.parametrize("hosts", [["no-such-host.invalid"], ["x" * 64 + ".example"], []])
def test_a_name_without_an_address_is_nobody(hosts: list[str]) -> None:
    """It is tried again: names come and go."""
    with pytest.raises(Unreachable):
        refuse_private(hosts, "in bootstrap_servers")


def test_one_name_is_enough() -> None:
    """A cluster is found by any of its servers."""
    refuse_private(["no-such-host.invalid", *PUBLIC], "in bootstrap_servers")


@pytest.mark.parametrize(
    ("line", "broker"),
    [
        (
            "a.example:9092/bootstrap: Connecting to ipv4#10.0.0.8:9092 (ssl) with socket 9",
            "a.example:9092/bootstrap",
        ),
        ("ssl://a:1/3: Connecting to ipv6#[fe80::1%eth0]:1 (ssl) with socket 9", "ssl://a:1/3"),
        ("a:1/3: Connecting to ipv4#1.1.1.1:1 (ssl) with socket 9", ""),
        ("a:1/3: Connecting to ipv6#[2606:4700:4700::1111]:1 (ssl) with socket 9", ""),
        ("a:1/3: Connected to ipv4#10.0.0.8:1", ""),
    ],
)
def test_a_connection_is_told_of_by_the_library(line: str, broker: str) -> None:
    """The broker's name is told to its owner, the address is not."""
    assert private_connection(f"CONNECT [x#producer-1] [thrd:main]: {line}") == broker
