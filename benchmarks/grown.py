"""A running server with many events, and what can be measured of it while they are there."""

import random
import time
from typing import Final

import fill
import load
from house import get_pixel
from load import Load
from pixelwire.record.segments import events_dir, segment_numbers
from replaying import replaying
from results import GrowthPoint
from summary import percentile
from support.server import Server
from usage import wait_quiet

WARM: Final = Load(seconds=1)  # shapes, caches
TIMES: Final = 200  # Get pixel, receipts

COLLECT, CLIENT_IDS, RECENT, REPLAY, RETENTION = "collect", "client-ids", "recent", "replay", "retention"
GET_PIXEL, RECEIPT = "get-pixel", "receipt"
WAYS: Final = {
    COLLECT: "collecting the fair mix",
    CLIENT_IDS: "collecting, every event with an id of the client's",
    RECENT: "the same, all stored ones of the last 48 hours with such ids",
    REPLAY: "collecting while a replay reads",
    RETENTION: "collecting while retention deletes",
    GET_PIXEL: "Get pixel",
    RECEIPT: "a receipt",
}


class Grown:
    """`stored`: how many events were put there before, with `fill`."""

    def __init__(self, server: Server, stored: int) -> None:
        self.server = server
        self.stored = stored
        self._loads = 0
        self._run(WARM)
        wait_quiet(server.processes)

    def measure(self, way: str, turn: int, asked: Load) -> GrowthPoint:
        """Some figures by one of WAYS. Waits also for what is left to be done afterwards."""
        if way in (GET_PIXEL, RECEIPT):
            took_ms = get_pixel(self.server, TIMES) if way == GET_PIXEL else self._receipts()
            p50, p99 = percentile(took_ms, 0.5), percentile(took_ms, 0.99)
            return GrowthPoint(self.stored, way, turn, p50_ms=p50, p99_ms=p99)
        note = ""
        if way == REPLAY:
            result, note = self._while_replaying(turn, asked)
        elif way == RETENTION and self.stored:
            result, note = self._while_retention_deletes(asked)
        else:
            result = self._run(asked._replace(client_ids="all" if way in (CLIENT_IDS, RECENT) else "half"))
        if way != RETENTION:  # which ends with its server
            wait_quiet(self.server.processes)
        return GrowthPoint(self.stored, way, turn, result.rate, result.p99_ms, result.p50_ms, note)

    def _run(self, asked: Load) -> load.Result:
        self._loads += 1
        url = f"http://127.0.0.1:{self.server.port}"
        return load.run(url, self.server.facts["write_key"], f"load-{self._loads}", asked)

    def _receipts(self) -> list[float]:
        """Milliseconds of each, of events anywhere in the store."""
        chosen = random.Random(7)
        took_ms = []
        for _ in range(TIMES):
            n = chosen.randrange(0, max(self.stored, 1_000), 4)
            message_id = fill.client_id(1, n) if self.stored else f"load-1-1-{n + 4}"
            started_s = time.perf_counter()
            found = self.server.receipt(message_id)
            took_ms.append((time.perf_counter() - started_s) * 1e3)
            assert found is not None, f"no receipt of {message_id}"
        return took_ms

    def _while_replaying(self, turn: int, asked: Load) -> tuple[load.Result, str]:
        with replaying(self.server, f"replay {turn}") as progress:
            started_s = time.monotonic()
            result = self._run(asked)
            rate = progress.read() / (time.monotonic() - started_s)
            lasts = "" if progress.is_running() else ", to the end"
        return result, f"{rate:,.0f} events a second were read meanwhile{lasts}"

    def _while_retention_deletes(self, asked: Load) -> tuple[load.Result, str]:
        """Starts the server again with a limit of a quarter of what it has, and loads it at once. It is
        stopped afterwards: what is deleted is gone."""
        data_dir = self.server.data_dir
        size = sum(path.stat().st_size for path in events_dir(data_dir).iterdir())
        self.server.stop()
        limit = {"PIXELWIRE_RETENTION_BYTES": str(size // 4)}
        with Server(data_dir, workers=2, environment=limit) as self.server:
            before = segment_numbers(data_dir)
            result = self._run(asked)
            gone = len(set(before) - set(segment_numbers(data_dir)))
        return result, f"{gone} segments were removed meanwhile"
