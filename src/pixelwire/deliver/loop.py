"""One destination's loop, from its row in the catalog to its end: whether it may run at all, and its state.

Knows no other destination. Does not write down single events (books.py) and does not send them (sender.py).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from pixelwire.catalog.snapshot import DestinationEntry
from pixelwire.deliver.books import Books
from pixelwire.deliver.bounds import bounds_of
from pixelwire.deliver.course import Course, live
from pixelwire.deliver.dispatch import Dispatch
from pixelwire.deliver.fetch import Fetch
from pixelwire.deliver.intake import Intake
from pixelwire.deliver.ledger import Progress
from pixelwire.deliver.recall import Recall
from pixelwire.deliver.restored import cut_one
from pixelwire.deliver.retry import probe_delay_s
from pixelwire.deliver.routes import Routes, route_of
from pixelwire.deliver.sender import Sender
from pixelwire.deliver.shared import Shared
from pixelwire.destinations import registry
from pixelwire.destinations.base import BatchLimits, Destination, Misconfigured, Unreachable
from pixelwire.telemetry import logger

CURSOR: Final = "the cursor is "
GO_ON: Final = "if that is right, as after a restore: `pixelwire destination resume`"
FINISH_S_MAX: Final = 30.0  # what is under way when the owner changes or removes the destination


class Heads(msgspec.Struct, frozen=True):
    """What is on disk."""

    store: str  # "" while nothing was recorded
    head: int


class Loop:
    """Lives as long as the entry's revision. `run` ends after `stop`, or raises what went wrong."""

    def __init__(
        self,
        shared: Shared,
        entry: DestinationEntry,
        heads: Heads,
        course: Course | None = None,
        *,
        paused_by: str = "",
        on_pause: Callable[[str, str], None] = lambda destination_id, reason: None,
    ) -> None:
        """Without a course it is the destination's own. `paused_by`: for a replay, why its destination is."""
        self.entry = entry
        self.course = course or live(entry)
        self.is_done = False  # a replay that has come to its end
        self._paused_by = paused_by
        self._on_pause = on_pause
        self._shared = shared
        self._pixels = entry.pixels
        self._heads = heads
        self._news = asyncio.Event()
        self._is_stopping = False
        self._progress: Progress | None = None
        self._books: Books | None = None
        self._sender: Sender | None = None
        self._intake: Intake | None = None
        self._recall: Recall | None = None
        self._noted: tuple[Any, ...] = ()
        self._log = logger("deliver").bind(destination=entry.id, name=entry.name)
        if self.course.replay:
            self._log = self._log.bind(replay=self.course.replay)

    @property
    def is_met(self) -> bool:
        """Whether it knows its row."""
        return self._progress is not None

    @property
    def pause(self) -> str:
        """Why it is paused; "" when it is not."""
        return self._progress.reason if self._progress is not None and self._is_paused_still() else ""

    def hold(self, reason: str) -> None:
        """Its destination is paused: a replay pauses too, until that is resumed."""
        self._paused_by = reason
        if self._sender is not None and not self._sender.stopping.is_set():
            self._sender.misconfigured = Misconfigured(reason)
            self._sender.stop()

    def announce(self, heads: Heads, pixels: frozenset[int]) -> None:
        """The pixels were looked up after the heads (see Intake)."""
        self._heads, self._pixels = heads, pixels
        if self._intake is not None:
            self._intake.announce(heads.head, pixels)
        self._news.set()

    def recall(self) -> None:
        """Dead letters of it may have to be sent again."""
        if self._recall is not None:
            self._recall.announce()

    def stop(self) -> None:
        self._is_stopping = True
        if self._sender is not None:
            self._sender.stop()
        self._news.set()

    def note(self) -> None:
        """Has the row written if it differs from what was written last: for what changes without an event."""
        if self._progress is None:
            return
        if self._has_ended():
            self.is_done = True
            self.stop()
        now = self._progress_now()
        shown = (
            now.cursor,
            now.state,
            now.reason,
            now.retry_at_ms,
            now.revision,
            now.store,
            now.last_error_ms,
        )
        if shown != self._noted:
            self._noted = shown
            self._shared.ledger.gather().progress[now.number] = self._progress_now

    def fail(self, reason: str) -> None:
        """It ended by an error and will be started again."""
        if self._progress is not None:
            self._enter("failed", reason)

    async def run(self) -> None:
        self._progress = await self._shared.ledger.adopt(
            self.course.id,
            store=self._heads.store,
            # A new one begins with what there is: nothing was taken from it.
            start_after=max(self.course.start_after, await self._shared.source.oldest() - 1),
            now_ms=self._shared.clock.now_ms(),
        )
        if not self.entry.is_enabled:
            self._enter("disabled", "")
        elif self._paused_by:
            self._enter("paused", self._paused_by)
        elif self._is_paused_still():
            self._log.warning("destination_stays_paused", reason=self._progress.reason)
        else:
            await self._cursor_that_fits()
            await self._deliver()
        await self._until_stopped()
        self.note()
        if self.is_done:
            await self._finish()

    # -- Private -----------------------------------------------------------------------------------

    def _progress_now(self) -> Progress:
        assert self._progress is not None
        self._progress.store = self._progress.store or self._heads.store
        return self._books.progress_now() if self._books else self._progress

    def _enter(self, state: str, reason: str, *, in_s: float | None = None) -> None:
        assert self._progress is not None, "run() begins with it"
        now_ms = self._shared.clock.now_ms()
        self._progress.enter(state, reason, now_ms, None if in_s is None else now_ms + int(in_s * 1_000))
        self._progress.revision = self.entry.revision
        self.note()

    def _has_ended(self) -> bool:
        """Whether a replay has nothing left to send."""
        if self.course.end_seq is None or self._books is None or self._is_stopping:
            return False
        backlog, number = self._books.backlog, self._books.number
        is_at_end = backlog.cursor >= self.course.end_seq and not backlog.parked
        return is_at_end and not self._shared.ledger.has_retried(number)

    async def _finish(self) -> None:
        assert self._progress is not None
        group = self._shared.ledger.gather()
        group.add("finish_replay", [(self._progress.number, self._shared.clock.now_ms())])
        await group.durable.wait()
        self._log.info("replay_done", sent=self._progress.sent_total, dead=self._progress.dead_total)

    def _is_paused_still(self) -> bool:
        """It was paused with this revision: only a change by its owner resumes it."""
        assert self._progress is not None
        return self._progress.state == "paused" and self.entry.revision <= self._progress.revision

    async def _until_stopped(self, timeout_s: float | None = None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not self._is_stopping:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass  # the wait was not for the end alone

    async def _cursor_that_fits(self) -> None:
        """Waits, loudly, while the cursor is not one of the events on disk: going on would lose or repeat."""
        while not self._is_stopping and self._cursor_problem(self._heads):
            self._news.clear()
            # A destination made just now may begin after a head that the courier has not heard of yet. What
            # it has heard of stays what is read up to: beyond that, the pixels may not be known.
            heads = Heads(*await self._shared.source.head())
            problem = self._cursor_problem(heads)
            if not problem:
                return
            if self._is_accepted():
                self._go_on_here(problem, heads)
                return
            assert self._progress is not None
            if problem != self._progress.reason:
                self._log.error("cursor_does_not_fit", reason=problem)
            self._enter("failed", problem)
            await self._news.wait()

    def _is_accepted(self) -> bool:
        """The owner has seen that it does not fit, and then said to go on."""
        assert self._progress is not None
        is_told = self._progress.state == "failed" and self._progress.reason.startswith(CURSOR)
        return is_told and self.entry.revision > self._progress.revision

    def _go_on_here(self, problem: str, heads: Heads) -> None:
        """With the events of this store, at the cursor; if that is beyond them all, with the next event."""
        assert self._progress is not None
        progress, head = self._progress, heads.head
        self._log.warning("cursor_accepted", cursor=min(progress.cursor, head), reason=problem)
        end_seq = self.course.end_seq
        if progress.cursor > head or (end_seq or 0) > head:
            progress.cursor = min(progress.cursor, head)
            if end_seq is not None:
                self.course = msgspec.structs.replace(self.course, end_seq=min(end_seq, head))
            self._shared.ledger.gather().chores.append(
                lambda connection: cut_one(connection, progress.number, head)
            )
        progress.store = heads.store

    def _cursor_problem(self, heads: Heads) -> str:
        assert self._progress is not None
        progress = self._progress
        if heads.store and progress.store and heads.store != progress.store:
            return f"{CURSOR}of store {progress.store}, the events on disk are of {heads.store}; {GO_ON}"
        if progress.cursor > heads.head:
            return f"{CURSOR}at event {progress.cursor}, the newest on disk is {heads.head}; {GO_ON}"
        return ""

    async def _deliver(self) -> None:
        """Until stopped, or until the owner must act."""
        if self._is_stopping:
            return
        destination: Destination | None = None
        routes: Routes | None = None
        try:
            routes = Routes(route_of(self.entry), self._shared.pixel_id, self.course.replay)
            destination, limits = registry.build(
                self.entry.kind, self.entry.options, self._shared.surroundings
            )
            await self._open(destination)
            if self._paused_by:
                raise Misconfigured(self._paused_by)  # its destination was paused meanwhile
            if not self._is_stopping:  # else there is nobody left to tell the slots
                await self._run_slots(destination, limits, routes)
        except Misconfigured as exc:
            self._pause(exc)
        finally:
            if routes is not None:
                routes.close()
            if destination is not None:
                await destination.close()

    async def _open(self, destination: Destination) -> None:
        attempts = 0
        while not self._is_stopping:
            try:
                return await destination.open()
            except Unreachable as exc:
                delay_s = probe_delay_s(
                    self._shared.policy, probes=attempts, after_s=None, chance=self._shared.chance()
                )
                attempts += 1
                self._enter("down", str(exc), in_s=delay_s)
                await self._until_stopped(delay_s)
        return None

    async def _run_slots(self, destination: Destination, limits: BatchLimits, routes: Routes) -> None:
        assert self._progress is not None
        self._books = Books(self._shared, self._progress, self.course.id, bounds_of(limits))
        fetch = Fetch(self._shared, self._progress.number, self._books)
        dispatch = Dispatch(destination, routes, self._books.backlog.bounds.batch_bytes)
        self._sender = Sender(self._shared, self._books, fetch, dispatch)
        self._intake = Intake(
            self._shared, self._progress.number, self._books, self._sender, routes, self.course
        )
        self._recall = Recall(self._shared, self._progress.number, self._books, self._sender)
        if self.course.replay:
            row = (self._progress.number, self._shared.clock.now_ms())
            self._shared.ledger.gather().add("start_replay", [row])
        self._enter("running", "")
        async with asyncio.TaskGroup() as tasks:
            slots = [tasks.create_task(self._sender.run_slot()) for _ in range(limits.concurrency)]
            feeders = [tasks.create_task(self._intake.run()), tasks.create_task(self._recall.run())]
            self._intake.announce(self._heads.head, self._pixels)
            await self._sender.stopping.wait()
            await asyncio.wait(slots, timeout=FINISH_S_MAX)
            for task in (*feeders, *slots):
                task.cancel()
        if self._sender.misconfigured is not None:
            raise self._sender.misconfigured

    def _pause(self, exc: Misconfigured) -> None:
        self._log.error("destination_paused", reason=exc.text, remedy=exc.hint)
        self._enter("paused", str(exc))
        self._on_pause(self.entry.id, str(exc))
