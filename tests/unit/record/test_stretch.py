"""Where the events of a time are."""

from pathlib import Path

import pytest

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.record.reader import Reader
from pixelwire.record.segments import segment_path
from pixelwire.record.stretch import Stretch, received
from support.keeping import START_MS, fill, fill_days

STEP_MS = DAY_MS // 3


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "found"),
    [
        (START_MS, START_MS + 1, Stretch(1, 1)),
        (START_MS + 1, START_MS + STEP_MS, None),
        (START_MS + STEP_MS, START_MS + 4 * STEP_MS, Stretch(2, 4)),
        (0, START_MS, None),
        (0, START_MS + 99 * DAY_MS, Stretch(1, 9)),
        (START_MS + 8 * STEP_MS, START_MS + 9 * DAY_MS, Stretch(9, 9)),
        (START_MS + 8 * STEP_MS + 1, START_MS + 9 * DAY_MS, None),
    ],
)
def test_a_stretch_is_as_long_as_its_events(
    tmp_path: Path, from_ms: int, to_ms: int, found: Stretch | None
) -> None:
    """From the first to the last, over segments, the start inclusive and the end not."""
    fill_days(tmp_path, 3)
    reader = Reader(tmp_path)
    assert received(reader, from_ms, to_ms) == found
    reader.close()


def test_a_clock_that_was_set_hides_no_event(tmp_path: Path) -> None:
    """Whatever lies between: all events of the time are in the stretch."""
    times = [5, 6, 7, 90, 91, 4, 5, 60, 8]
    fill(tmp_path, [START_MS + hours * HOUR_MS for hours in times])
    reader = Reader(tmp_path)
    assert received(reader, START_MS + 5 * HOUR_MS, START_MS + 6 * HOUR_MS) == Stretch(1, 7)
    assert received(reader, START_MS + 8 * HOUR_MS, START_MS + 61 * HOUR_MS) == Stretch(8, 9)
    reader.close()


def test_a_segment_that_can_not_be_read_is_passed_over(tmp_path: Path) -> None:
    """The others tell what they hold; a store without events has none."""
    reader = Reader(tmp_path)
    assert received(reader, 0, 2**50) is None
    fill_days(tmp_path, 3)
    segment_path(tmp_path, 1).write_bytes(b"no database" * 1_000)
    assert received(reader, 0, 2**50) == Stretch(4, 9)
    assert reader.damaged() == [1]
    reader.close()
