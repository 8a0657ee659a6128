"""Where files lie, and what they are called."""

import msgspec
import pytest

from pixelwire.destinations.base import Item
from pixelwire.destinations.object_store.layout import Layout, grouped, key
from pixelwire.testing.check_destination import make_item

PIXEL = "0" * 32
RUDDERSTACK, HIVE = Layout("rudderstack"), Layout("hive")
HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000


def item(seq: int, **changes: object) -> Item:
    return msgspec.structs.replace(
        make_item(0), **{"seq": seq, "received_ms": START_MS + seq % 10, **changes}
    )


def key_of(first: Item, layout: Layout, turn: int = 0) -> str:
    [group] = grouped([first], layout)
    return key(group.folder, first, layout, ".json.gz", turn)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (RUDDERSTACK, f"rudder-logs/{PIXEL}/2023-11-14/1700000000.{PIXEL}.00000000000000000007.json.gz"),
        (
            Layout("rudderstack", "MM-DD-YYYY"),
            f"rudder-logs/{PIXEL}/11-14-2023/1700000000.{PIXEL}.00000000000000000007.json.gz",
        ),
        (HIVE, f"pixel={PIXEL}/date=2023-11-14/hour=22/1700000000007-00000000000000000007.json.gz"),
    ],
)
def test_a_key_tells_pixel_time_and_seq(layout: Layout, expected: str) -> None:
    """As the layout has it; the day is that of UTC."""
    assert key_of(item(7), layout) == expected


@pytest.mark.parametrize("layout", [RUDDERSTACK, HIVE])
def test_keys_differ_where_files_must(layout: Layout) -> None:
    """By the first event, by the replay, and by the turn; not by the attempt."""
    keys = [
        key_of(item(7), layout),
        key_of(item(8), layout),
        key_of(item(7, replay="r-1"), layout),
        key_of(item(7, replay="r-2"), layout),
        key_of(item(7), layout, turn=1),
        key_of(item(7, pixel_id="1" * 32), layout),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of(item(7, attempt=3), layout) == keys[0]


@pytest.mark.parametrize("layout", [RUDDERSTACK, HIVE])
@pytest.mark.parametrize("odd", ["../../etc", "", "a/b", "ü" * 300, "."])
def test_no_id_leads_out_of_its_folder(layout: Layout, odd: str) -> None:
    """Whatever a pixel or a replay is called, its key has the same number of plain parts."""
    plain = key_of(item(7), layout)
    found = key_of(item(7, pixel_id=odd, replay=odd), layout)
    assert found.count("/") == plain.count("/")
    assert found.isascii()
    assert ".." not in found


def test_a_group_is_a_pixel_a_day_and_a_replay() -> None:
    """In the order of events, for RudderStack."""
    items = [
        item(1),
        item(2, pixel_id="1" * 32),
        item(3),
        item(4, received_ms=START_MS + 24 * HOUR_MS),
        item(5, replay="r"),
        item(6, received_ms=START_MS + HOUR_MS),
    ]
    groups = [[one.seq for one in group.items] for group in grouped(items, RUDDERSTACK)]
    assert groups == [[1, 3, 6], [2], [4], [5]]


def test_hive_has_a_group_for_each_hour() -> None:
    """Its partitions are hours."""
    items = [item(1), item(2, received_ms=START_MS + HOUR_MS)]
    assert [len(group.items) for group in grouped(items, HIVE)] == [1, 1]


@pytest.mark.parametrize("layout", [RUDDERSTACK, HIVE])
def test_names_sort_as_events_do(layout: Layout) -> None:
    """A listing shows files in the order in which they were made."""
    keys = [key_of(item(seq, received_ms=START_MS), layout) for seq in (1, 9, 10, 2**40, 2**63 - 1)]
    assert keys == sorted(keys)
