"""The writer of a store that may have to be opened later: on a full disk it takes no batch, and tries again.
Whoever sends one is told so at once, which is better than nobody who listens. Knows no segment.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from pixelwire.errors import DiskFull
from pixelwire.frames import UNKNOWN, Ack, Batch, Welcome
from pixelwire.record.writer import Writer

RETRY_S: Final = 1.0


class WaitingWriter:
    """Belongs to one thread. Any other error than a full disk is for who calls, at every method."""

    def __init__(
        self, open_store: Callable[[], Writer], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_store = open_store
        self._monotonic_s = monotonic_s
        self._writer: Writer | None = None
        self._failure: DiskFull | None = None
        self._again_s = 0.0
        self._try_to_open()

    @property
    def is_waiting(self) -> bool:
        """Whether there is no room for the store to be opened."""
        return self._writer is None

    @property
    def housekeeping_failure(self) -> str:
        return self._writer.housekeeping_failure if self._writer else ""

    def commit(self, batches: Sequence[tuple[int, Batch]]) -> list[Ack]:
        """As the writer's own; DiskFull while it waits."""
        writer = self._writer or self._try_to_open()
        if writer is None:
            assert self._failure is not None
            raise self._failure
        return writer.commit(batches)

    def last_batch(self, worker: int, number: int) -> Welcome:
        writer = self._writer or self._try_to_open()
        return writer.last_batch(worker, number) if writer else Welcome(UNKNOWN, [])

    def examine(self, suspects: Sequence[int]) -> None:
        if self._writer:
            self._writer.examine(suspects)

    def mark_suspect(self) -> None:
        if self._writer:
            self._writer.mark_suspect()

    def tidy(self) -> None:
        writer = self._writer or self._try_to_open()
        if writer:
            writer.tidy()

    def forget_worker(self, worker: int) -> None:
        if self._writer:
            self._writer.forget_worker(worker)

    def close(self) -> None:
        if self._writer:
            self._writer.close()

    def _try_to_open(self) -> Writer | None:
        if self._monotonic_s() >= self._again_s:
            try:
                self._writer = self._open_store()
            except DiskFull as failure:
                self._failure = failure
                self._again_s = self._monotonic_s() + RETRY_S
        return self._writer
