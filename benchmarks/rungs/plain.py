"""The plain way, as many would begin: uvicorn, FastAPI and an insert for each request."""

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from rungs.commanded import CommandedRung
from rungs.rung import Kept, allocated_bytes


class PlainRung(CommandedRung):
    key = "plain"
    title = "uvicorn, FastAPI, an SQLite insert for each request"
    how = "1 process with uvloop; WAL and `synchronous=FULL`, so its 200 says the same as ours"
    roles: ClassVar[Mapping[str, str]] = {"plain_app": "server"}

    def command(self) -> list[str]:
        return [
            *("/usr/bin/env", f"PLAIN_DATABASE={self._database}"),
            *(sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parent), "plain_app:app"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--loop", "uvloop", "--no-access-log"),
            *("--backlog", "4096", "--log-level", "error"),
        ]

    @property
    def _database(self) -> Path:
        return self.directory / "plain.db"

    def syncs(self) -> int:
        """One for each row."""
        return self._ask("SELECT coalesce(max(id), 0) FROM event")[0]

    def kept(self) -> Kept | None:
        events, payload_bytes = self._ask("SELECT count(*), total(length(payload)) FROM event")
        log = self._database.with_name(self._database.name + "-wal")
        return Kept(events, int(payload_bytes), allocated_bytes(self._database, log), allocated_bytes(log))

    def _ask(self, query: str) -> tuple[int, ...]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchone()
