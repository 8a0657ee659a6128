"""Where the files of a store are: in a data directory, or in a backup under the names of its manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw

from pixelwire.backup.copying import open_still
from pixelwire.backup.manifest import Manifest
from pixelwire.catalog.database import catalog_path
from pixelwire.deliver.database import delivery_path
from pixelwire.record.segments import segment_numbers, segment_path, totals_path

BUSY_WAIT_MS = 10_000


class StoreFiles(NamedTuple):
    segments: Callable[[], dict[int, Path]]  # by number, oldest first, as they are when it is called
    totals: Path | None
    catalog: Path | None
    delivery: Path | None
    is_still: bool  # nobody writes to them, and nothing may be made beside them

    def open(self, path: Path) -> apsw.Connection:
        """One view of a database. apsw.Error when it can not be read."""
        if self.is_still:
            return open_still(path)
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(BUSY_WAIT_MS)
        connection.execute("BEGIN")
        return connection


def of_data_dir(data_dir: Path) -> StoreFiles:
    """As they are just now; a server may run."""
    return StoreFiles(
        segments=lambda: {number: segment_path(data_dir, number) for number in segment_numbers(data_dir)},
        totals=_if_there(totals_path(data_dir)),
        catalog=_if_there(catalog_path(data_dir)),
        delivery=_if_there(delivery_path(data_dir)),
        is_still=False,
    )


def of_backup(directory: Path, found: Manifest) -> StoreFiles:
    def at(name: str) -> Path | None:
        file = found.named(name)
        return directory / file.path if file is not None else None

    return StoreFiles(
        segments=lambda: {number: directory / file.path for number, file in found.segments().items()},
        totals=at("totals.db"),
        catalog=at("catalog.db"),
        delivery=at("delivery.db"),
        is_still=True,
    )


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None
