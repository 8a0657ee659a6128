"""The object store itself: a batch becomes a file for each pixel and day or hour, put once.

Knows when an event is safe; how a file is written, named and put is its neighbours'.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    Misconfigured,
    Refused,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.destinations.object_store.cloud import Cloud, require_library
from pixelwire.destinations.object_store.encode import CONTENT_BYTES_MAX, format_of
from pixelwire.destinations.object_store.folder import Folder
from pixelwire.destinations.object_store.found import Found, Marks
from pixelwire.destinations.object_store.layout import Group, Layout, grouped, key
from pixelwire.destinations.object_store.options import ObjectStoreOptions
from pixelwire.destinations.object_store.relay import Relay
from pixelwire.destinations.object_store.store import Store, TooLarge
from pixelwire.destinations.object_store.target import FOLDER
from pixelwire.destinations.object_store.trouble import NO_CONDITIONS, THEN_RESUME

PUTS_MAX: Final = 4  # at a time, of one batch
ENCODERS: Final = 2
TURNS_MAX: Final = 16  # files of one name that are somebody else's, before its owner must look
CHECK_KEY: Final = ".pixelwire-check"
CHECK_PUTS: Final = 3  # the first makes it, the second must not; one more for another check at the same time

_BY_GRAVITY: Final = (Misconfigured, Refused, Unreachable)

T = TypeVar("T")


class ObjectStore:
    def __init__(self, options: ObjectStoreOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._target = options.target
        self._layout = Layout(options.layout, options.date_format)
        self._format = format_of(options.format)
        self._is_guarded = not (options.allow_private_addresses or surroundings.allow_private_addresses)
        self._found = Found()
        self._encoders: ThreadPoolExecutor | None = None
        self._opened: Store | None = None
        if self._target.scheme != FOLDER:
            require_library()
        if self._is_guarded and (options.endpoint or "").startswith("http://"):
            hint = "give an https:// address, or set allow_private_addresses = true if it is meant"
            raise Misconfigured("endpoint: http:// is for private networks only", hint=hint)

    async def open(self) -> None:
        self._encoders = ThreadPoolExecutor(ENCODERS, "encode")
        if self._target.scheme == FOLDER:
            self._opened = Folder(Path(self._target.name), self._options.timeout_s, PUTS_MAX)
            return
        # Only an endpoint of the owner's own can lead astray: the clouds' names are ours.
        relay = Relay() if self._is_guarded and self._options.endpoint else None
        self._opened = await Cloud.open(self._options, self._format.content_type, relay)

    async def check(self) -> None:
        """Puts an empty file under a name of its own, as a send does, reads it, and takes it away.

        The second put must be refused: else the store does not know what keeps files from being replaced.
        Where taking away is not allowed the empty file stays, and the next check finds it.
        """
        for _ in range(CHECK_PUTS):
            if not await self._store.create(CHECK_KEY, b""):
                break
        else:
            text = f"{self._target.noun} {self._target.name}: a file was replaced that must not be"
            raise Misconfigured(text, hint=NO_CONDITIONS)
        await self._store.read(CHECK_KEY, CONTENT_BYTES_MAX)
        try:
            await self._store.delete(CHECK_KEY)
        except Misconfigured:
            pass  # a send needs no right to delete

    async def send(self, batch: Batch) -> BatchResult:
        gate = asyncio.Semaphore(PUTS_MAX)
        try:
            async with asyncio.TaskGroup() as tasks:
                for group in grouped(batch.items, self._layout):
                    tasks.create_task(self._deliver(group, gate))
        except BaseExceptionGroup as exc:
            raise _gravest(exc.exceptions) from exc
        return BatchResult([Sent()] * len(batch.items))

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
        if self._encoders is not None:
            self._encoders.shutdown(wait=False, cancel_futures=True)

    @property
    def _store(self) -> Store:
        assert self._opened is not None, "open() comes first"
        return self._opened

    async def _deliver(self, group: Group, gate: asyncio.Semaphore) -> None:
        """Returns when every item of the group is in a file.

        Where the first item's file is there already, an earlier send has put it, of which nobody heard: by a
        kill, a time-out, or a failure of the batch's other files. It may hold more items than this group, or
        fewer. What it holds is done; the rest gets a file that is named after the first one left.
        """
        whose, turn, left = (group.folder, group.items[0].replay), 0, group.items
        async with gate:
            if self._found.holds(whose):
                left = await self._in_thread(self._found.without, whose, left, self._format)
            while left:
                first = left[0]
                name = key(group.folder, first, self._layout, self._format.suffix, turn)
                if await self._store.create(name, await self._in_thread(self._format.encode, left)):
                    self._found.forget(whose)
                    return
                self._found.remember(whose, await self._marks(name))
                left = await self._in_thread(self._found.without, whose, left, self._format)
                turn = turn + 1 if left and left[0] is first else 0
                if turn > TURNS_MAX:
                    hint = f"give this destination a prefix of its own, {THEN_RESUME}"
                    raise Misconfigured(f"{name} and its like are files of another server", hint=hint)

    async def _marks(self, name: str) -> Marks:
        try:
            content = await self._store.read(name, CONTENT_BYTES_MAX)
        except TooLarge:
            return Marks()
        return await self._in_thread(self._format.marks, content)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Work over a whole file: on the event loop's thread it would hold up every other destination."""
        assert self._encoders is not None, "open() comes first"
        return await asyncio.get_running_loop().run_in_executor(self._encoders, work, *arguments)


def _gravest(errors: Sequence[BaseException]) -> BaseException:
    """Of a batch's failures the one to tell: a fault of the program, else what its owner must mend."""
    ranked = (error for kind in _BY_GRAVITY for error in errors if isinstance(error, kind))
    faults = (error for error in errors if not isinstance(error, _BY_GRAVITY))
    return next(faults, None) or next(ranked)


SPEC: Final = DestinationSpec(
    kind="object_store",
    summary="Batches of events as files in S3, Google Cloud Storage, Azure or a folder: NDJSON or Parquet.",
    options=ObjectStoreOptions,
    build=ObjectStore,
    batch_limits=lambda options: BatchLimits(
        concurrency=1,
        events_max=options.file_events_max,
        bytes_max=options.file_bytes_max,
        linger_s=options.file_age_s,
        keeps_order=True,
    ),
)
