"""Where a request came from: the peer, or what a trusted proxy says of it. Knows no policy.

An address is its packed bytes here, 4 or 16; none is empty.
"""

import re
import socket
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from pixelwire.collect.headers import Headers
from pixelwire.event import PeerKind

NO_ADDRESS: Final = b""

_IPV4_IN_IPV6: Final = bytes(10) + b"\xff\xff"
_FORWARDED_FOR: Final = re.compile(r'for="?([^";]*)', re.IGNORECASE)
_VERDICTS_REMEMBERED_MAX: Final = 1_024


def packed(text: str) -> bytes:
    """The bytes of an address in text; IPv4 in IPv6's clothes is IPv4. NO_ADDRESS for other text."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        address = socket.inet_pton(family, text.partition("%")[0])
    except (OSError, ValueError):
        return NO_ADDRESS
    return address[12:] if address[:12] == _IPV4_IN_IPV6 else address


class ClientAddress:
    """Reads a client's address out of a request."""

    def __init__(self, trusted_proxies: Sequence[str] = (), header: str = "x-forwarded-for") -> None:
        """ValueError when a trusted proxy is neither an address nor a network."""
        networks = [ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._networks = [(network.network_address.packed, network.prefixlen) for network in networks]
        self._header = header.lower().encode()
        self._is_trusted = lru_cache(_VERDICTS_REMEMBERED_MAX)(self._is_in_networks)
        self._kind = lru_cache(_VERDICTS_REMEMBERED_MAX)(_kind)
        self._unheard: Counter[PeerKind] = Counter()

    def of(self, peer: str, headers: Headers, *, is_noted: bool = True) -> bytes:
        """The peer; behind trusted proxies the right-most entry of the header that is not one of them.

        An entry that is no address ends the search: beyond it nothing can be believed, so the last proxy
        that was reached is the answer. Whose word is not taken is noted.
        """
        address = packed(peer)
        if not self._networks or not self._is_trusted(address):
            if self._header in headers and is_noted:
                self._unheard[self._kind(address)] += 1
            return address
        for entry in reversed(headers.get(self._header, b"").decode("latin-1").split(",")):
            before = packed(self._host(entry.strip()))
            if not before:
                break
            address = before
            if not self._is_trusted(address):
                break
        return address

    def take_unheard(self) -> Counter[PeerKind]:
        """How often a peer's word was not taken since this was asked last."""
        taken, self._unheard = self._unheard, Counter()
        return taken

    def _host(self, entry: str) -> str:
        if self._header == b"forwarded":
            found = _FORWARDED_FOR.search(entry)
            entry = found[1] if found else ""
        if entry.startswith("["):
            return entry[1:].partition("]")[0]
        return entry.partition(":")[0] if entry.count(":") == 1 else entry

    def _is_in_networks(self, address: bytes) -> bool:
        return any(_is_in(address, network, bits) for network, bits in self._networks)


def _kind(address: bytes) -> PeerKind:
    """A unix socket has no address: it is as near as can be."""
    is_public = bool(address) and ip_address(address).is_global
    return PeerKind.PUBLIC if is_public else PeerKind.PRIVATE


def _is_in(address: bytes, network: bytes, bits: int) -> bool:
    if not address or len(address) != len(network):
        return False
    shift = 8 * len(network) - bits
    return int.from_bytes(address, "big") >> shift == int.from_bytes(network, "big") >> shift
