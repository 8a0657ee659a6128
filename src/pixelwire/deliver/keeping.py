"""Keeps a loop running for every destination in the catalog, and for the replays to it: one at a time.

Knows no single event, and not where the catalog is. A loop that fails is started again by itself.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from pixelwire.catalog.snapshot import DestinationEntry
from pixelwire.deliver.course import Course
from pixelwire.deliver.loop import Heads, Loop
from pixelwire.deliver.replays import going
from pixelwire.deliver.retry import back_off_s
from pixelwire.deliver.shared import Shared
from pixelwire.telemetry import logger

STOP_GRACE_S: Final = 0.5  # what is under way at the end may finish, so that it is not sent again
RESTART_FIRST_S: Final = 1.0
RESTART_MAX_S: Final = 30.0
MEET_S: Final = 0.05


class Keeping:
    """On the event loop's thread."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._heads = Heads("", 0)
        self._wanted: dict[str, DestinationEntry] = {}
        self._replays: dict[str, Course] = {}
        self._loops: dict[str, Loop] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False
        self._log = logger("deliver")

    @property
    def is_idle(self) -> bool:
        """There is no destination."""
        return not self._wanted

    def apply(self, entries: Iterable[DestinationEntry]) -> None:
        """What the catalog says now."""
        self._wanted = {entry.id: entry for entry in entries}
        for loop in self._loops.values():
            entry = self._wanted.get(loop.entry.id)
            if entry is None or entry.revision != loop.entry.revision:
                loop.stop()
        for destination_id in {*self._wanted, *self._shared.ledger.known()} - self._keepers.keys():
            self._keepers[destination_id] = asyncio.create_task(self._keep(destination_id))
        self._take_up_replays()

    def announce(self, heads: Heads) -> None:
        """How far the events go. The catalog was read after that."""
        self._heads = heads
        for loop in self._loops.values():
            entry = self._wanted.get(loop.entry.id)
            if entry is not None and entry.revision == loop.entry.revision:
                loop.announce(heads, entry.pixels)

    def changed(self, destination_id: str) -> None:
        """An order changed letters or replays of a destination."""
        for loop in self._loops.values():
            if loop.entry.id == destination_id:
                loop.recall()
        self._take_up_replays()

    def note(self) -> None:
        """Has the rows written that differ from what was written last."""
        for loop in self._loops.values():
            loop.note()

    async def end(self) -> None:
        """Stops everything; what is under way may finish if it does so soon."""
        self._is_stopping = True
        for loop in self._loops.values():
            loop.stop()
        keepers = list(self._keepers.values())
        if keepers:
            _, late = await asyncio.wait(keepers, timeout=STOP_GRACE_S)
            for keeper in late:
                keeper.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # -- Destinations ------------------------------------------------------------------------------

    async def _keep(self, destination_id: str) -> None:
        """Keeps a destination's loop running as the catalog says, until it is no longer there."""
        failures = 0
        while (entry := self._wanted.get(destination_id)) is not None:
            loop = Loop(self._shared, entry, self._heads, on_pause=self._hold_replays)
            failures = await self._run(destination_id, loop, failures)
            if self._is_stopping:
                return
        self._forget(destination_id)

    async def _run(self, id_: str, loop: Loop, failures: int) -> int:
        """Runs a loop to its end. How often in a row one has failed."""
        self._loops[id_] = loop
        started_s = self._shared.clock.monotonic_s()
        try:
            await loop.run()
            return 0
        except Exception as exc:  # noqa: BLE001 a loop's top: the others must not suffer
            if self._shared.clock.monotonic_s() - started_s > RESTART_MAX_S:
                failures = 0
            failures += 1
            self._log.exception("loop_failed", destination=loop.entry.id, failures=failures)
            loop.fail(f"stopped by an error: {_cause(exc)}; it is started again")
            await asyncio.sleep(back_off_s(RESTART_FIRST_S, RESTART_MAX_S, failures, 1.0))
            return failures

    def _forget(self, id_: str) -> None:
        """Its owner deleted the destination."""
        self._loops.pop(id_, None)
        del self._keepers[id_]
        self._shared.ledger.gather().add("remove", [(id_, self._shared.clock.now_ms())])

    # -- Replays -----------------------------------------------------------------------------------

    def _take_up_replays(self) -> None:
        self._replays = {course.id: course for course in going(self._shared.ledger)}
        for loop in self._loops.values():
            if loop.course.replay and loop.course.id not in self._replays:
                loop.stop()
        for course in self._replays.values():
            if course.destination_id in self._wanted and course.id not in self._keepers:
                self._keepers[course.id] = asyncio.create_task(self._keep_replay(course.id))

    async def _keep_replay(self, replay_id: str) -> None:
        """Keeps a replay running until it is at its end, or its destination is no longer there."""
        failures = 0
        while (course := self._replays.get(replay_id)) is not None:
            paused_by = await self._pause_of(course.destination_id)
            entry = self._wanted.get(course.destination_id)
            if entry is None:
                self._forget(replay_id)
                return
            loop = Loop(self._shared, entry, self._heads, course, paused_by=paused_by)
            failures = await self._run(replay_id, loop, failures)
            if self._is_stopping:
                return
            self._take_up_replays()
        self._loops.pop(replay_id, None)
        del self._keepers[replay_id]

    def _hold_replays(self, destination_id: str, reason: str) -> None:
        """A destination pauses, and its replays with it."""
        for loop in self._loops.values():
            if loop.course.replay and loop.entry.id == destination_id:
                loop.hold(reason)

    async def _pause_of(self, destination_id: str) -> str:
        """Why a destination is paused; "" when it is not."""
        while destination_id in self._wanted and not self._is_stopping:
            loop = self._loops.get(destination_id)
            if loop is not None and loop.is_met:
                return loop.pause
            await asyncio.sleep(MEET_S)
        return ""


def _cause(exc: Exception) -> str:
    """The error that began it, out of the groups that tasks put around it."""
    inner: BaseException = exc
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return str(inner) or type(inner).__name__
