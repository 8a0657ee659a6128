"""A pixel's privacy policies, applied to what would be kept. Policies govern a field whoever gave it."""

import re
import socket
from typing import Final

from pixelwire.collect.address import packed
from pixelwire.collect.nest import Object

_BY_USER_AGENT: Final = ("Sec-CH-UA", "Sec-CH-UA-Mobile", "Sec-CH-UA-Platform")
# Proxies near the visitor may name themselves, or the visitor, by address.
_LOOKS_LIKE_ADDRESS: Final = re.compile(r"[0-9A-Fa-f]*(?::[0-9A-Fa-f.]*){2,}|\d+(?:\.\d+){3}")


def shown_address(address: bytes, policy: str) -> str:
    """An address as the policy lets it be kept: whole, its network (IPv4 /24, IPv6 /48), or not at all."""
    if not address or policy == "none":
        return ""
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address if policy == "full" else address[:3] + bytes(1))
    return socket.inet_ntop(socket.AF_INET6, address if policy == "full" else address[:6] + bytes(10))


def permitted_facts(facts: dict[str, str], *, address: str, user_agent: str) -> dict[str, str]:
    """Takes out of the facts what the policies on address and user agent do not let be kept."""
    if user_agent == "none":
        for name in _BY_USER_AGENT:
            facts.pop(name, None)
    if "Via" in facts and address == "masked":
        facts["Via"] = _LOOKS_LIKE_ADDRESS.sub(_mask_found, facts["Via"])
    elif "Via" in facts and address == "none":
        del facts["Via"]
    return facts


def without_person(root: Object, *, has_event: bool) -> Object:
    """What of a payload may stay when its visitor asked not to be followed and the pixel still counts."""
    kept = {name: root[name] for name in ("channel", "integrations", "originalTimestamp", "sentAt")}
    if "timestamp" in root:
        kept["timestamp"] = root["timestamp"]
    if has_event:
        kept["event"] = root["event"]
    return kept


def _mask_found(found: re.Match[str]) -> str:
    return shown_address(packed(found[0]), "masked") or found[0]
