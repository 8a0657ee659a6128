"""Which segment goes next: a table over every limit and everything that a soft limit waits for."""

from typing import Any

import pytest

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.limits import RETENTION_SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX
from pixelwire.record.retention import (
    Jump,
    Removal,
    RetentionLimits,
    SegmentFacts,
    Situation,
    Verdict,
    decide,
    jumps,
)

MB = 1_000_000
TODAY = 20_000  # days since 1970


def segment(number: int, day: int, **changed: Any) -> SegmentFacts:
    """One of 100 events and 10 MB, with events in every hour of a day."""
    hours = frozenset(range(day * 24, day * 24 + 24))
    facts = SegmentFacts(
        number=number,
        first_seq=number * 100 - 99,
        last_seq=number * 100,
        size_bytes=10 * MB,
        newest_ms=(max(hours) + 1) * HOUR_MS - 1,
        steady_ms=(max(hours) + 1) * HOUR_MS - 1,
        hours=hours,
        is_folded=True,
    )
    return facts._replace(**changed)


def situation(days: list[int], **changed: Any) -> Situation:
    """Segments of these days, oldest first; the last one is open. The disk has room, nothing is delivered."""
    segments = [segment(number, day) for number, day in enumerate(days, 1)]
    segments[-1] = segments[-1]._replace(is_folded=False)
    newest_ms = segments[-1].newest_ms
    now = Situation(segments, newest_ms, newest_ms, free_bytes=1_000 * MB, cursor=None)
    return now._replace(**changed)


TEN_DAYS = [TODAY - back for back in range(9, -1, -1)]
FRESH = [TODAY] * 10

AGE = RetentionLimits(age_ms=5 * DAY_MS)
SIZE = RetentionLimits(bytes_max=50 * MB)
FREE = RetentionLimits(free_bytes_min=2_000 * MB)
HARD_SIZE = RetentionLimits(hard_bytes_max=50 * MB)
HARD_FREE = RetentionLimits(hard_free_bytes_min=2_000 * MB)


@pytest.mark.parametrize(
    ("limits", "now", "removal"),
    [
        (AGE, situation(TEN_DAYS), ("age", None, False)),
        (SIZE, situation(TEN_DAYS), ("size", None, False)),
        (FREE, situation(TEN_DAYS), ("free_disk", None, False)),
        (HARD_SIZE, situation(TEN_DAYS), ("size", None, False)),
        (AGE, situation(TEN_DAYS, cursor=100), ("age", None, False)),
        (HARD_SIZE, situation(TEN_DAYS, cursor=100), ("size", None, False)),
        (HARD_SIZE, situation(TEN_DAYS, cursor=99), ("size", 99, True)),
        (HARD_FREE, situation(TEN_DAYS, cursor=0), ("free_disk", 0, True)),
        (HARD_SIZE, situation(FRESH), ("size", None, True)),
        (HARD_SIZE, situation(FRESH, cursor=40), ("size", 40, True)),
        (SIZE._replace(hard_bytes_max=60 * MB), situation(TEN_DAYS, cursor=0), ("size", 0, True)),
    ],
    ids=[
        "too old",
        "too large",
        "too little room",
        "a hard limit, and nobody waits",
        "the cursor is past its last event",
        "a hard limit, and the cursor is past it",
        "a hard limit passes a cursor",
        "a hard limit of room passes a cursor",
        "a hard limit within the window of duplicates",
        "a hard limit within the window, past a cursor",
        "the hard limit wins over the soft one",
    ],
)
def test_the_oldest_segment_goes(
    limits: RetentionLimits, now: Situation, removal: tuple[str, int | None, bool]
) -> None:
    """With the limit that is passed, what is lost by it, and whether it was too early."""
    why, lost_after, is_early = removal
    expected = Removal(now.segments[0], why, lost_after, is_early)  # type: ignore[arg-type]
    assert decide(limits, now).removal == expected


