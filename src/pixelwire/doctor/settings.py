"""Settings that are valid, and may not be what was meant. Knows what they lead to, and asks nobody."""

import os
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pixelwire.doctor.finding import Finding, ok, warn

if TYPE_CHECKING:
    from pixelwire.config import Settings

CHECK: Final = "settings"
BITS_MIN: Final = {4: 8, 6: 16}  # a network wider than this is half the world


def check(settings: "Settings") -> Iterator[Finding]:
    """At least one finding."""
    findings = [*_listeners(settings), *_public_url(settings), *_proxies(settings), *_workers(settings)]
    yield from findings or [ok(CHECK, "nothing odd")]


def _listeners(settings: "Settings") -> Iterator[Finding]:
    if not ip_address(settings.manage_host).is_loopback:
        found = f"management listens on {settings.manage_host}, without TLS: tokens travel in clear"
        yield warn(CHECK, found, "set manage_host to 127.0.0.1 and put a proxy with TLS before it")
        if settings.metrics_public:
            yield warn(
                CHECK,
                "/metrics is open to everybody who reaches it",
                "set metrics_public to false, or a firewall",
            )
    is_open = not ip_address(settings.host).is_loopback
    if is_open and settings.public_url and settings.public_url.startswith("https:"):
        found = f"pixels are served on {settings.host} too, beside the proxy of public_url"
        yield warn(CHECK, found, "set host to an address that only the proxy reaches, or mind your firewall")


def _public_url(settings: "Settings") -> Iterator[Finding]:
    if settings.public_url is None:
        if ip_address(settings.host).is_loopback:
            found = "without public_url, printed tags lead to this machine only"
            yield warn(
                CHECK, found, "set public_url to what browsers call, such as https://pixel.example.org"
            )
        return
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http" and not _is_local(parts.hostname or ""):
        found = (
            "public_url is http: browsers leave such an image out of an https page, and others can read it"
        )
        yield warn(CHECK, found, "put a proxy with TLS before it and set public_url to its https address")


def _proxies(settings: "Settings") -> Iterator[Finding]:
    for proxy in settings.trusted_proxies:
        network = ip_network(proxy)
        if network.prefixlen < BITS_MIN[network.version]:
            found = f"trusted_proxies has {network}: nearly everybody can claim any address"
            yield warn(CHECK, found, "name the addresses of your proxies only")


def _workers(settings: "Settings") -> Iterator[Finding]:
    processors = len(os.sched_getaffinity(0))
    if settings.workers > processors:
        found = f"{settings.workers} workers share {processors} processors with everything else"
        yield warn(CHECK, found, f"set workers to {processors} or fewer: more are slower")


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".internal", ".local"))
