"""Waiting for new events without holding a thread: one look at the head serves everybody who waits."""

import asyncio
from typing import Final

from pixelwire import telemetry
from pixelwire.manage.desks import Desk, Desks

LOOK_INTERVAL_S: Final = 0.05
WAITERS_MAX: Final = 256

_log = telemetry.logger("manage")


class HeadWatch:
    """Looks at the head only while somebody waits."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._changed = asyncio.Condition()
        self._head = 0
        self._waiting = 0
        self._is_stopped = False
        self._task: asyncio.Task[None] | None = None

    async def beyond(self, seq: int, timeout_s: float) -> bool:
        """Returns when the head is beyond a seq (True), the time is over, or the server stops (False)."""
        if self._is_stopped or self._waiting >= WAITERS_MAX:
            return False
        self._waiting += 1
        try:
            if self._task is None:
                self._task = asyncio.create_task(self._look())
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self._head > seq or self._is_stopped)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return not self._is_stopped

    async def stop(self) -> None:
        """Everybody who waits returns."""
        self._is_stopped = True
        async with self._changed:
            self._changed.notify_all()
        if self._task is not None:
            await self._task

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    async def _look(self) -> None:
        try:
            while self._waiting and not self._is_stopped:
                head = await self._desks.short(_head)
                if head != self._head:
                    self._head = head
                    async with self._changed:
                        self._changed.notify_all()
                await asyncio.sleep(LOOK_INTERVAL_S)
        except Exception as exc:  # noqa: BLE001 - a loop's top; who waits reads again and hears of it
            _log.warning("head_unreadable", error=str(exc))
        finally:
            self._task = None  # the next who waits starts a new look


def _head(desk: Desk) -> int:
    return desk.reader.head()