@pytest.mark.parametrize(
    ("limits", "now", "verdict"),
    [
        (RetentionLimits(), situation(TEN_DAYS), Verdict()),
        (RetentionLimits(age_ms=9 * DAY_MS), situation(TEN_DAYS), Verdict()),
        (RetentionLimits(bytes_max=100 * MB), situation(TEN_DAYS), Verdict()),
        (RetentionLimits(free_bytes_min=1_000 * MB), situation(TEN_DAYS), Verdict()),
        (SIZE, situation(TEN_DAYS[:1]), Verdict()),
        (AGE, situation(TEN_DAYS, cursor=99), Verdict(None, "age", "destination")),
        (SIZE, situation(TEN_DAYS, cursor=0), Verdict(None, "size", "destination")),
        (FREE, situation(FRESH), Verdict(None, "free_disk", "duplicates")),
        (AGE, situation([TODAY - 3_650, *TEN_DAYS]), Verdict(None, "age", "clock")),
        (AGE, situation([*TEN_DAYS, TODAY + 3_650]), Verdict(None, "age", "clock")),
    ],
    ids=[
        "no limit",
        "young enough",
        "small enough",
        "room enough",
        "only the open one",
        "age waits for a cursor",
        "size waits for a cursor",
        "room waits for the window of duplicates",
        "age waits after a jump",
        "age waits after a jump that just happened",
    ],
)
def test_every_segment_stays(limits: RetentionLimits, now: Situation, verdict: Verdict) -> None:
    """No limit is passed, or something holds: then the limit and the holder are told."""
    assert decide(limits, now) == verdict


def test_a_segment_that_is_not_folded_stays() -> None:
    """Its counts are not in the totals yet, and no limit is worth a count."""
    now = situation(TEN_DAYS)
    unfolded = [now.segments[0]._replace(is_folded=False), *now.segments[1:]]
    verdict = decide(HARD_SIZE, now._replace(segments=unfolded))
    assert verdict == Verdict(None, "size", "sealing")


def test_a_clock_that_was_set_makes_no_duplicate_forgotten() -> None:
    """The window of duplicates is measured on the steady line: ten years forward in a minute are a minute."""
    now = situation([TODAY, TODAY + 3_650])
    minute = now.segments[0].steady_ms + 60_000
    assert decide(SIZE._replace(bytes_max=1), now._replace(steady_ms=minute)).held_by == "duplicates"


def test_a_jump_does_not_stop_the_limits_of_size() -> None:
    """They measure no time."""
    now = situation([TODAY - 3_650, *TEN_DAYS])
    assert decide(SIZE, now).removal is not None


def test_a_confirmed_jump_stops_nothing() -> None:
    """The owner said that the times are right: then ten years are ten years."""
    now = situation([TODAY - 3_650, *TEN_DAYS], confirmed=frozenset({TEN_DAYS[0] * 24}))
    assert decide(AGE, now).removal is not None


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (TEN_DAYS, []),
        ([TODAY - 2, TODAY], [Jump((TODAY - 2) * 24 + 23, TODAY * 24)]),
        ([TODAY, TODAY - 2], [Jump((TODAY - 2) * 24 + 23, TODAY * 24)]),
        ([TODAY - 1, TODAY + 9, TODAY], [Jump(TODAY * 24 + 23, (TODAY + 9) * 24)]),
    ],
    ids=["every day", "forth", "back", "forth and back"],
)
def test_more_than_a_day_without_events_is_a_jump(days: list[int], found: list[Jump]) -> None:
    """Whichever way the clock went."""
    assert jumps(situation(days)) == found


def test_a_day_between_two_hours_is_no_jump() -> None:
    """25 hours are, 24 are not."""
    for distance, amount in ((24, 0), (25, 1)):
        one = segment(1, TODAY, hours=frozenset({100, 100 + distance}))
        assert len(jumps(Situation([one], 0, 0, 0, None))) == amount


def test_events_from_the_future_do_not_block_for_ever() -> None:
    """Once confirmed, they are as old as the events after them."""
    days = [TODAY + 3_650, *TEN_DAYS]
    now = situation(days)
    first = now.segments[0]._replace(steady_ms=now.segments[1].steady_ms)
    now = now._replace(confirmed=frozenset({(TODAY + 3_650) * 24}), segments=[first, *now.segments[1:]])
    assert decide(AGE, now).removal is not None
    assert decide(AGE, situation([TODAY + 3_650, TODAY], confirmed=now.confirmed)) == Verdict()


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        (RetentionLimits(), SEGMENT_BYTES_MAX),
        (AGE, SEGMENT_BYTES_MAX),
        (RetentionLimits(bytes_max=10**12), SEGMENT_BYTES_MAX),
        (RetentionLimits(bytes_max=10**12, hard_bytes_max=1_600 * MB), 100 * MB),
        (RetentionLimits(bytes_max=1 * MB), RETENTION_SEGMENT_BYTES_MIN),
    ],
)
def test_segments_are_small_under_a_limit_of_size(limits: RetentionLimits, size: int) -> None:
    """A sixteenth of it, so that what is kept is about what was asked for."""
    assert limits.segment_bytes == size
