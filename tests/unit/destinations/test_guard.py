"""Where a destination may not connect to."""

import socket

import pytest

from pixelwire.destinations.guard import PrivateAddress, guarded_socket, is_private

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "192.0.2.1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::10.0.0.1",
    "2002:7f00:1::", "2002:c0a8:101::", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "64:ff9b:1::7f00:1", "64:ff9b:1::808:808", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "3fff::1", "5f00::1",
    "100::1", "100:0:0:1::1", "2a00:1450::5efe:10.0.0.1", "2a00:1450::200:5efe:127.0.0.1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.0.1.1", "223.255.255.255",
    "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
    "2a00:1450::5efe:8.8.8.8", "3ffe::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_private_networks_are_told(address: str) -> None:
    """Loopback, private, link-local, shared, unique local, multicast, reserved, and IPv4 wrapped in IPv6."""
    assert is_private(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_not(address: str) -> None:
    """What is out on the internet may be connected to."""
    assert not is_private(address)


def test_no_socket_is_made_for_a_private_address() -> None:
    """The check happens where the connection is made, so no name and no notation gets around it."""
    with pytest.raises(PrivateAddress, match="is a private address"):
        guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80)))
    with pytest.raises(PrivateAddress):
        guarded_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0)))


def test_a_socket_is_made_for_a_public_one() -> None:
    """The socket is of the family asked for."""
    with guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))) as made:
        assert made.family == socket.AF_INET
