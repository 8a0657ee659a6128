"""The payload that is stored and routed (wire.md 1.3): members of ours around the parameters. Knows what
members mean, but neither headers nor policies.
"""

from typing import Final

import msgspec
from uuid_utils import uuid7

from pixelwire.collect.nest import Object, Value
from pixelwire.event import Call
from pixelwire.limits import MESSAGE_ID_CHARACTERS_MAX
from pixelwire.times import iso_ms

try:
    # The interpreter's own: OpenSSL's behind hashlib looks its algorithm up each time, which takes 1 us more.
    from _md5 import md5  # type: ignore[import-not-found] # no stub
except ImportError:  # an interpreter built without it
    from hashlib import md5

encode: Final = msgspec.json.Encoder().encode

UNKNOWN_PAGE: Final = "Unknown Page"

_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
# Blank, but printable as far as Unicode is concerned.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


class Timestamps:
    """Writes times; remembers the second it is in, so that a busy worker formats it once."""

    def __init__(self) -> None:
        self._second = -1
        self._start = ""

    def iso(self, at_ms: int) -> str:
        second = at_ms // 1_000
        if second != self._second:
            self._second = second
            self._start = iso_ms(at_ms)[:20]
        return f"{self._start}{at_ms % 1_000:03d}Z"


def begin(now: str) -> Object:
    """The members a client's parameters may replace (`integrations` excepted, no path leads there)."""
    return {"channel": "web", "integrations": {"All": True}, "originalTimestamp": now, "sentAt": now}


def text_of(root: Object, member: str) -> str:
    """A member that must be a string to count; empty when it is not."""
    value = root.get(member)
    return value if type(value) is str else ""


def without_quotes(given: str) -> str:
    """AMP reads its client id from a cookie that is JSON-quoted."""
    return given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given


def name_page(root: Object) -> None:
    """A page may have no name; an empty one has this."""
    if root.get("name") == "":
        root["name"] = UNKNOWN_PAGE


def new_message_id() -> str:
    return str(uuid7())


def clean_message_id(given: Value) -> str | None:
    """The client's message id without what can not be seen. Empty when nothing is left; None when it is
    too long or not a string."""
    if type(given) is not str:
        return None
    if not given.isprintable() or not _INVISIBLE.isdisjoint(given):
        # Not printable: categories C* and Z* but for the space.
        given = "".join(
            character for character in given if character.isprintable() and character not in _INVISIBLE
        )
    given = given.strip()
    return given if len(given) <= MESSAGE_ID_CHARACTERS_MAX else None


def rudder_id(user_id: str, anonymous_id: str) -> str:
    """MD5 of both ids with the bits of a random UUID forced, as RudderStack's server makes it."""
    digest = md5(f"{user_id}:{anonymous_id}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:]}"


def end(root: Object, call: Call, *, message_id: str, rudder_id: str | None, received_at: str) -> None:
    """The members of ours that every payload has; the rudder id only where there is a person."""
    timestamp = root.pop("timestamp", received_at)
    root["type"] = call.word
    root["messageId"] = message_id
    if rudder_id:
        root["rudderId"] = rudder_id
    root["receivedAt"] = received_at
    root["timestamp"] = timestamp
