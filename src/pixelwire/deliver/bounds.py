"""How much one destination's loop holds in memory, from what the destination takes at once. Pure.

What it holds at most: the window, in which are the new events that are under way and room for the page that
is being read; and for each of the destination's slots a batch of parked events that are tried again. A few
numbers for each parked line come on top (parking.py bounds them).
"""

from typing import Final

import msgspec

from pixelwire.destinations.base import BatchLimits
from pixelwire.limits import PAYLOAD_BYTES_MAX

MIB: Final = 1_048_576
BATCH_EVENTS_MAX: Final = 50_000  # a destination that declares more gets so many
BATCH_BYTES_MAX: Final = 64 * MIB
WINDOW_EVENTS_MIN: Final = 2_048
WINDOW_BYTES_MIN: Final = 8 * MIB
WINDOW_BATCHES: Final = 2  # one under way, and the next one that fills meanwhile
PAGE_EVENTS_MAX: Final = 2_048  # to admit a page takes the event loop some 10 ms: others wait for that
PAGE_BYTES_MAX: Final = 4 * MIB
PAGES_A_WINDOW: Final = 4
IDENTITY_EVENTS_MAX: Final = 64  # where they go one by one; what is beyond waits on disk

assert WINDOW_BYTES_MIN // PAGES_A_WINDOW >= 2 * PAYLOAD_BYTES_MAX
# A window where nothing more fits holds a whole batch.
assert (PAGES_A_WINDOW - 1) * WINDOW_BATCHES >= PAGES_A_WINDOW
# With one slot: 192 MiB of payloads where 64 MiB are taken at once, 12 MiB where nothing is declared.
assert (WINDOW_BATCHES + 1) * BATCH_BYTES_MAX <= 192 * MIB
assert WINDOW_BATCHES * BatchLimits().bytes_max <= WINDOW_BYTES_MIN
assert IDENTITY_EVENTS_MAX * 16 <= WINDOW_EVENTS_MIN


class Bounds(msgspec.Struct, frozen=True):
    """Of one loop. Bytes are those of payloads."""

    batch_events: int
    batch_bytes: int  # a single larger event still goes, alone
    window_events: int
    window_bytes: int
    page_events: int
    page_bytes: int
    identity_events: int  # of one identity in the window
    linger_s: float
    keeps_order: bool


def bounds_of(limits: BatchLimits) -> Bounds:
    batch_events = min(max(limits.events_max, 1), BATCH_EVENTS_MAX)
    batch_bytes = min(max(limits.bytes_max, 1), BATCH_BYTES_MAX)
    window_events = max(WINDOW_EVENTS_MIN, WINDOW_BATCHES * batch_events)
    window_bytes = max(WINDOW_BYTES_MIN, WINDOW_BATCHES * batch_bytes)
    return Bounds(
        batch_events=batch_events,
        batch_bytes=batch_bytes,
        window_events=window_events,
        window_bytes=window_bytes,
        page_events=min(window_events // PAGES_A_WINDOW, PAGE_EVENTS_MAX),
        page_bytes=min(window_bytes // PAGES_A_WINDOW, PAGE_BYTES_MAX),
        identity_events=window_events if limits.keeps_order else IDENTITY_EVENTS_MAX,
        linger_s=max(limits.linger_s, 0.0),
        keeps_order=limits.keeps_order,
    )
