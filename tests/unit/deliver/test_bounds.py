"""How much one loop holds in memory."""

import pytest

from pixelwire.deliver.bounds import (
    BATCH_BYTES_MAX,
    BATCH_EVENTS_MAX,
    IDENTITY_EVENTS_MAX,
    MIB,
    Bounds,
    bounds_of,
)
from pixelwire.destinations.base import BatchLimits


def test_one_by_one_holds_little() -> None:
    """What a webhook declares: 2,048 events or 8 MiB, in pages of a quarter."""
    bounds = bounds_of(BatchLimits(concurrency=16))
    assert bounds == Bounds(
        batch_events=1,
        batch_bytes=4 * MIB,
        window_events=2_048,
        window_bytes=8 * MIB,
        page_events=512,
        page_bytes=2 * MIB,
        identity_events=IDENTITY_EVENTS_MAX,
        linger_s=0.0,
        keeps_order=False,
    )


def test_batches_have_room_for_the_next_one() -> None:
    """Two of them, in pages that do not hold the event loop up."""
    bounds = bounds_of(BatchLimits(events_max=10_000, bytes_max=16 * MIB, linger_s=60, keeps_order=True))
    assert (bounds.window_events, bounds.window_bytes) == (20_000, 32 * MIB)
    assert (bounds.page_events, bounds.page_bytes) == (2_048, 4 * MIB)
    assert (bounds.identity_events, bounds.linger_s) == (20_000, 60)


@pytest.mark.parametrize("events_max", [0, 10**9])
def test_what_is_declared_is_bounded(events_max: int) -> None:
    """Whatever a plug-in says."""
    bounds = bounds_of(BatchLimits(events_max=events_max, bytes_max=events_max))
    assert 1 <= bounds.batch_events <= BATCH_EVENTS_MAX
    assert 1 <= bounds.batch_bytes <= BATCH_BYTES_MAX
