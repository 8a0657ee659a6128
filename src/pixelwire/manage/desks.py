"""Threads that read and write the files, so that the event loop never waits for a disk. Knows no HTTP.

A database connection belongs to one thread at a time: each thread has its own desk. Few threads, in two
groups, so that long reads (exports, counts of names) can not keep short ones (Get pixel, receipts) waiting.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from pixelwire.catalog.store import Catalog
from pixelwire.deliver.state import Deliveries
from pixelwire.home import Identity, check_home
from pixelwire.record.reader import Reader

SHORT_THREADS: Final = 2
LONG_THREADS: Final = 1

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Desk:
    """What one thread has at hand; each is opened when first asked for."""

    def __init__(self, data_dir: Path, home: Identity | None = None) -> None:
        self.data_dir = data_dir
        self.lock = threading.Lock()  # held while somebody sits here
        self._home = home
        self.reader = Reader(data_dir)
        self.deliveries = Deliveries(data_dir)
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """CatalogError while it can not be opened, DataDirectoryError while the directory is away."""
        if self._catalog is None:
            self.check_home()
            self._catalog = Catalog.open(self.data_dir)
        return self._catalog

    def check_home(self) -> None:
        """DataDirectoryError when the data directory is not at its place."""
        check_home(self.data_dir, self._home)

    def close(self) -> None:
        self.reader.close()
        self.deliveries.close()
        if self._catalog is not None:
            self._catalog.close()


class Desks:
    """The desks of a data directory, and the threads that sit at them."""

    def __init__(self, data_dir: Path, home: Identity | None = None) -> None:
        self._data_dir = data_dir
        self._home = home
        self._local = threading.local()
        self._open: list[Desk] = []
        self._short = ThreadPoolExecutor(SHORT_THREADS, "desk-short", initializer=self._sit_down)
        self._long = ThreadPoolExecutor(LONG_THREADS, "desk-long", initializer=self._sit_down)

    async def short(
        self,
        work: Callable[Concatenate[Desk, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Runs `work(desk, ...)`, which takes a few milliseconds."""
        return await self._run(self._short, work, *args, **kwargs)

    async def long(
        self,
        work: Callable[Concatenate[Desk, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Runs `work(desk, ...)`, which may take its time."""
        return await self._run(self._long, work, *args, **kwargs)

    def tidy(self) -> None:
        """At desks where nobody sits, lets go of files that retention removed: they would keep their room."""
        for desk in list(self._open):
            if desk.lock.acquire(blocking=False):
                try:
                    desk.reader.forget_removed()
                finally:
                    desk.lock.release()

    def close(self) -> None:
        """Waits for what is running, which is short, and forgets what is not."""
        for pool in (self._short, self._long):
            pool.shutdown(cancel_futures=True)
        for desk in self._open:
            desk.close()
        self._open.clear()

    async def _run(
        self,
        pool: ThreadPoolExecutor,
        work: Callable[Concatenate[Desk, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        def at_desk() -> Result:
            desk: Desk = self._local.desk
            with desk.lock:
                return work(desk, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(pool, at_desk)

    def _sit_down(self) -> None:
        desk = Desk(self._data_dir, self._home)
        self._local.desk = desk
        self._open.append(desk)
