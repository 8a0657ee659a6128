"""Ours as users start it, with everything the promise asks for."""

from types import TracebackType
from typing import ClassVar, Self

import apsw

from pixelwire.record.segments import open_for_reading, segment_numbers, segment_path
from rungs.rung import Kept, Rung, allocated_bytes
from support.processes import Process
from support.server import Server


class DurableRung(Rung):
    is_ours = True
    how = "`pixelwire quickstart`: a 200 says that the event is on disk"
    workers: ClassVar[int]

    def __enter__(self) -> Self:
        self.server = Server(self.directory / "data", workers=self.workers)
        self.server.start()
        self.port, self.write_key = self.server.port, self.server.facts["write_key"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    def processes(self) -> list[Process]:
        return self.server.processes()

    def syncs(self) -> int:
        """One for each commit that holds events."""
        return self._sum("SELECT count(*), 0 FROM id_batch")[0]

    def kept(self) -> Kept | None:
        events, payload_bytes = self._sum("SELECT count(*), total(length(payload)) FROM event")
        data_dir = self.server.data_dir
        files = [*(data_dir / "events").iterdir(), *data_dir.glob("totals.db*")]
        on_disk = [path for path in files if not path.name.endswith("-shm")]
        logs = [path for path in on_disk if path.name.endswith("-wal")]
        return Kept(events, payload_bytes, allocated_bytes(*on_disk), allocated_bytes(*logs))

    def _sum(self, query: str) -> tuple[int, int]:
        """Over all segments."""
        first = second = 0
        for number in segment_numbers(self.server.data_dir):
            connection: apsw.Connection = open_for_reading(segment_path(self.server.data_dir, number))
            row = connection.execute(query).fetchone()
            connection.close()
            first, second = first + int(row[0]), second + int(row[1])
        return first, second


class OneWorkerRung(DurableRung):
    key = "durable-1"
    title = "Pixelwire, 1 worker"
    workers = 1


class TwoWorkersRung(DurableRung):
    key = "durable-2"
    title = "Pixelwire, 2 workers"
    workers = 2
