"""Signatures of what is sent over HTTP: HMAC-SHA256 over the time and the body. Knows no HTTP.

    X-Pixelwire-Signature: t=1700000000,v1=<64 hex digits>

where v1 is HMAC-SHA256(secret, "1700000000." + body). The time is signed too, so that a receiver can refuse
what somebody recorded and sends again later. `v1` may stand there more than once; one match is enough.
"""

import hashlib
import hmac
from typing import Final

SIGNATURE_HEADER: Final = "X-Pixelwire-Signature"
TOLERANCE_S: Final = 300


def sign(secret: str, body: bytes, at_s: int) -> str:
    """The value of the header."""
    return f"t={at_s},v1={_digest(secret, body, str(at_s))}"


def is_signed(secret: str, body: bytes, header: str, now_s: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """What a receiver does: whether the header fits the body, and its time is near `now_s`."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isdecimal() or abs(now_s - int(times[0])) > tolerance_s:
        return False
    expected = _digest(secret, body, times[0]).encode()
    return any(hmac.compare_digest(expected, value.encode()) for name, _, value in parts if name == "v1")


def _digest(secret: str, body: bytes, time: str) -> str:
    return hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
