"""How often an address and a pixel may ask: limits at the door, in this worker's memory. Knows no request.

A bucket is one number: the moment at which it is full again. It holds `burst_s` seconds' worth of requests
and gets one back every `1 / per_second` seconds (the "generic cell rate algorithm").
"""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from pixelwire.clock import Clock
from pixelwire.limits import RATE_BUCKETS_LOOKED_AT, RATE_BUCKETS_MAX

Key = TypeVar("Key", bytes, int)

_IPV6_BYTES: Final = 16
_NETWORK_BYTES: Final = 8  # of IPv6: one customer has at least a /64, so its addresses are one
_ROUNDING_S: Final = 1e-6


class RateLimit(Generic[Key]):
    """Buckets by key, at most RATE_BUCKETS_MAX of them.

    For a new one a full bucket is forgotten, which changes nothing. While none of the oldest is full, the
    fullest of them goes: an empty one is lifted only among as many that are as empty, which costs whoever
    wants that a whole burst from each of RATE_BUCKETS_MAX addresses.
    """

    def __init__(self, per_second: int, burst_s: int, clock: Clock) -> None:
        self._interval_s = 1 / per_second
        self._burst_s = max(burst_s, self._interval_s) + _ROUNDING_S
        self._clock = clock
        self._full_at: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def takes(self, key: Key) -> bool:
        """Whether one more request is within the limit; one that is not costs nothing."""
        now = self._clock.monotonic_s()
        full_at = self._full_at.get(key)
        if full_at is None and len(self._full_at) >= RATE_BUCKETS_MAX:
            self._forget_one(now)
        later = max(full_at or now, now) + self._interval_s
        if later - now > self._burst_s:
            return False
        self._full_at[key] = later
        return True

    def _forget_one(self, now: float) -> None:
        kept: list[tuple[Key, float]] = []
        for _ in range(RATE_BUCKETS_LOOKED_AT):
            bucket = self._full_at.popitem(last=False)
            if bucket[1] <= now:
                break
            kept.append(bucket)
        else:
            kept.remove(min(kept, key=_full_at_of))
        self._full_at.update(kept)


class Door:
    """The limits that are set, for one worker."""

    def __init__(self, clock: Clock, *, per_address: int = 0, per_pixel: int = 0, burst_s: int = 1) -> None:
        """Requests a second; 0 is no limit."""
        self.asks_address = per_address > 0
        self._addresses = RateLimit[bytes](per_address, burst_s, clock) if per_address else None
        self._pixels = RateLimit[int](per_pixel, burst_s, clock) if per_pixel else None

    def is_open(self, address: bytes, pixel: int) -> bool:
        """Whether one more request of this packed address for this pixel may come in.

        The address first: one that asks too often uses up nothing of the pixel's. One that is not known
        (empty) has no limit.
        """
        if self._addresses is not None and address and not self._addresses.takes(_who(address)):
            return False
        return self._pixels is None or self._pixels.takes(pixel)


def _who(address: bytes) -> bytes:
    return address[:_NETWORK_BYTES] if len(address) == _IPV6_BYTES else address


def _full_at_of(bucket: tuple[object, float]) -> float:
    return bucket[1]
