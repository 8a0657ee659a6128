"""The catalog as the management process and the command line open it: every subject behind one door."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pixelwire.catalog.database import catalog_path, open_to_write, writing
from pixelwire.catalog.orders import Orders
from pixelwire.catalog.pixels import Pixels
from pixelwire.catalog.schema import migrate
from pixelwire.catalog.tokens import Tokens
from pixelwire.clock import Clock, SystemClock


class Catalog(Pixels, Tokens, Orders):
    """Reads and writes. Belongs to one thread; every call is one transaction, on disk when it returns."""

    @classmethod
    def open(cls, data_dir: Path, clock: Clock | None = None) -> Self:
        """Makes the file when it is missing. CatalogError; SchemaMismatch when it is newer than this."""
        connection = open_to_write(catalog_path(data_dir))
        try:
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, clock or SystemClock())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All calls inside are one transaction, on disk when the block ends; an error undoes them all."""
        with writing(self._connection):
            yield
