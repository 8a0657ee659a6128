"""Keeps destinations away from the server's own network. Knows no HTTP.

Checked where a connection is made, on the address it really goes to: a name that resolves to another address
a moment later, or an address written in an odd way, gets past any earlier check.
"""

import errno
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

# Beside what the standard library calls not global: its table differs between Python versions, and
# multicast counts as global there.
_REFUSED: Final = (
    IPv4Network("0.0.0.0/8"),  # this host
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),  # link-local: metadata services of clouds
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("224.0.0.0/3"),  # multicast, reserved, broadcast
    IPv6Network("::/127"),  # unspecified and loopback
    IPv6Network("::ffff:0:0:0/96"),  # IPv4 as a translator (SIIT) writes it
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a network's own
    IPv6Network("100::/32"),  # discarded, and dummies
    IPv6Network("3fff::/20"),  # documentation
    IPv6Network("5f00::/16"),  # segments of a network's own routing
    IPv6Network("fc00::/7"),  # unique local
    IPv6Network("fe80::/9"),  # link-local and the former site-local
    IPv6Network("ff00::/8"),  # multicast
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)  # what stands before the IPv4 address in an interface's half


class PrivateAddress(PermissionError):
    """A connection was refused because of where it would have gone.

    Its text, to be put behind the name that was asked for, does not tell the address: who may make a
    destination is not told how the names of the server's own network resolve.
    """

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "is a private address")


def is_private(address: str) -> bool:
    """Whether an address (text, as from a resolver; a zone may follow) is not out on the internet."""
    parsed = ip_address(address.partition("%")[0])
    if _is_private(parsed):
        return True
    return isinstance(parsed, IPv6Address) and any(_is_private(inner) for inner in _inner(parsed))


def guarded_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """A socket for one `getaddrinfo` entry, made just before it connects there; or PrivateAddress."""
    family, kind, protocol, _, target = address_info
    if is_private(target[0]):
        raise PrivateAddress
    return socket.socket(family, kind, protocol)


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    refused = any(address.version == network.version and address in network for network in _REFUSED)
    if isinstance(address, IPv6Address) and _embedded(address) is not None:
        return refused  # a wrapper is as public as what it wraps
    return refused or not address.is_global


def _inner(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that a packet to this one may come out at."""
    embedded = _embedded(address)
    if embedded is not None:
        yield embedded
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv6 one: mapped, compatible, 6to4, Teredo or NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
