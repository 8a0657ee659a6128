"""Whether the totals are those of the segments: of every folded one that is still there, and in sum of all
events ever stored, for seqs have no gaps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import apsw

from pixelwire.backup.segment_check import SegmentState

PROBLEMS_MAX: Final = 5


@contextmanager
def gathering() -> Iterator[apsw.Connection]:
    """A place for the counts of the folded segments, on disk where they are many."""
    connection = apsw.Connection("")
    try:
        connection.execute(
            "CREATE TABLE gathered (pixel, hour, signal, amount, PRIMARY KEY (pixel, hour, signal))"
            " WITHOUT ROWID"
        )
        yield connection
    finally:
        connection.close()


def check_totals(
    totals: apsw.Connection, gathered: apsw.Connection, states: Sequence[SegmentState]
) -> list[str]:
    folded_to = totals.execute("SELECT folded_to FROM meta").get
    folded = [state for state in states if state.number <= folded_to]
    later = [state for state in states if state.number > folded_to]
    problems = []
    if states and folded_to > states[-1].number:
        problems.append(f"segment {folded_to} is in them, and the newest is {states[-1].number}")
    problems += _missing(totals, gathered, is_all=bool(folded) and folded[0].number == 1)
    if not states or problems:
        return [f"totals.db: {problem}" for problem in problems]
    stored = later[0].first_seq - 1 if later else folded[-1].last_seq
    summed = totals.execute("SELECT coalesce(sum(amount), 0) FROM signal_count").get
    if summed != stored:
        problems.append(f"they count {summed} events, and {stored} were stored up to segment {folded_to}")
    return [f"totals.db: {problem}" for problem in problems]


def _missing(totals: apsw.Connection, gathered: apsw.Connection, *, is_all: bool) -> list[str]:
    """Counts that the segments have and the totals do not; without retention, the other way round as well."""
    problems: list[str] = []
    query = "SELECT amount FROM signal_count WHERE pixel = ? AND hour = ? AND signal = ?"
    for pixel, hour, signal, amount in gathered.execute("SELECT * FROM gathered"):
        counted = totals.execute(query, (pixel, hour, signal)).get or 0
        if counted < amount or (is_all and counted > amount):
            problems.append(
                f"pixel {pixel}, hour {hour}, signal {signal}: they count {counted}, the segments {amount}"
            )
            if len(problems) == PROBLEMS_MAX:
                break
    return problems
