"""What was answered by message id, and what is stored, side by side in a temporary file: memory stays the
same however long the logs are. Knows ids and times only.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import apsw

from pixelwire.limits import DUPLICATE_WINDOW_MS
from pixelwire.reconcile.period import SLACK_MS, Period
from pixelwire.reconcile.store import Mark

CHUNK: Final = 5_000
CACHE_KIB: Final = 32_768
_NAME: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


class Answer(NamedTuple):
    """One answer with a message id. A row of the file."""

    message_id: str
    pixel: int | None
    is_stored: bool  # else it was a duplicate
    at_ms: int
    source: int
    line: int


class Journal:
    """`with Journal() as journal:` add, then `compare`, then read the results. Belongs to one thread."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory(prefix="pixelwire-reconcile-")
        self._sql = _statements()
        self._insert_event = self._sql["add_event"]
        self._answers: list[Answer] = []
        self._events: list[Mark] = []
        self.answers = 0
        self.events = 0
        connection = apsw.Connection(str(Path(self._directory.name) / "journal.db"))
        for name, value in {
            "journal_mode": "OFF",  # nothing of it is kept
            "synchronous": "OFF",
            "locking_mode": "EXCLUSIVE",
            "cache_size": -CACHE_KIB,
        }.items():
            connection.pragma(name, value)
        connection.execute(self._sql["tables"])
        connection.execute("BEGIN")
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._directory.cleanup()

    def add_answer(self, answer: Answer) -> None:
        self.answers += 1
        self._answers.append(answer)
        if len(self._answers) >= CHUNK:
            self._flush()

    def add_event(self, mark: Mark) -> None:
        """After `index` it is kept only if something else has its id."""
        self.events += 1
        self._events.append(mark)
        if len(self._events) >= CHUNK:
            self._flush()

    def index(self) -> None:
        """Once, when all answers and the events of their time are in it; then come the earlier ones."""
        self._flush()
        self._connection.execute(self._sql["indexes"])
        self._insert_event = self._sql["add_earlier"]

    def compare(self, period: Period) -> None:
        """Once, after `index`, when everything is in it."""
        self._flush()
        judged = {"from_ms": period.from_ms, "to_ms": period.to_ms}
        times = {"slack_ms": SLACK_MS, "window_ms": DUPLICATE_WINDOW_MS}
        for name in ("unfound", "stored_twice", "answered_twice"):
            self._connection.execute(self._sql[name], judged | times)
        inner = {"from_ms": period.inner_from_ms, "to_ms": period.inner_to_ms}
        self._connection.execute(self._sql["unlogged"], inner)

    # -- Results -----------------------------------------------------------------------------------

    def missing(self, kept_from_ms: int, limit: int) -> tuple[int, list[tuple[str, int, int, int]]]:
        """How many, and the first as (id, answered at, log, line)."""
        query = "SELECT id, at_ms, source, line FROM unfound WHERE needed_ms >= ? ORDER BY at_ms LIMIT ?"
        return self._count("unfound WHERE needed_ms >= ?", kept_from_ms), [
            *self._rows(query, kept_from_ms, limit)
        ]

    def expired(self, kept_from_ms: int) -> int:
        """Answers whose event may be past retention."""
        return self._count("unfound WHERE needed_ms < ?", kept_from_ms)

    def stored_twice(self, limit: int) -> tuple[int, list[tuple[str, int, int]]]:
        """How many, and the first as (id, events, received at)."""
        rows = self._rows("SELECT id, events, at_ms FROM stored_twice ORDER BY at_ms LIMIT ?", limit)
        return self._count("stored_twice"), [*rows]

    def answered_twice(self, limit: int) -> tuple[int, list[tuple[str, int, int, int]]]:
        """How many, and the first as (id, answers, events, answered at)."""
        rows = self._rows(
            "SELECT id, stored, events, at_ms FROM answered_twice ORDER BY at_ms LIMIT ?", limit
        )
        return self._count("answered_twice"), [*rows]

    def unlogged(self, limit: int) -> tuple[int, list[tuple[str, int, int]]]:
        """How many, and the first as (id, received at, seq)."""
        rows = self._rows("SELECT id, at_ms, seq FROM unlogged ORDER BY at_ms LIMIT ?", limit)
        return self._count("unlogged"), [*rows]

    def _count(self, where: str, *values: int) -> int:
        found: int = self._connection.execute(f"SELECT count(*) FROM {where}", values).get  # noqa: S608 our own
        return found

    def _rows(self, query: str, *values: int) -> Iterator[Any]:
        yield from self._connection.execute(query, values)

    def _flush(self) -> None:
        self._connection.executemany(self._sql["add_answer"], self._answers)
        self._connection.executemany(self._insert_event, self._events)
        self._answers.clear()
        self._events.clear()


def _statements() -> dict[str, str]:
    parts = _NAME.split((files("pixelwire.reconcile") / "journal.sql").read_text("utf-8"))
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
