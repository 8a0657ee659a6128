"""Browsers during a restart: each request is asked until it has an answer, as a person would see it, and how
long that took is kept. A connection that the server closed between two requests is not a refusal: the browser
opens another. One that is closed before the answer to its first request is."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from support.load import Connection, Ledger
from support.waiting import wait_until

REQUESTS_A_CONNECTION = 50
PAGE = "/pixel/v1/page?writeKey={key}&anonymousId=a-{mark}&messageId=own-{mark}"


class Visitors:
    """`with Visitors(port, key) as visitors:` sends as fast as it is answered, until the end of the block."""

    def __init__(self, port: int, write_key: str, *, connections: int = 12) -> None:
        self._port = port
        self._key = write_key
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.outcomes: Counter[str] = Counter()
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.longest_s = 0.0
        self.reopened = 0  # connections that ended between two requests, or with one that was sent again
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(connections)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def wait_stored(self, more: int = 300) -> None:
        """Until so many more were answered."""
        goal = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= goal, 30, "requests are answered")

    def ledger(self) -> Ledger:
        """For the checks of the promise. What was sent again was stored once, whichever answer came."""
        ledger = Ledger(sent=len(self.acknowledged), acknowledged=list(self.acknowledged))
        ledger.outcomes = Counter(self.outcomes)
        ledger.unanswered = self.reopened
        return ledger

    def _run(self, visitor: int) -> None:
        connection: Connection | None = None
        served = number = 0
        while not self._stopping.is_set():
            number += 1
            mark = f"{visitor}-{number}"
            started = time.monotonic()
            is_sent_again = False
            while True:
                try:
                    connection = connection or Connection(self._port)
                    answer = connection.get(PAGE.format(key=self._key, mark=mark))
                    break
                except OSError as error:
                    if served == 0:
                        self.refused.append(f"{mark}: {error!r}")
                    if connection is not None:
                        connection.close()
                    connection, served, is_sent_again = None, 0, True
                    if len(self.refused) > 100:
                        return
            served += 1
            with self._lock:
                outcome = answer.headers.get("x-pixelwire-outcome", "")
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                self.outcomes[f"{outcome} {answer.headers.get('x-pixelwire-reason', '')}".strip()] += 1
                self.reopened += is_sent_again
                if outcome == "stored" or (outcome == "duplicate" and is_sent_again):
                    self.acknowledged.append(f"own-{mark}")
            if served >= REQUESTS_A_CONNECTION:  # new connections all the time, too
                connection.close()
                connection, served = None, 0
        if connection is not None:
            connection.close()
