"""What the headers of a request tell: folded into one mapping, then read as text. Knows no policy."""

from collections.abc import Iterable
from typing import Final

from pixelwire.limits import FACT_CHARACTERS_MAX, HEADER_CHARACTERS_MAX

Headers = dict[bytes, bytes]

# A second line of these contradicts the first; of all others it continues it (RFC 9110, 5.3).
_SINGLE: Final = frozenset(
    {b"user-agent", b"referer", b"origin", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site"}
)

# As a receipt names them. Not Accept and the like: these are what can not be had again (wire.md 1.3).
_FACTS: Final = {
    name.lower().encode(): name
    for name in (
        "Referer",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Sec-Purpose",
        "Purpose",
        "X-Moz",
        "Sec-GPC",
        "DNT",
        "Sec-CH-UA",
        "Sec-CH-UA-Mobile",
        "Sec-CH-UA-Platform",
        "Via",
    )
}


def fold(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """One value per name. Names come in lower case (ASGI)."""
    lines = list(pairs)
    folded = dict(lines)
    if len(folded) == len(lines):
        return folded
    folded.clear()
    for name, value in lines:
        if name not in folded:
            folded[name] = value
        elif name not in _SINGLE:
            folded[name] += b", " + value
    return folded


def text(value: bytes | None, characters_max: int = HEADER_CHARACTERS_MAX) -> str:
    """UTF-8 where it is, else latin-1, cut. Empty when there is none."""
    if not value:
        return ""
    try:
        return value.decode()[:characters_max]
    except UnicodeDecodeError:
        return value.decode("latin-1")[:characters_max]


def locale(headers: Headers) -> str:
    """The first tag of Accept-Language; empty when it names none."""
    tag = text(headers.get(b"accept-language")).partition(",")[0].partition(";")[0].strip()
    return "" if tag == "*" else tag


def page_url(headers: Headers) -> str:
    """The Referer, when it is more than an origin; else empty."""
    referer = text(headers.get(b"referer"))
    scheme, _, rest = referer.partition("://")
    host, _, path = rest.partition("/")
    return referer if scheme and host and (path or "?" in host) else ""


def asks_for_privacy(headers: Headers) -> bool:
    """Global Privacy Control. One `1` among folded lines is enough."""
    value = headers.get(b"sec-gpc")
    return value is not None and any(part.strip() == b"1" for part in value.split(b","))


def facts(headers: Headers, method: str, http_version: str) -> dict[str, str]:
    """What the request itself showed and can not be had again."""
    shown = {"method": method, "http_version": http_version}
    for name, shown_name in _FACTS.items():
        if name in headers:
            shown[shown_name] = text(headers[name], FACT_CHARACTERS_MAX)
    return shown
